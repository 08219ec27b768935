"""Attribute types of one SOP class (PS3.3), and the plain action that a compound code comes to by them (PS3.15 E.1.1)."""

from __future__ import annotations

from .actions import Action
from .content_items import CONTENT_SEQUENCE
from .tables import module_types, required_types, sop_class_modules

Path = tuple[int, ...]

_STRICTEST_FIRST = ("1", "1C", "2", "2C", "3")


class AttributeTypes:
    """The attribute types of a SOP class, by path.

    Attributes:
        sop_class_uid: the class.
        has_references: whether the object has a Common Instance Reference Module (PS3.3 C.12.2). Only objects with references may
            have it, so lists of references stay, with new UIDs.
        modules: the modules of the class; empty where PS3.3's types aren't known.
        known_iod: whether they are known; else each compound code takes its most conservative conformant form.
    """

    def __init__(self, sop_class_uid: str, *, has_references: bool) -> None:
        self.sop_class_uid = sop_class_uid
        self.has_references = has_references
        modules = sop_class_modules().get(sop_class_uid)
        self.known_iod = modules is not None
        self.modules = modules or ()
        self._types: dict[Path, str] = {}
        for module in self.modules:
            for path, attribute_type in module_types().get(module, ()):
                known = self._types.get(path, "3")
                self._types[path] = min(known, attribute_type, key=_STRICTEST_FIRST.index)

    def resolve(self, action: Action, path: Path) -> Action:
        """Return the plain action at ``path`` of a code that may be a compound one."""
        if action is Action.X_Z_U and self.has_references:
            return Action.U
        return action.resolve(self._type(path))

    def required_type(self, path: Path) -> str | None:
        """Return the strictest type of an attribute that holds a value; where it stands in items, of all places in items.

        None for an unknown IOD.
        """
        types = [self._type(path)]
        if types[0] is None:
            return None
        at = path[-1], len(path) > 1
        types += [required_types().get(module, {}).get(at, "3") for module in self.modules]
        return min(filter(None, types), key=_STRICTEST_FIRST.index)

    def _type(self, path: Path) -> str | None:
        """Return the type at ``path``: the strictest of the IOD's modules, 3 where none has it, None for an unknown IOD."""
        if not self.known_iod:
            return None
        if path.count(CONTENT_SEQUENCE) > 1:
            # content items hold content items, and PS3.3 writes them down once
            path = tuple(tag for index, tag in enumerate(path) if tag != CONTENT_SEQUENCE or CONTENT_SEQUENCE not in path[:index])
        return self._types.get(path, "3")
