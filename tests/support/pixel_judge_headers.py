"""The part of the judge that reads what a cleaned object says of itself: attributes, fragments, headers of codestreams."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import pydicom
from pydicom.encaps import generate_fragments, parse_basic_offsets

from .codestream_headers import Header, read_header
from .frame_encoders import DCT, HTJ2K, JPEG_2000, JPEG_LS, LOSSLESS_JPEG, PREFIX
from .pixel_readers import raw_frames, short

#: syntaxes that end as another one: what is coded without loss must not be called lossy by its syntax
BECOMES = {"81": "80", "91": "90", "203": "201"}
#: what encoders write of themselves
_ENCODERS = re.compile(rb"\x00\x01(Created by )?Open(JPEG version|JPH Ver) [0-9.]+\x00?")
#: attributes of the image that cleaning leaves alone
_STAYS: tuple[str, ...] = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "NumberOfFrames",
)
_STAYS += ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod", "PixelPaddingValue")
_GONE = ("IconImageSequence", "FloatPixelData", "SmallestImagePixelValue", "LargestImagePixelValue")
_PROCESSES = {
    **dict.fromkeys(DCT, ("baseline", "extended", "progressive")),
    **dict.fromkeys(LOSSLESS_JPEG, ("lossless",)),
    **dict.fromkeys(JPEG_LS, ("ls",)),
    **dict.fromkeys(JPEG_2000, ("j2k",)),
    **dict.fromkeys(HTJ2K, ("htj2k",)),
}


def judge_object(original: pydicom.Dataset, cleaned: pydicom.Dataset, after: bytes) -> Iterator[str]:
    """Yield findings about attributes and headers."""
    former, found = short(original), short(cleaned)
    # where nothing else tells of a loss, the syntax does
    expected = BECOMES.get(former, former) if original.get("LossyImageCompression") == "01" else former
    if found != expected:
        yield f"syntax: {former} became {cleaned.file_meta.TransferSyntaxUID}"
    if not found:
        return
    yield from _judge_encoding(cleaned, after, original["PixelData"].VR)
    yield from _judge_attributes(original, cleaned)
    yield from _judge_fragments(cleaned)
    befores, frames = raw_frames(original), raw_frames(cleaned)
    if len(frames) != len(befores) or len(frames) != int(original.get("NumberOfFrames") or 1):
        yield f"frames: {len(befores)} became {len(frames)}"
    for number, frame in enumerate(frames[: len(befores)]):
        header = read_header(frame)
        findings = [
            *_judge_codestream(frame, header, found),
            *_judge_coding(read_header(befores[number]), header, original, cleaned),
        ]
        for finding in findings:
            yield f"{finding} in frame {number}"


def _judge_encoding(cleaned: pydicom.Dataset, after: bytes, vr: str) -> Iterator[str]:
    if (cleaned.is_implicit_VR, cleaned.is_little_endian) != (False, True):
        yield "encoding: not in explicit VR little endian, as compressed objects are (PS3.5 A.4)"
    meta = cleaned.file_meta
    if (meta.MediaStorageSOPInstanceUID, meta.MediaStorageSOPClassUID) != (cleaned.SOPInstanceUID, cleaned.SOPClassUID):
        yield "file-meta: other UIDs than the data set"
    element = cleaned["PixelData"]
    # devices write OW, too, which readers understand all the same
    if element.VR not in ("OB", vr) or not element.is_undefined_length:
        yield f"encoding: PixelData is {element.VR}, of a length that is {'un' * element.is_undefined_length}defined"
    if not after.rstrip(b"\0").endswith(b"\xfe\xff\xdd\xe0") and not [tag for tag in cleaned if tag.tag > 0x7FE00010]:
        yield "encoding: bytes behind the pixels"


def _judge_attributes(original: pydicom.Dataset, cleaned: pydicom.Dataset) -> Iterator[str]:
    if cleaned.get("BurnedInAnnotation") != "NO":
        yield f"burned-in: {cleaned.get('BurnedInAnnotation')}"
    for name in _STAYS:
        if original.get(name) != cleaned.get(name):
            yield f"attribute: {name} was {original.get(name)}, is {cleaned.get(name)}"
    for name in _GONE:
        if name in cleaned:
            yield f"left: {name}"
    if any(0x6000 <= element.tag.group <= 0x60FF for element in cleaned):
        yield "left: overlays"
    kind = list(cleaned.get("ImageType") or [])
    # of enhanced and ophthalmic images attributes of the acquisition would be wrong with DERIVED
    stays = "SharedFunctionalGroupsSequence" in cleaned or cleaned.SOPClassUID.startswith("1.2.840.10008.5.1.4.1.1.77.1.5.")
    if kind and kind[0] == "ORIGINAL" and not stays:
        yield f"image-type: {kind}"
    if "blanked" not in str(cleaned.get("DerivationDescription")):
        yield f"derivation: {cleaned.get('DerivationDescription')}"
    former, found = str(original.PhotometricInterpretation), str(cleaned.PhotometricInterpretation)
    if found != {"YBR_ICT": "YBR_RCT"}.get(former, former):
        yield f"photometric: {former} became {found}"


def _judge_fragments(cleaned: pydicom.Dataset) -> Iterator[str]:
    value: bytes = cleaned.PixelData
    offsets = parse_basic_offsets(value)
    fragments = list(generate_fragments(value[8 + 4 * len(offsets) :]))
    if any(len(fragment) % 2 for fragment in fragments):
        yield "odd: a fragment has an odd length"
    starts, position = [], 0
    for fragment in fragments:
        if fragment[:2] in (b"\xff\xd8", b"\xff\x4f"):
            starts.append(position)
        position += 8 + len(fragment)
    count = int(cleaned.get("NumberOfFrames") or 1)
    if offsets and offsets != starts:
        yield f"table: basic offsets {offsets[:4]}, frames begin at {starts[:4]}"
    if "ExtendedOffsetTable" in cleaned:
        if offsets:
            yield "table: a basic and an extended one"
        begins = struct.unpack(f"<{count}Q", cleaned.ExtendedOffsetTable)
        lengths = struct.unpack(f"<{count}Q", cleaned.ExtendedOffsetTableLengths)
        if (
            list(begins) != starts
            or len(fragments) != count
            or any(abs(a - len(b)) > 1 for a, b in zip(lengths, fragments, strict=False))
        ):
            yield f"table: extended offsets {begins[:4]}, frames begin at {starts[:4]}"


def _judge_codestream(frame: bytes, header: Header, syntax: str) -> Iterator[str]:
    """Yield what a codestream has that its syntax or a reader of text must not find."""
    if header.process not in _PROCESSES[syntax]:
        yield f"process: {header.process} in {PREFIX}{syntax}"
    if syntax == "70" and header.predictor != 1:
        yield f"process: predictor {header.predictor} in {PREFIX}70"
    if syntax == "202" and header.progression != 2:
        yield f"process: progression {header.progression} in {PREFIX}202"
    if syntax not in DCT and not header.lossless:
        yield f"lossy: a {header.process} codestream"
    if frame[header.end :].strip(b"\0") or len(frame) - header.end > 1:
        yield f"behind: {len(frame) - header.end} bytes behind the end"
    for marker, content in header.segments:
        if header.process in ("j2k", "htj2k"):
            if marker == 0x64 and not _ENCODERS.fullmatch(content):
                yield f"comment: {content[:40]!r}"
        elif marker == 0xFE:
            yield f"comment: {content[:40]!r}"
        elif 0xE0 <= marker <= 0xEF:
            is_jfif = marker == 0xE0 and content[:5] == b"JFIF\0" and len(content) == 14 and content[12:] == b"\0\0"
            if not is_jfif and not (marker == 0xEE and content[:5] == b"Adobe" and len(content) == 12):
                yield f"application: APP{marker - 0xE0} {content[:20]!r}"


def _judge_coding(before: Header, after: Header, original: pydicom.Dataset, cleaned: pydicom.Dataset) -> Iterator[str]:
    """Yield what of the coding changed, and what an attribute says that the codestream doesn't."""
    stays = ["process", "rows", "columns", "bits", "signed", "components", "predictor", "interleave"]
    # an irreversible one is coded anew without loss; each progression is as good
    changed = [name for name in stays if getattr(before, name) != getattr(after, name)]
    if (before.process, after.process) == ("progressive", "baseline"):
        changed.remove("process")
    if changed:
        yield f"coding: {', '.join(f'{name} {getattr(before, name)} became {getattr(after, name)}' for name in changed)}"
    if after.process in ("j2k", "htj2k") and after.components == 3:
        transforms = ("YBR_RCT", "YBR_ICT")
        fitted = (original.PhotometricInterpretation in transforms) == before.mct
        if fitted and (cleaned.PhotometricInterpretation in transforms) != after.mct:
            yield f"photometric: {cleaned.PhotometricInterpretation}, and a component transform is {after.mct}"
