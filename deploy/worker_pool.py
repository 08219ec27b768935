"""Beam's pool of external workers on one address, ended with all its workers by SIGTERM.

``python deploy/worker_pool.py 127.0.0.1:50000``

`apache_beam.runners.worker.worker_pool_main` listens on every interface, where whoever reaches it can start programs, and leaves
its workers behind when it is terminated. Workers are started as ``python``, whichever comes first on the PATH.
"""

import signal
import sys
import threading

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc  # noqa: TID251 - a program of Beam's own side
from apache_beam.runners.worker.worker_pool_main import (  # noqa: TID251
    BeamFnExternalWorkerPoolServicer,
    kill_process_gracefully,
)
from apache_beam.utils import thread_pool_executor  # noqa: TID251


def main(address: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    # the options of Beam's own server; -1: no limit but the bundle's size, as there
    server = grpc.server(
        thread_pool_executor.shared_unbounded_instance(),
        options=[("grpc.http2.max_pings_without_data", 0), ("grpc.http2.max_ping_strikes", 0), ("grpc.so_reuseport", 0)],
    )
    pool = BeamFnExternalWorkerPoolServicer(use_process=True, data_buffer_time_limit_ms=-1)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(address)
    server.start()
    print(f"pool listens on {address}", flush=True)
    ended.wait()
    server.stop(0)
    for process in list(pool._worker_processes.values()):
        kill_process_gracefully(process, timeout=5)


if __name__ == "__main__":
    main(sys.argv[1])
