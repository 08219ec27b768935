"""Undocumented parts of Apache Beam that the job relies on, and that another release may change.

Beam's own servers listen on all interfaces without a password, and one of their services hands out any file that the run may
read. The servers here have only the services that workers need, and listen on Unix sockets or on loopback.
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

OTHER_BEAM = "this release of Apache Beam is not supported: install one from 2.75 to 2.77"

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
#: as in Beam's own worker processes
_STATE_CACHE_BYTES = 100 << 20
_SAMPLING_MILLISECONDS = 10
#: as in Beam's own servers: messages of any size, and pings as their clients send them
_SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    # no other process may share a port of ours
    ("grpc.so_reuseport", 0),
)
_STOP_SECONDS = 5


class Worker(Protocol):
    """A process that works for Beam's runner."""

    def wait(self) -> None:
        """Wait until the process has ended, as it does when its connection is closed."""


# -- assumptions


def check() -> None:
    """Refuse a release of Beam whose internals are not as this module assumes.

    Raises:
        UsageError: an assumption doesn't hold.
    """
    try:
        holds = all(assumption() for assumption in _ASSUMPTIONS)
    except (AttributeError, LookupError, TypeError, ValueError):
        holds = False
    if not holds:
        raise UsageError(OTHER_BEAM)


def _has_parameters(function: Any, *names: str) -> bool:
    return list(inspect.signature(function).parameters) == list(names)


def _uses_names(function: Any, *names: str) -> bool:
    return set(names) <= set(function.__code__.co_names)


_ADDRESSES = tuple(f"{service}_port" for service in _SERVICES)
_ASSUMPTIONS: tuple[Callable[[], bool], ...] = (
    # the runner makes its server from three arguments, and looks its class up by this name
    lambda: _has_parameters(worker_handlers.GrpcServer, "state", "provision_info", "worker_manager"),
    lambda: _uses_names(worker_handlers.WorkerHandlerManager.get_worker_handlers, "GrpcServer"),
    lambda: _uses_names(FnApiRunner.run_stages, "WorkerHandlerManager"),
    lambda: vars(fn_runner)["WorkerHandlerManager"] is worker_handlers.WorkerHandlerManager,
    # other parts use the server's addresses, which port_from_worker makes into URLs, and two of its attributes
    lambda: _uses_names(worker_handlers.GrpcServer.__init__, *_ADDRESSES, "control_handler", "data_plane_handler"),
    lambda: _has_parameters(GrpcWorkerHandler, "state", "provision_info", "grpc_server"),
    lambda: _uses_names(GrpcWorkerHandler.__init__, "control_address", "port_from_worker", "control_port"),
    lambda: _has_parameters(GrpcWorkerHandler.port_from_worker, "self", "port"),
    lambda: all(
        _uses_names(getattr(GrpcWorkerHandler, f"{service}_api_service_descriptor"), "port_from_worker", f"{service}_port")
        for service in _SERVICES
    ),
    lambda: issubclass(worker_handlers.ExternalWorkerHandler, GrpcWorkerHandler),
    lambda: "port_from_worker" not in vars(worker_handlers.ExternalWorkerHandler),
    lambda: _has_parameters(worker_handlers.BeamFnControlServicer, "worker_manager"),
    lambda: _has_parameters(worker_handlers.BeamFnControlServicer.Control, "self", "iterator", "context"),
    lambda: _has_parameters(worker_handlers.GrpcStateServicer, "state"),
    lambda: _has_parameters(data_plane.BeamFnDataServicer, "data_buffer_time_limit_ms"),
    lambda: isinstance(worker_handlers.DATA_BUFFER_TIME_LIMIT_MS, int),
    # workers
    lambda: _has_parameters(WorkerHandler.register_environment, "urn", "payload_type"),
    lambda: {"control_address", "worker_id", "state_cache_size"} <= set(inspect.signature(SdkHarness).parameters),
    lambda: [*inspect.signature(StateSampler).parameters][-1] == "sampling_period_ms",
    lambda: StateSampler.__init__.__defaults__ in ((200,), (_SAMPLING_MILLISECONDS,)),
    # pools of workers in the command's process
    lambda: _uses_names(PortableRunner.start_and_replace_loopback_environments, "BeamFnExternalWorkerPoolServicer", "start"),
    lambda: (
        set(inspect.signature(BeamFnExternalWorkerPoolServicer).parameters) | {"port"}
        == set(inspect.signature(BeamFnExternalWorkerPoolServicer.start).parameters)
    ),
    # options
    lambda: _has_parameters(PipelineOptions._add_argparse_args, "parser"),
    lambda: _has_parameters(PipelineOptions.view_as, "self", "cls"),
    lambda: callable(PipelineOptions.__getstate__),
    lambda: _has_parameters(create_runner, "runner_name"),
)


# -- options


def options_parser() -> argparse.ArgumentParser:
    """Return a parser of all options of Beam."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)  # type: ignore[arg-type]
    return parser


def flags_of(options: type[PipelineOptions]) -> list[str]:
    """Return the flags of one class of Beam's options."""
    parser = argparse.ArgumentParser(add_help=False)
    options._add_argparse_args(parser)  # type: ignore[arg-type]
    return [flag for action in parser._actions for flag in action.option_strings]


def runner_class(name: str) -> type[PipelineRunner]:
    """Return Beam's class for a value of ``--runner``.

    Args:
        name: a short name, in any case, or the path of a class.

    Raises:
        ValueError, ImportError, AttributeError: there is no such runner.
    """
    found = type(create_runner(name))
    # the first tries Prism, which it downloads; the second was seen to give a step the side input of another step
    return FnApiRunner if issubclass(found, (SwitchingDirectRunner, BundleBasedDirectRunner)) else found


