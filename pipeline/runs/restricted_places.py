"""Folders of files that name or show people: closed or encrypted."""

from __future__ import annotations

from typing import NamedTuple

from storage import FileReader, Folder, StorageError
from transforms import EnvelopeError, load_certificate

from ..errors import UsageError
from ..options import JobOptions


class RestrictedPlace(NamedTuple):
    """A folder that can be used.

    Attributes:
        folder: the folder, which is there.
        certificate: of the only reader, DER; empty: files are not encrypted, and the folder is its owner's alone.
    """

    folder: Folder
    certificate: bytes


def restricted_place(
    options: JobOptions, option: str, folder: str, certificate_option: str, certificate: str | None
) -> RestrictedPlace:
    """Create a folder of restricted files, after a check of the certificate to which they are encrypted.

    Raises:
        UsageError: the certificate or the folder can't be used. The message names its option.
    """
    content = b""
    if certificate is not None:
        try:
            content = load_certificate(FileReader(options.storage)(certificate))
        except FileNotFoundError:
            raise UsageError(f"{certificate_option} doesn't exist") from None
        except (EnvelopeError, StorageError) as error:
            raise UsageError(f"{certificate_option}: {error}") from None
    place = Folder(folder, options.storage)
    try:
        place.make(closed=not content)
    except StorageError as error:
        raise UsageError(f"{option} {error}") from None
    return RestrictedPlace(place, content)
