"""A pool of external workers for an engine, ended with all its workers by SIGTERM.

``python deploy/worker_pool.py [ADDRESS]``: HOST:PORT, PORT on this machine's loopback, or unix:PATH; 127.0.0.1:50000 without one.

Whoever reaches the pool can start programs. `apache_beam.runners.worker.worker_pool_main` listens on every interface, and leaves
its workers behind when it is terminated. Workers are started as ``python``, whichever comes first on the PATH.
"""

import signal
import sys
import threading

from pipeline.beam_internals import LOOPBACK, WorkerPool


def main(address: str = "50000") -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    pool = WorkerPool(f"{LOOPBACK}:{address.lstrip(':')}" if address.lstrip(":").isdigit() else address)
    print(f"pool listens on {pool.address}", flush=True)
    ended.wait()
    pool.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
