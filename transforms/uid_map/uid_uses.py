"""The use of UIDs by one work unit, and by more and more of them together: plain functions, no Beam."""

from collections.abc import Iterable, Iterator

from profiles import UserFacingError

from ..records import OWNED, PREASSIGNED, STUDY_SIZE, KnownUid, Reference, UidRole, UidUse, WorkUnit
from ..work_unit_ids import finished_unit_id, is_earlier, is_finished

#: bytes of a patient's keyed hash by which patients are told apart
_PATIENT_SIZE = 8
_NOBODY = bytes(_PATIENT_SIZE)
_INSTANCE, _OTHER = int(UidRole.INSTANCE), int(UidRole.OTHER)
#: roles of UIDs that objects have as their own. Nobody owns a FrameOfReferenceUID
_OWNABLE = frozenset({UidRole.INSTANCE, UidRole.SERIES, UidRole.STUDY})


class UidMapError(UserFacingError):
    """The UID map doesn't hold; nothing is written. The message names no UID."""


def uid_uses(unit: WorkUnit, *, with_units: bool = False) -> Iterator[UidUse]:
    """Yield the use of each UID of a work unit: shared UIDs don't repeat for each instance.

    Args:
        with_units: True: fill in ``units``.
    """
    unit_id = unit.unit_id
    units = (unit_id,) if with_units and not is_finished(unit_id) else ()
    for part in unit.parts:
        study = part.study[:STUDY_SIZE]
        patients = {shared.patient for shared in part.shared}
        # the patient of each object isn't known here, where a study has objects of several
        users = _user(patients.pop(), study) if len(patients) == 1 else ()
        claimed: dict[bytes, bytes] = {}
        for header in part.headers:
            claimed[header.instance] = claimed.get(header.instance) or header.new_uid
        for instance, new_uid in claimed.items():
            yield UidUse(instance, new_uid, _INSTANCE, [study + unit_id], users, units)
        for shared in part.shared:
            users = _user(shared.patient, study)
            for uid_hash, new_uid, role in shared.uids:
                yield UidUse(uid_hash, new_uid, role, [], users if role != _OTHER else (), units)


def written_use(instance: bytes, study: bytes) -> UidUse:
    """Return the claim of an object that is in the output.

    Args:
        instance: keyed hash of its SOPInstanceUID.
        study: the beginning of its study's.
    """
    return UidUse(instance, b"", _INSTANCE, [study + finished_unit_id(study)])


def earlier_use(uid_hash: bytes, new_uid: bytes, role: int, owned: bool, owners: list[bytes], users: list[bytes]) -> UidUse:
    """Return the use of a UID by objects of an earlier run; they may be gone, their claims stay.

    Args:
        owned: True: an object has it as its own.
        owners: the studies that claim it, by the beginnings of their keyed hashes.
    """
    claimants = [owner + finished_unit_id(owner, earlier=True) for owner in owners]
    return UidUse(uid_hash, new_uid, role | PREASSIGNED | (OWNED if owned and not owners else 0), claimants, tuple(users))


def _user(patient: bytes, study: bytes) -> tuple[bytes, ...]:
    return ((patient or _NOBODY) + study,)


def _two(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the first and the last of the users, in whatever order they come; those of no known patient count least."""
    if one == other or not other:
        return one
    users = {*one, *other}
    known = {user for user in users if user[:_PATIENT_SIZE] != _NOBODY} or users
    return tuple(sorted({min(known), max(known)}))


def _new_uid(one: UidUse, other: UidUse) -> bytes:
    if not (one.new_uid and other.new_uid) or one.new_uid == other.new_uid:
        return one.new_uid or other.new_uid
    if one.role & PREASSIGNED == other.role & PREASSIGNED:
        raise UidMapError("one original UID was given two new ones: workers use different keys or versions, or maps differ")
    return one.new_uid if one.role & PREASSIGNED else other.new_uid


class Uses:
    """Uses of UIDs, those of one UID joined."""

    def __init__(self) -> None:
        self.by_hash: dict[bytes, UidUse] = {}

    def add(self, use: UidUse) -> None:
        """Add a use.

        Raises:
            UidMapError: the UID has another new UID by now.
        """
        known = self.by_hash.setdefault(use.hash, use)
        if known is use:
            return
        known.claimants.extend(use.claimants)
        joined = UidUse(
            use.hash,
            _new_uid(known, use),
            min(known.role % OWNED, use.role % OWNED) | (known.role | use.role) & (OWNED | PREASSIGNED),
            known.claimants,
            _two(known.users, use.users),
            tuple({*known.units, *use.units}) if use.units else known.units,
        )
        if joined != known:
            self.by_hash[use.hash] = joined


def claims(use: UidUse) -> Iterator[tuple[bytes, KnownUid]]:
    """Yield (unit id, UID) for each unit that shares the claim to an instance.

    A SOPInstanceUID that objects of two studies claim is a conflict: nobody can say which is right. Objects of one study are in
    one unit; but some may be done with, and then the unit must know.
    """
    studies = use.owners
    # earlier ones may be those that are processed again now, and refused objects have no duplicates
    units = {unit for claimant in use.claimants if not is_earlier(unit := claimant[STUDY_SIZE:])}
    if len(studies) > 1 or len(units) > 1:
        for unit in sorted(unit for unit in units if not is_finished(unit)):
            yield unit, KnownUid(use.hash, is_conflict=len(studies) > 1)


def preassigned(use: UidUse) -> Iterator[tuple[bytes, KnownUid]]:
    """Yield (unit id, UID) for each unit with a UID to which an earlier run gave its new one: the key may say otherwise."""
    if use.role & PREASSIGNED and use.new_uid:
        for unit in sorted(use.units):
            yield unit, KnownUid(use.hash, new_uid=use.new_uid)


def reference(use: UidUse) -> Reference | None:
    """Return the reference of an odd use; None where nothing is odd."""
    role = use.role % OWNED
    outside = role in _OWNABLE and not use.claimants and not use.role & OWNED
    patients = {user[:_PATIENT_SIZE] for user in use.users}
    if not outside and len(patients) < 2:
        return None
    studies = tuple(sorted({user[_PATIENT_SIZE:] for user in use.users}))
    return Reference(use.hash, use.new_uid, role, outside, len(patients) > 1, studies)


def violations(originals: Iterable[bytes], new_uids: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the number of new UIDs that break the map: they are new for two originals, or new and original at once.

    Args:
        originals: hashes of original UIDs.
        new_uids: hashes of new UIDs, each with that of its original, as often as it comes.
    """
    original_of: dict[bytes, bytes] = {}
    broken = {new for new, original in new_uids if original_of.setdefault(new, original) != original}
    return len(broken.union(original_of.keys() & set(originals)))
