"""Engines on this machine, as servers in processes of their own, and the flags that lead a run to each."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import answers_grpc, free_port, need, running

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("two processes", "every bundle twice", "portable", "Prism", "Prism server, worker pool")


@contextlib.contextmanager
def worker_pool() -> Iterator[str]:
    """A pool of external workers, as a node of a cluster has it: its address."""
    program = str(ROOT / "deploy" / "worker_pool.py")
    # the pool starts "python", whichever comes first
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with running(lambda port: [sys.executable, program, f"127.0.0.1:{port}"], answers_grpc, env=env) as port:
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def prism_server() -> Iterator[str]:
    """Prism as a server of its own: the address for jobs."""
    program = need("prism")
    with running(lambda port: [program, "-job_port", str(port), "-web_port", str(free_port())], answers_grpc) as port:
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def engine(name: str) -> Iterator[tuple[str, ...]]:
    """The flags that lead a run to one of ENGINES."""
    if name == "two processes":
        yield "--direct_running_mode=multi_processing", "--direct_num_workers=2"
    elif name == "every bundle twice":
        yield ("--direct_runner_bundle_repeat=1",)
    elif name == "portable":
        yield "--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"
    elif name == "Prism":
        with prism_server() as jobs:
            yield "--runner=PrismRunner", f"--job_endpoint={jobs}", "--environment_type=LOOPBACK"
    else:
        assert name == "Prism server, worker pool"
        with prism_server() as jobs, worker_pool() as workers:
            environment = ("--environment_type=EXTERNAL", f"--environment_config={workers}")
            yield ("--runner=PortableRunner", f"--job_endpoint={jobs}", *environment)
