"""All that the job knows of Beam's inside: what no documentation promises, and another release may do in another way.

Beam's own servers listen on all interfaces without a password, and one of their services hands out any file that the run may
read. Here are servers with the services that workers need and no other, on Unix sockets or on loopback.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import Environment

from .errors import RunError, UsageError

OTHER_BEAM = "this release of Apache Beam works in another way inside than 2.75 to 2.77 do: install one of these"

try:
    from apache_beam.portability.api import beam_fn_api_pb2_grpc
    from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner, SwitchingDirectRunner
    from apache_beam.runners.portability.fn_api_runner import fn_runner, worker_handlers
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
    from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
    from apache_beam.runners.portability.portable_runner import PortableRunner
    from apache_beam.runners.runner import create_runner
    from apache_beam.runners.worker import data_plane
    from apache_beam.runners.worker.sdk_worker import SdkHarness
    from apache_beam.runners.worker.statesampler import StateSampler
    from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer, kill_process_gracefully
    from apache_beam.utils import thread_pool_executor
except ImportError:
    raise UsageError(OTHER_BEAM) from None

T = TypeVar("T", bound=PipelineOptions)

LOOPBACK = "127.0.0.1"
_URN = "dicom-deid:env:process:v1"
_SERVICES = ("control", "data", "state", "logging")
#: what Beam's own worker processes have
_STATE_CACHE_BYTES = 100 << 20
_SAMPLING_MILLISECONDS = 10
#: those of Beam's servers: messages of any size, and pings as their clients send them
_SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    # nobody else is to be served on a port of ours
    ("grpc.so_reuseport", 0),
)
_STOP_SECONDS = 5


class Worker(Protocol):
    """A process that works for Beam's runner."""

    def wait(self) -> None:
        """Return when it has ended, as it does when its connection is closed."""


# -- what is assumed


def check() -> None:
    """Look whether Beam works inside as this module takes it to.

    Raises:
        UsageError: it doesn't.
    """
    try:
        holds = all(assumption() for assumption in _ASSUMPTIONS)
    except (AttributeError, LookupError, TypeError, ValueError):
        holds = False
    if not holds:
        raise UsageError(OTHER_BEAM)


def _takes(function: Any, *names: str) -> bool:
    return list(inspect.signature(function).parameters) == list(names)


def _uses(function: Any, *names: str) -> bool:
    return set(names) <= set(function.__code__.co_names)


_ADDRESSES = tuple(f"{service}_port" for service in _SERVICES)
_ASSUMPTIONS: tuple[Callable[[], bool], ...] = (
    # the runner makes its server of three things, and finds its class by that name
    lambda: _takes(worker_handlers.GrpcServer, "state", "provision_info", "worker_manager"),
    lambda: _uses(worker_handlers.WorkerHandlerManager.get_worker_handlers, "GrpcServer"),
    lambda: _uses(FnApiRunner.run_stages, "WorkerHandlerManager"),
    lambda: vars(fn_runner)["WorkerHandlerManager"] is worker_handlers.WorkerHandlerManager,
    # its server is known to others by its addresses, of which port_from_worker makes URLs, and by two parts
    lambda: _uses(worker_handlers.GrpcServer.__init__, *_ADDRESSES, "control_handler", "data_plane_handler"),
    lambda: _takes(GrpcWorkerHandler, "state", "provision_info", "grpc_server"),
    lambda: _uses(GrpcWorkerHandler.__init__, "control_address", "port_from_worker", "control_port"),
    lambda: _takes(GrpcWorkerHandler.port_from_worker, "self", "port"),
    lambda: all(
        _uses(getattr(GrpcWorkerHandler, f"{service}_api_service_descriptor"), "port_from_worker", f"{service}_port")
        for service in _SERVICES
    ),
    lambda: issubclass(worker_handlers.ExternalWorkerHandler, GrpcWorkerHandler),
    lambda: "port_from_worker" not in vars(worker_handlers.ExternalWorkerHandler),
    lambda: _takes(worker_handlers.BeamFnControlServicer, "worker_manager"),
    lambda: _takes(worker_handlers.BeamFnControlServicer.Control, "self", "iterator", "context"),
    lambda: _takes(worker_handlers.GrpcStateServicer, "state"),
    lambda: _takes(data_plane.BeamFnDataServicer, "data_buffer_time_limit_ms"),
    lambda: isinstance(worker_handlers.DATA_BUFFER_TIME_LIMIT_MS, int),
    # workers
    lambda: _takes(WorkerHandler.register_environment, "urn", "payload_type"),
    lambda: {"control_address", "worker_id", "state_cache_size"} <= set(inspect.signature(SdkHarness).parameters),
    lambda: [*inspect.signature(StateSampler).parameters][-1] == "sampling_period_ms",
    lambda: StateSampler.__init__.__defaults__ in ((200,), (_SAMPLING_MILLISECONDS,)),
    # workers of the command
    lambda: _uses(PortableRunner.start_and_replace_loopback_environments, "BeamFnExternalWorkerPoolServicer", "start"),
    lambda: (
        set(inspect.signature(BeamFnExternalWorkerPoolServicer).parameters) | {"port"}
        == set(inspect.signature(BeamFnExternalWorkerPoolServicer.start).parameters)
    ),
    # options
    lambda: _takes(PipelineOptions._add_argparse_args, "parser"),
    lambda: _takes(PipelineOptions.view_as, "self", "cls"),
    lambda: callable(PipelineOptions.__getstate__),
    lambda: _takes(create_runner, "runner_name"),
)


