"""What Beam finds out anew in each run, found out once: a quarter of a small run is that.

Nothing of a run's work is in it: a graph has the same steps, and its types are checked.
"""

from __future__ import annotations

import contextlib
import inspect
import types
from collections.abc import Callable
from typing import Any

from apache_beam import DoFn, ParDo
from apache_beam.transforms import core, userstate
from apache_beam.typehints.decorators import IOTypeHints


def make_beam_quick() -> None:
    """In this process, and those that are forked from it: for the classes of DoFn that are there by now."""
    inspect.signature = _once(inspect.signature)
    core._check_fn_use_yield_and_return = _once(core._check_fn_use_yield_and_return)
    IOTypeHints.from_callable = staticmethod(_once(IOTypeHints.from_callable))
    look = userstate.get_dofn_specs
    known, todo = {}, [DoFn]
    while todo:
        found = todo.pop()
        todo += found.__subclasses__()
        with contextlib.suppress(Exception):
            one = core.CallableWrapperDoFn(list) if found is core.CallableWrapperDoFn else found.__new__(found)
            known[found] = look(one)
            ParDo(one).get_type_hints()

    def remembered(dofn: DoFn) -> Any:
        # what is wrapped may be another object's method; no function of the job asks for state
        is_known = type(dofn) in known and not isinstance(vars(dofn).get("process"), types.MethodType)
        return known[type(dofn)] if is_known else look(dofn)

    userstate.get_dofn_specs = remembered


def _once(ask: Callable[..., Any]) -> Callable[..., Any]:
    """What ``ask`` says of a function goes by its code, and is remembered."""
    known: dict[Any, Any] = {}

    def remembered(function: Any, **more: Any) -> Any:
        code = None if more else _code_of(function)
        if code is None:
            return ask(function, **more)
        if code not in known:
            known[code] = ask(function)
        return known[code]

    return remembered


def _code_of(function: Any) -> Any:
    """What tells a function from others: none for what decorators made, and for defaults, which need not be fit for keys."""
    is_method = isinstance(function, types.MethodType)
    plain = function.__func__ if is_method else function
    if not isinstance(plain, types.FunctionType) or vars(plain) or plain.__defaults__ or plain.__kwdefaults__:
        return None
    return is_method, plain.__code__, tuple(plain.__annotations__.items())
