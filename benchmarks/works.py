"""The works: their inputs, contenders and rounds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from . import data
from .archives import Content, Shape, places, write
from .environment import NO_PEERS, PeersEnvironment
from .measure import FEW, MANY, ONE, Contender, files_of
from .ultrasound import FORMATS, SYNTAXES, Format, write_clips

ENGINE, RUN, FILE = "dicom-deid", "dicom-deid run", "dicom-deid file"
AGAIN = "dicom-deid run --resume, 1 % new"
COPY, CP = "Python copy", "cp -r"
CLEANING = "RetainSafePrivate,RetainLongModifDates,RetainDeviceIdent,RetainPatientChars,CleanDesc,CleanStructdCont,CleanGraph"
#: the input of all but the last hundredth
BEFORE = "before"
#: what does nothing but copy
COPIES = (COPY, CP)
OPTIONS = {
    "Basic Profile": "",
    "RetainSafePrivate": "RetainSafePrivate",
    "RetainLongModifDates": "RetainLongModifDates",
    "CleanDesc": "CleanDesc",
    "all that cleans": CLEANING,
}
#: known identifiers searched for, or not
SCREENS = {"with the screen": "", "without it": "--no-screen"}
#: the works on each format of pixels, and what they are called together
PIXELS = "pixels"
PIXEL_WORKS = tuple(f"{PIXELS}-{kind.name}" for kind in FORMATS)
#: the works that need an environment for peers
AGAINST_PEERS = {"ct", "small", "multiframe", "archive", "large"}
_DRIVER = str(Path(__file__).with_name("peers.py"))
#: bytes of addresses that a peer may have for the large object
_MEMORY = 12 * 10**9


@dataclass(frozen=True)
class Work:
    """Something to do.

    Attributes:
        title: says what, for a table's head; ``unit`` what is counted.
        prepare: writes the inputs below a folder; returns them by name.
        data: works that share it share their inputs.
        rounds: how often each contender does it.
        frames: of each file, where these count.
    """

    name: str
    title: str
    data: str
    prepare: Callable[[Path], dict[str, Path]]
    contenders: list[Contender]
    rounds: int = 3
    unit: str = "file"
    frames: int = 0


class Works:
    """All works, of one size."""

    def __init__(
        self,
        peers: PeersEnvironment,
        folder: Path,
        *,
        pixel_peers: PeersEnvironment = NO_PEERS,
        quick: bool = False,
        everything: bool = False,
    ) -> None:
        """
        Args:
            pixel_peers: the environment of those that clean pixels.
            folder: has the files ``key`` and ``certificate.pem``.
            quick: few files and one round, to see that all of it works.
            everything: 200,000 instances, too.
        """
        self._peers, self._pixel_peers, self._folder = peers, pixel_peers, folder
        self._quick, self._everything = quick, everything

    def all(self) -> dict[str, Work]:
        """Return the works by name, those that need much room last."""
        made = [self._help(), self._small(), self._multiframe(), self._ct(), self._options(), *self._screens(), self._growth()]
        made += [self._archive(), *self._nights(), self._large(), *map(self._pixels, FORMATS)]
        if self._quick:
            made = [replace(work, rounds=1) for work in made]
        return {work.name: work for work in made}

    def _ct(self) -> Work:
        contenders = [self._engine(), _copy(), *self._each_peer("deid"), self._gdcmanon(), _cp()]
        return Work("ct", "CT image, 0.5 MB, 261 elements", "ct", _archive_of(self._ct_archive, data.ct, 100), contenders)

    @property
    def _ct_archive(self) -> Shape:
        return Shape(1, (100, 100), data.CT_PIXELS) if self._quick else Shape(5, (500, 500), data.CT_PIXELS)

    def _small(self) -> Work:
        shape = Shape(2, (50, 50), 0) if self._quick else Shape(25, (100, 100), 0)
        contenders = [self._engine(), _copy(), *self._each_peer("deid"), self._gdcmanon(), _cp()]
        return Work("small", "presentation state, 70 elements", "small", _archive_of(shape, data.small, 500), contenders)

    def _multiframe(self) -> Work:
        shape = Shape(1, (4,) if self._quick else (60,), data.FRAMES_PIXELS)
        contenders = [self._engine(), _copy(), *self._each_peer("dicognito", "dicom-anonymizer", "deid")]
        contenders += [replace(self._gdcmanon(), takes=FEW), _cp()]
        title = "enhanced multi-frame CT, 475 frames, 20,000 elements"
        return Work("multiframe", title, "multiframe", _archive_of(shape, data.multiframe, 4), contenders)

    def _options(self) -> Work:
        contenders = [replace(self._engine(options), name=name) for name, options in OPTIONS.items()]
        return replace(self._ct(), name="options", title="the same CT image, by options", contenders=contenders)

    def _screens(self) -> list[Work]:
        contenders = [replace(self._engine(flag), name=name) for name, flag in SCREENS.items()]
        shape = Shape(1, (4,) if self._quick else (60,), 32 * 32 * 2)
        references = _archive_of(shape, data.references)
        title = "screen of known identifiers: 20,000 elements, 5,000 UIDs"
        return [
            replace(
                self._ct(), name="screen", title="screen of known identifiers: the same CT image", contenders=contenders, rounds=7
            ),
            Work("screen-references", title, "references", references, contenders, rounds=7),
        ]

    def _archive(self) -> Work:
        contenders = [
            # as many as the others get, whatever the machine has
            self._run("--direct_running_mode=multi_processing", "--direct_num_workers=2"),
            *(self._peer(name, processes=2) for name in ("dicognito", "dcmanon")),
            _cp(),
        ]
        title = f"archive of {self._ct_archive.instances:,} CT images, two cores"
        return replace(self._ct(), name="archive", title=title, contenders=contenders)

    def _nights(self) -> list[Work]:
        again = replace(self._run("--resume"), name=AGAIN, goes_on=BEFORE)
        small = Shape(2, (50, 50), 0) if self._quick else Shape(250, (100, 100), 0)
        return [
            Work(
                name,
                f"a night: {shape.instances:,} {what}, run anew and again",
                name,
                _night(_archive_of(shape, content)),
                [self._run(), again],
                unit="object",
            )
            for name, what, shape, content in (
                ("night", "CT images", self._ct_archive, data.ct),
                ("night-small", "presentation states", small, data.small),
            )
        ]

    def _growth(self) -> Work:
        sizes = (200, 2000) if self._quick else (2000, 20_000, 200_000) if self._everything else (2000, 20_000)
        contenders = [replace(self._run(), name=f"{size:,} instances", takes=f"{size:,}") for size in sizes]

        def prepare(folder: Path) -> dict[str, Path]:
            found = {}
            for name, shape in {ONE: Shape(1, (1,)), **{f"{size:,}": Shape(size // 200, (50, 70, 80)) for size in sizes}}.items():
                found[name] = folder / name.replace(",", "")
                write(found[name], replace(shape, pixels=64))
            return found

        return Work("growth", f"{RUN} over tiny instances", "growth", prepare, contenders, unit="instance")

    def _large(self) -> Work:
        frames = 512 if self._quick else data.LARGE_FRAMES

        def prepare(folder: Path) -> dict[str, Path]:
            folder.mkdir(parents=True)
            data.write_large(folder / "large.dcm", next(places(Shape(1, (1,)), Random(2026))), frames)
            return {MANY: folder}

        def file(source: Path, target: Path) -> list[str]:
            return [*_DICOM_DEID, "file", str(source / "large.dcm"), str(target / "large.dcm"), self._key()]

        peers = [replace(each, limit=_MEMORY) for each in (*self._each_peer(), self._gdcmanon())]
        contenders = [Contender(FILE, file, ours=True), self._run(), _cp(), *peers]
        title = f"one object of {frames * data.CT_PIXELS / 1e9:.1f} GB"
        return Work("large", title, "large", prepare, contenders, unit="object")

    def _pixels(self, kind: Format) -> Work:
        clips, frames = (1, 2) if self._quick else (5, 8)

        def prepare(folder: Path) -> dict[str, Path]:
            write_clips(folder / MANY, kind, clips, frames)
            files = files_of(folder / MANY)
            return {MANY: folder / MANY, ONE: _linked(files[:1], folder / MANY, folder / ONE)}

        name = f"{PIXELS}-{kind.name}"
        contenders = [replace(self._engine("--blank"), look=True), self._pixel_peer("pydicom"), self._pixel_peer("deid")]
        title = f"{SYNTAXES[kind.uid]}, {kind.pixels}"
        return Work(name, title, name, prepare, contenders, frames=frames)

    def _pixel_peer(self, name: str) -> Contender:
        def command(source: Path, target: Path) -> list[str]:
            return [self._pixel_peers.python, "-I", _DRIVER, f"{name}-pixels", str(source), str(target)]

        # one decoder that isn't there, and the figures are others
        missing = "could not be installed" if self._pixel_peers.missing else ""
        return Contender(name, command, missing=missing, look=True)

    def _help(self) -> Work:
        commands = {"dicom-deid --help": ["--help"], "dicom-deid file --help": ["file", "--help"]}
        contenders = [
            Contender(name, lambda *_, arguments=arguments: [*_DICOM_DEID, *arguments], ours=True)  # type: ignore[misc]
            for name, arguments in commands.items()
        ]
        return Work("help", "start of the command", "", lambda _: {}, contenders, rounds=9, unit="call")

    def _key(self) -> str:
        return f"--key=file:{self._folder / 'key'}"

    def _engine(self, *options: str) -> Contender:
        return Contender(
            ENGINE,
            lambda source, target: [sys.executable, "-m", "benchmarks.engine", str(source), str(target), *options],
            ours=True,
        )

    def _run(self, *arguments: str) -> Contender:
        def command(source: Path, target: Path) -> list[str]:
            return [*_DICOM_DEID, "run", f"--input={source}", f"--output={target}", self._key(), *arguments]

        return Contender(RUN, command, ours=True)

    def _each_peer(self, *slow: str) -> list[Contender]:
        names = ("dicognito", "dicom-anonymizer", "deid", "dcmanon")
        return [replace(self._peer(name), takes=FEW if name in slow else MANY) for name in names]

    def _peer(self, name: str, processes: int = 1) -> Contender:
        def command(source: Path, target: Path) -> list[str]:
            return [self._peers.python, "-I", _DRIVER, name, str(source), str(target), str(processes)]

        title = name if processes == 1 else f"{name}, two processes"
        return Contender(title, command, missing="could not be installed" if name in self._peers.missing else "")

    def _gdcmanon(self) -> Contender:
        def command(source: Path, target: Path) -> list[str]:
            certificate = str(self._folder / "certificate.pem")
            return [self._peers.gdcmanon, "-e", "-r", "-c", certificate, "-i", str(source), "-o", str(target)]

        return Contender("gdcmanon", command, missing="" if self._peers.gdcmanon else "not on the PATH")


_DICOM_DEID = [sys.executable, "-m", "pipeline"]


def _copy() -> Contender:
    return Contender(
        COPY, lambda source, target: [sys.executable, "-I", "-S", _DRIVER, "copy", str(source), str(target)], ours=True
    )


def _cp() -> Contender:
    return Contender(CP, lambda source, target: ["cp", "-r", f"{source}/.", str(target)], ours=True)


def _archive_of(shape: Shape, content: Content, few: int = 0) -> Callable[[Path], dict[str, Path]]:
    """Return a preparation of inputs of a shape, the first of them again as an input of their own (by links), and one alone."""

    def prepare(folder: Path) -> dict[str, Path]:
        write(folder / MANY, shape, content=content)
        files = files_of(folder / MANY)
        found = {MANY: folder / MANY}
        for name, count in ((FEW, few), (ONE, 1)):
            if count:
                found[name] = _linked(files[:count], folder / MANY, folder / name)
        return found

    return prepare


def _night(prepare: Callable[[Path], dict[str, Path]]) -> Callable[[Path], dict[str, Path]]:
    """Return a preparation of these inputs and one of all but the last hundredth of the files, which are then new."""

    def prepare_night(folder: Path) -> dict[str, Path]:
        found = prepare(folder)
        files = files_of(found[MANY])
        return {**found, BEFORE: _linked(files[: len(files) * 99 // 100], found[MANY], folder / BEFORE)}

    return prepare_night


def _linked(files: list[Path], below: Path, folder: Path) -> Path:
    """Return a folder with these files by links, under the names that they have ``below``."""
    for path in files:
        linked = folder / path.relative_to(below)
        linked.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, linked)
    return folder