# -- options


def options_parser() -> argparse.ArgumentParser:
    """A parser of all options that Beam knows."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)  # type: ignore[arg-type]
    return parser


def flags_of(options: type[PipelineOptions]) -> list[str]:
    """The flags of one kind of Beam's options."""
    parser = argparse.ArgumentParser(add_help=False)
    options._add_argparse_args(parser)  # type: ignore[arg-type]
    return [flag for action in parser._actions for flag in action.option_strings]


def runner_class(name: str) -> type[PipelineRunner]:
    """Beam's class for ``--runner``, whose name may be short, in small letters, or that of a class.

    Raises:
        ValueError, ImportError, AttributeError: there is none.
    """
    found = type(create_runner(name))
    # one would look whether Prism, a download, can do it first; the other was seen to give a step the side input of another one
    return FnApiRunner if issubclass(found, (SwitchingDirectRunner, BundleBasedDirectRunner)) else found


class CachedOptions(PipelineOptions):
    """Beam's options, with one view for each of their kinds: Beam asks for some at every step, and parses anew each time."""

    def view_as(self, cls: type[T]) -> T:
        """As Beam's; all views share their values in any case."""
        views: dict[type[PipelineOptions], PipelineOptions] = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return cast(T, views[cls])

    def __getstate__(self) -> dict[str, Any]:
        # a copy has its own values, and makes its own views
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_views"}


# -- the runner and its server


def runner_of_processes(assign: Callable[[str, str], Worker]) -> PipelineRunner:
    """Make a runner whose workers are the command's own processes.

    Args:
        assign: lets one of them work for the control address and under the worker id that it is given.
    """
    WorkerHandler.register_environment(_URN, None)(functools.partial(_Handler, assign))
    return FnApiRunner(_ProcessEnvironment())


class _ProcessEnvironment(Environment):
    """To Beam: where the steps run."""

    def to_runner_api_parameter(self, context: object) -> tuple[str, None]:
        return _URN, None


class _Handler(GrpcWorkerHandler):
    """To Beam's runner: a worker to start and stop."""

    def __init__(self, assign: Callable[[str, str], Worker], payload: None, *runner: Any) -> None:
        super().__init__(*runner)
        self._assign = assign

    def start_worker(self) -> None:
        self._worker = self._assign(self.control_address, self.worker_id)

    def stop_worker(self) -> None:
        self._worker.wait()


class _SocketServer:
    """In place of Beam's server, with what its other parts look for in it: the same services, but for those that give out files.

    Each service has a socket of its own: a worker's requests for state don't wait behind its data.
    """

    def __init__(
        self, folder: Path, hear: Callable[[str], object], state: Any, provision_info: object, worker_manager: Any
    ) -> None:
        self.control_handler = _ControlServicer(hear, worker_manager)
        self.data_plane_handler = data_plane.BeamFnDataServicer(worker_handlers.DATA_BUFFER_TIME_LIMIT_MS)
        self.control_port, self.data_port, self.state_port, self.logging_port = (f"unix:{folder / name}" for name in _SERVICES)
        api, handlers = beam_fn_api_pb2_grpc, worker_handlers
        served = (
            (self.control_port, api.add_BeamFnControlServicer_to_server, self.control_handler),
            (self.data_port, api.add_BeamFnDataServicer_to_server, self.data_plane_handler),
            (self.state_port, api.add_BeamFnStateServicer_to_server, handlers.GrpcStateServicer(state)),
            (self.logging_port, api.add_BeamFnLoggingServicer_to_server, handlers.BasicLoggingService()),
        )
        self._servers = [_serve(*service)[0] for service in served]

    def close(self) -> None:
        self.control_handler.done()
        for stopped in [server.stop(_STOP_SECONDS) for server in self._servers]:
            stopped.wait()


