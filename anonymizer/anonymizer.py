"""The Python API: de-identify a file, bytes or a pydicom data set."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO, TextIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast, overload

from profiles import KEEP, ConfidentialityProfile

from .engine import Engine
from .files.spool import open_spool, write_when_whole
from .files.writing import write_atomically
from .identity.patients import PatientTable
from .keys.key import Key
from .pixels import PixelDecision
from .report import Report
from .rewriting.object_rewriter import Deidentification

if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset


class Anonymizer:
    """De-identifies DICOM objects by PS3.15 Annex E, one at a time.

    The same key and profile always give the same result, and objects that went through one key still refer to each other.

    Attributes:
        profile: the confidentiality profile in use.
        key: the key in use; keep it (or name one) to get the same UIDs another day.
    """

    def __init__(
        self,
        profile: ConfidentialityProfile | None = None,
        key: Key | bytes | str | os.PathLike[str] | None = None,
        *,
        scope: str = "",
        uid_root: str | None = None,
        pixels: str | None = None,
        keep_burned_in: bool = False,
        patients: PatientTable | str | os.PathLike[str] | None = None,
    ) -> None:
        """
        Args:
            profile: None: the Basic Profile without options.
            key: a Key, a secret of 32 bytes or more, or where it is (``file:PATH``, ``env:NAME``, ``gcp-secret:...``, a Path);
                None: a new random one, so that this Anonymizer is consistent in itself and nobody can repeat its mapping.
            scope: the same secret under another scope gives results that can't be linked. Not used when ``key`` is a Key.
            uid_root: an organisation's UID root for new UIDs; None: 2.25.
            pixels: ``quarantine`` or ``keep`` objects whose pixels may identify a person; None: as the profile says.
            keep_burned_in: the former name of ``pixels="keep"``.
            patients: a PatientTable or the path of one: patients get their names from there, and objects of others are refused.
                None: keyed pseudonyms.

        Raises:
            ProfileError: ``pixels`` is none of these.
            SecretError: the key or the root can't be used.
            PatientTableError: the table can't be used.
            TypeError: ``profile`` is none.
        """
        if profile is not None and not isinstance(profile, ConfidentialityProfile):
            raise TypeError("profile: a ConfidentialityProfile, such as ConfidentialityProfile.default(options)")
        self.profile = profile or ConfidentialityProfile()
        if chosen := KEEP if keep_burned_in else pixels:
            self.profile = replace(self.profile, pixels=replace(self.profile.pixels, pixels=chosen))
        self.key = _key(key, scope)
        table = patients if patients is None or isinstance(patients, PatientTable) else PatientTable.load(patients)
        self._uid_root, self._patients = uid_root, table
        self._engine = Engine(self.profile, self.key, uid_root=uid_root, patients=table)

    def __repr__(self) -> str:
        uid_root = f", uid_root={self._uid_root!r}" if self._uid_root is not None else ""
        patients = f", patients={self._patients!r}" if self._patients is not None else ""
        return f"Anonymizer({self.profile!r}, {self.key!r}{uid_root}{patients})"

    @overload
    def anonymize(self, x: bytes | bytearray | memoryview) -> bytes: ...
    @overload
    def anonymize(self, x: FileDataset) -> FileDataset: ...
    @overload
    def anonymize(self, x: Dataset) -> Dataset: ...
    @overload
    def anonymize(self, x: str | os.PathLike[str] | BinaryIO) -> FileDataset: ...
    def anonymize(self, x: object) -> object:
        """Return a de-identified copy of ``x``; ``x`` stays as it is.

        Args:
            x: a path or an open binary file, read from its beginning (gives a FileDataset), the bytes of a file (gives bytes), a
                FileDataset or a plain Dataset (gives its like). A plain Dataset may lack its UIDs.

        Raises:
            DeidentificationError: ``x`` can't be de-identified with certainty; its ``reason`` is a stable code.
            OSError: a path that can't be read.
            TypeError: none of these.
        """
        if isinstance(x, bytes | bytearray | memoryview):
            return self._rewrite(BytesIO(x))
        # here, for files to files and bytes to bytes need no pydicom, whose import takes longer than many files
        from pydicom import Dataset, FileDataset

        from .pydicom_data_sets import datasets

        match x:
            case FileDataset():
                return datasets.read_file(self._rewrite(BytesIO(datasets.file_bytes(x))))
            case Dataset():
                return self._anonymize_dataset(x)
            case str() | os.PathLike():
                with Path(x).open("rb", buffering=0) as stream:
                    return datasets.read_file(self._rewrite(stream))
        if hasattr(x, "read") and not isinstance(x, TextIOBase):
            return datasets.read_file(self._rewrite(cast(BinaryIO, x)))
        raise TypeError(f"can't anonymize a {type(x).__name__}")

    def anonymize_in_place(self, x: str | os.PathLike[str] | BinaryIO | bytearray | Dataset) -> None:
        """De-identify ``x`` itself: an open file, a bytearray, a data set, or the file at a path, which is replaced when what
        replaces it is on the disk whole.

        Raises:
            DeidentificationError: ``x`` can't be de-identified with certainty, and is as it was.
            TypeError: an ``x`` that can't be changed, such as bytes.
        """
        match x:
            case bytearray():
                x[:] = self._rewrite(BytesIO(x))
            case str() | os.PathLike():
                self.anonymize_file(x, x)
            case _ if hasattr(x, "truncate") and hasattr(x, "seek"):
                content = self._rewrite(x)
                x.seek(0)
                x.write(content)
                x.truncate()
            case _:
                from pydicom import Dataset

                from .pydicom_data_sets.datasets import replace_contents

                if not isinstance(x, Dataset):
                    raise TypeError(f"can't change a {type(x).__name__} in place")
                replace_contents(x, self.anonymize(x))

    def anonymize_file(self, src: str | os.PathLike[str] | BinaryIO, dst: str | os.PathLike[str] | BinaryIO) -> Report:
        """De-identify the file ``src`` into the file ``dst``, in memory that doesn't grow with it.

        Either may be an open binary file, such as a pipe; ``src`` is read on from where it is. ``dst`` appears, or gets anything,
        only when the object is whole; a path that exists is replaced, and if it is ``src`` itself, what replaces it is on the
        disk before.

        Raises:
            DeidentificationError: ``src`` can't be de-identified with certainty; ``dst`` is as it was.
            OSError: a file that can't be read or written.
        """
        if not isinstance(src, str | os.PathLike):
            with self._searched(src) as (stream, pixels):
                deidentification = self._engine.deidentify(stream, pixels=pixels)
                _write(deidentification, dst)
            return deidentification.report
        with open(src, "rb", buffering=0) as file:
            handle = file.fileno()
            status = os.fstat(handle)
            with self._searched(file) as (stream, pixels):
                deidentification = self._engine.deidentify(stream, size=status.st_size, handle=handle, pixels=pixels)
                _write(deidentification, dst, status)
        return deidentification.report

    def _rewrite(self, source: BinaryIO) -> bytes:
        if source.seekable():
            # wherever its last user left it
            source.seek(0)
        with self._searched(source) as (stream, pixels):
            return b"".join(self._engine.deidentify(stream, pixels=pixels).chunks())

    @contextlib.contextmanager
    def _searched(self, source: BinaryIO) -> Iterator[tuple[BinaryIO, PixelDecision | None]]:
        """Yield a stream that reads as ``source`` does from here on, and the decision on pixels where text is sought first."""
        if not self._engine.searches_pixels:
            yield source, None
            return
        with contextlib.ExitStack() as stack:
            stream = source
            if not source.seekable():
                # it is read twice
                stream = stack.enter_context(os.fdopen(os.dup(stack.enter_context(open_spool())), "w+b", buffering=0))
                shutil.copyfileobj(source, stream)
                stream.seek(0)
            begin = stream.tell()
            scan = self._engine.scan(stream, uids=self._engine.uids, searches=True)
            stream.seek(begin)
            yield stream, scan.pixels

    def _anonymize_dataset(self, dataset: Dataset) -> Dataset:
        from .pydicom_data_sets import datasets

        encoding = datasets.encoding_of(dataset)
        content = datasets.data_set_bytes(dataset, encoding)
        sop_class, syntax = datasets.sop_class_of(dataset), datasets.fragments_syntax_of(dataset)
        rewritten, written_syntax = self._engine.rewrite_data_set(content, encoding, sop_class, syntax)
        return datasets.add_file_meta(datasets.read_data_set(rewritten, encoding), dataset, written_syntax)


def anonymize_file(
    src: str | os.PathLike[str] | BinaryIO,
    dst: str | os.PathLike[str] | BinaryIO,
    profile: ConfidentialityProfile | None = None,
    key: Key | bytes | str | os.PathLike[str] | None = None,
) -> Report:
    """De-identify one file: ``Anonymizer(profile, key).anonymize_file(src, dst)``."""
    return Anonymizer(profile, key).anonymize_file(src, dst)


def _write(
    deidentification: Deidentification, dst: str | os.PathLike[str] | BinaryIO, source: os.stat_result | None = None
) -> None:
    if isinstance(dst, str | os.PathLike):
        durable = source is not None and _is_file(source, dst)
        write_atomically(deidentification.batches(), os.fspath(dst), durable=durable)
    else:
        write_when_whole(deidentification.batches(), dst)


def _is_file(status: os.stat_result, path: str | os.PathLike[str]) -> bool:
    """Return whether a path leads to the file of that status."""
    try:
        return os.path.samestat(status, os.stat(path))
    except OSError:
        return False


def _key(key: Key | bytes | str | os.PathLike[str] | None, scope: str) -> Key:
    match key:
        case None:
            return Key.generate(scope)
        case Key():
            return key
        case str():
            return Key.load(key, scope)
        case os.PathLike():
            return Key.load(f"file:{os.fspath(key)}", scope)
        case _:
            return Key(key, scope)
