"""The action codes of PS3.15 Table E.1-1a."""

from __future__ import annotations

from enum import Enum


class Action(Enum):
    """An action on an attribute (PS3.15 Table E.1-1a); the compounds are resolved by the attribute's type in its IOD."""

    D = "D"
    Z = "Z"
    X = "X"
    K = "K"
    C = "C"
    U = "U"
    Z_D = "Z/D"
    X_Z = "X/Z"
    X_D = "X/D"
    X_Z_D = "X/Z/D"
    X_Z_U = "X/Z/U*"

    @property
    def meaning(self) -> str:
        """The action in words."""
        return _MEANINGS[self]

    def resolve(self, attribute_type: str | None) -> Action:
        """Return the plain action for an attribute of ``attribute_type`` (PS3.15 E.1.1: the IOD must stay intact).

        Args:
            attribute_type: ``1``, ``1C``, ``2``, ``2C`` or ``3`` as PS3.3 defines it at the attribute's path in the IOD (an
                attribute that the IOD doesn't define is ``3``: it may go); None where the IOD is unknown, which takes the
                most conservative form that every type allows: a dummy where D is offered, else empty, else removal.
        """
        if attribute_type is None:
            return _UNKNOWN_IOD[self]
        kind = attribute_type[0]
        if self is Action.X and attribute_type == "1C":
            # a conditional attribute that the table wants gone: its condition can't be known, and the table's code stands
            return Action.X
        return _BY_TYPE[kind].get(self, self)


_MEANINGS = {
    Action.D: "replace with a dummy value",
    Action.Z: "empty",
    Action.X: "remove",
    Action.K: "keep (a sequence: its items are de-identified)",
    Action.C: "clean",
    Action.U: "replace with a new UID",
    Action.Z_D: "empty, or a dummy where a value is required",
    Action.X_Z: "remove, or empty where the attribute is required",
    Action.X_D: "remove, or a dummy where a value is required",
    Action.X_Z_D: "remove, or empty or a dummy where required",
    Action.X_Z_U: "remove, or empty or new UIDs inside where required",
}

_BY_TYPE = {
    "1": {
        Action.X: Action.D,
        Action.Z: Action.D,
        Action.Z_D: Action.D,
        Action.X_Z: Action.D,
        Action.X_D: Action.D,
        Action.X_Z_D: Action.D,
        Action.X_Z_U: Action.U,
    },
    # X/D at type 2: an empty value is conformant and says less than a dummy
    "2": {
        Action.X: Action.Z,
        Action.Z_D: Action.Z,
        Action.X_Z: Action.Z,
        Action.X_D: Action.Z,
        Action.X_Z_D: Action.Z,
        # an emptied list of references would leave modules behind that only objects with references may have
        Action.X_Z_U: Action.U,
    },
    "3": {
        Action.Z_D: Action.Z,
        Action.X_Z: Action.X,
        Action.X_D: Action.X,
        Action.X_Z_D: Action.X,
        Action.X_Z_U: Action.X,
    },
}

_UNKNOWN_IOD = {action: action for action in Action} | {
    Action.Z_D: Action.D,
    Action.X_Z: Action.Z,
    Action.X_D: Action.D,
    Action.X_Z_D: Action.D,
    Action.X_Z_U: Action.U,
}