class _ControlServicer(worker_handlers.BeamFnControlServicer):
    """Beam's, which tells of a worker's error when it comes: the runner waits for all other workers first."""

    def __init__(self, hear: Callable[[str], object], worker_manager: Any) -> None:
        super().__init__(worker_manager)
        self._hear = hear

    def Control(self, iterator: Iterable[Any], context: Any) -> Iterator[Any]:
        """As the base class."""
        return super().Control(map(self._heard, iterator), context)

    def _heard(self, response: Any) -> Any:
        if response.error:
            self._hear(response.error)
        return response


def _serve(address: str, add: Callable[[object, grpc.Server], None], service: object) -> tuple[grpc.Server, int]:
    """Serve something; returns the server and its port, if it has one."""
    server = grpc.server(thread_pool_executor.shared_unbounded_instance(), options=_SERVER_OPTIONS)
    add(service, server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port


@contextlib.contextmanager
def closed_to_others(folder: Path | None, hear: Callable[[str], object] = str, *, embedded: bool = False) -> Iterator[None]:
    """See to it that Beam, within this process, listens on sockets in ``folder`` only, or that it fails where there is none.

    Args:
        hear: told of each error of a worker there, with its traceback, before the runner knows of it.
        embedded: the engine is in this process, too. Else workers in it (LOOPBACK) are waited for on a port of this machine's
            loopback, for engines may be programs that know nothing else.
    """
    replaced: tuple[tuple[Any, str, object], ...] = (
        (worker_handlers, "GrpcServer", functools.partial(_SocketServer, folder, hear) if folder else _refuse),
        # they are whole addresses
        (GrpcWorkerHandler, "port_from_worker", lambda self, port: port),
        (
            BeamFnExternalWorkerPoolServicer,
            "start",
            staticmethod(functools.partial(_start_pool, f"unix:{folder / 'workers'}" if folder and embedded else None)),
        ),
    )
    before = [vars(owner)[name] for owner, name, _ in replaced]
    for owner, name, other in replaced:
        setattr(owner, name, other)
    try:
        yield
    finally:
        for (owner, name, _), own in zip(replaced, before, strict=True):
            setattr(owner, name, own)


def _refuse(*_: object) -> None:
    raise RunError("Beam would open ports for workers here: use --direct_running_mode=multi_processing, or another --runner")


# -- workers, and pools of them


def work(control: str, worker_id: str) -> None:
    """Work for Beam's runner until it has no more work."""
    SdkHarness(control, worker_id=worker_id, state_cache_size=_STATE_CACHE_BYTES).run()


def sample_often() -> None:
    """Let no bundle wait long for Beam's thread that looks up now and then which step is at work: every 200 ms by default."""
    StateSampler.__init__.__defaults__ = (_SAMPLING_MILLISECONDS,)


def _start_pool(socket: str | None, use_process: bool = False, port: int = 0, **settings: Any) -> tuple[str, grpc.Server]:
    """As the method of Beam's that is replaced: start a pool, and return its address and server."""
    pool = WorkerPool(socket or f"{LOOPBACK}:{port}", use_process=use_process, **settings)
    atexit.register(pool.kill_workers)
    return pool.address, pool.server


class WorkerPool:
    """Beam's pool of external workers, which listens where it is told to.

    Attributes:
        address: for who wants workers of it.
    """

    def __init__(self, address: str, *, use_process: bool = True, data_buffer_time_limit_ms: int = -1, **settings: Any) -> None:
        """
        Args:
            address: HOST:PORT, any port for 0, or unix:PATH.
            use_process: with a process for each worker, not a thread.
        """
        self._pool = BeamFnExternalWorkerPoolServicer(
            use_process=use_process, data_buffer_time_limit_ms=data_buffer_time_limit_ms, **settings
        )
        self.server, port = _serve(address, beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server, self._pool)
        self.address = address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"

    def kill_workers(self) -> None:
        """End its processes."""
        for process in list(self._pool._worker_processes.values()):
            kill_process_gracefully(process, timeout=_STOP_SECONDS)

    def close(self) -> None:
        """Serve no longer, and end its processes."""
        self.server.stop(0)
        self.kill_workers()