class CachedOptions(PipelineOptions):
    """Options of Beam that keep one view per class. Beam asks for views at every step, and would parse anew each time."""

    def view_as(self, cls: type[T]) -> T:
        """Return the view of one class, as Beam's method does. All views share their values anyway."""
        views: dict[type[PipelineOptions], PipelineOptions] = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return cast(T, views[cls])

    def __getstate__(self) -> dict[str, Any]:
        # a copy has its own values, and needs its own views
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_views"}


# -- the runner and its server


def runner_of_processes(assign: Callable[[str, str], Worker]) -> PipelineRunner:
    """Return a runner whose workers are processes of the command.

    Args:
        assign: called with a control address and a worker id; it lets a process work for that address, and returns it.
    """
    WorkerHandler.register_environment(_URN, None)(functools.partial(_Handler, assign))
    return FnApiRunner(_ProcessEnvironment())


class _ProcessEnvironment(Environment):
    """Environment in which Beam's runner executes the steps: processes of the command."""

    def to_runner_api_parameter(self, context: object) -> tuple[str, None]:
        return _URN, None


class _Handler(GrpcWorkerHandler):
    """Handle by which Beam's runner starts and stops one worker."""

    def __init__(self, assign: Callable[[str, str], Worker], payload: None, *runner: Any) -> None:
        super().__init__(*runner)
        self._assign = assign

    def start_worker(self) -> None:
        self._worker = self._assign(self.control_address, self.worker_id)

    def stop_worker(self) -> None:
        self._worker.wait()


class _SocketServer:
    """Replacement of Beam's server, with the same attributes, and without the services that hand out files.

    Each service has a socket of its own, so that a worker's requests for state don't wait behind its data.
    """

    def __init__(
        self, folder: Path, on_error: Callable[[str], object], state: Any, provision_info: object, worker_manager: Any
    ) -> None:
        self.control_handler = _ControlServicer(on_error, worker_manager)
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
    """Beam's control service, which also reports a worker's error at once. The runner waits for all other workers first."""

    def __init__(self, on_error: Callable[[str], object], worker_manager: Any) -> None:
        super().__init__(worker_manager)
        self._on_error = on_error

    def Control(self, iterator: Iterable[Any], context: Any) -> Iterator[Any]:
        """Handle the responses of a worker, as the base class does."""
        return super().Control(map(self._report_error, iterator), context)

    def _report_error(self, response: Any) -> Any:
        if response.error:
            self._on_error(response.error)
        return response


def _serve(address: str, add: Callable[[object, grpc.Server], None], service: object) -> tuple[grpc.Server, int]:
    """Start a server for one service; return the server and its port, which has no meaning for a Unix socket."""
    server = grpc.server(thread_pool_executor.shared_unbounded_instance(), options=_SERVER_OPTIONS)
    add(service, server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port


@contextlib.contextmanager
def private_servers(folder: Path | None, on_error: Callable[[str], object] = str, *, embedded: bool = False) -> Iterator[None]:
    """Make Beam, within this process and block, listen on sockets in ``folder`` only; without a folder, make it fail.

    Args:
        on_error: called with the text of each worker's error, traceback included, before the runner gets it.
        embedded: True if the engine is in this process. Else workers in this process (LOOPBACK) listen on a port of loopback,
            since an engine that is another program may not support sockets.
    """
    replaced: tuple[tuple[Any, str, object], ...] = (
        (worker_handlers, "GrpcServer", functools.partial(_SocketServer, folder, on_error) if folder else _refuse),
        # our ports are complete addresses
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
    raise RunError("Apache Beam would open ports for workers: use --direct_running_mode=multi_processing, or another --runner")


# -- workers, and pools of them


def work(control: str, worker_id: str) -> None:
    """Work for Beam's runner until it has no more work."""
    SdkHarness(control, worker_id=worker_id, state_cache_size=_STATE_CACHE_BYTES).run()


def shorten_sampling() -> None:
    """Shorten the interval of Beam's sampling thread, for whose next sample (every 200 ms by default) each bundle waits."""
    StateSampler.__init__.__defaults__ = (_SAMPLING_MILLISECONDS,)


def _start_pool(socket: str | None, use_process: bool = False, port: int = 0, **settings: Any) -> tuple[str, grpc.Server]:
    """Start a pool, and return its address and server, as the method of Beam does that this replaces."""
    pool = WorkerPool(socket or f"{LOOPBACK}:{port}", use_process=use_process, **settings)
    atexit.register(pool.kill_workers)
    return pool.address, pool.server


class WorkerPool:
    """Beam's pool of external workers, on a chosen address.

    Attributes:
        address: HOST:PORT or unix:PATH, for clients of the pool.
    """

    def __init__(self, address: str, *, use_process: bool = True, data_buffer_time_limit_ms: int = -1, **settings: Any) -> None:
        """Start the pool.

        Args:
            address: HOST:PORT, where port 0 is any free one, or unix:PATH.
            use_process: start a process for each worker, not a thread.
        """
        self._pool = BeamFnExternalWorkerPoolServicer(
            use_process=use_process, data_buffer_time_limit_ms=data_buffer_time_limit_ms, **settings
        )
        self.server, port = _serve(address, beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server, self._pool)
        self.address = address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"

    def kill_workers(self) -> None:
        """End the processes of the pool's workers."""
        for process in list(self._pool._worker_processes.values()):
            kill_process_gracefully(process, timeout=_STOP_SECONDS)

    def close(self) -> None:
        """Stop serving, and end the processes of the pool's workers."""
        self.server.stop(0)
        self.kill_workers()
