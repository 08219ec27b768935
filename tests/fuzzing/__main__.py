"""``python -m tests.fuzzing --seconds 60``: coverage-guided fuzzing of the scanner and the rewriter."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .oracle import Oracle

#: bytes of an input: more than the engine reads at first, so that values go beyond that
_LONGEST = 100_000
#: libFuzzer ends where one input takes so many seconds, or the process so many MB
_SECONDS, _MEGABYTES = 60, 2048


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seconds", default=60, show_default=True, help="How long; 0: until something is found.")
@click.option("--corpus", type=click.Path(path_type=Path, file_okay=False), help="Inputs that lead to new code are kept here.")
@click.option("--from", "folder", type=click.Path(path_type=Path, exists=True), help="Real files to begin with.")
@click.option("--findings", type=click.Path(path_type=Path, file_okay=False), default=Path("build/findings"), show_default=True)
@click.option("--seed", default=0, help="Of the random numbers; 0: another one each time.")
@click.argument("inputs", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="[INPUT]...")
def main(seconds: int, corpus: Path | None, folder: Path | None, findings: Path, seed: int, inputs: tuple[Path, ...]) -> None:
    """Give hostile bytes to Engine.scan and Engine.deidentify until the time is over or something is found.

    An input that finds something is stored, and its command printed. With INPUTs only these are tried, without atheris.
    """
    if inputs:
        from .oracle import Oracle

        oracle = Oracle()
        for path in inputs:
            oracle.check(path.read_bytes())
        click.echo(f"nothing found: {oracle.outcomes}")
        return
    with tempfile.TemporaryDirectory() as temporary:
        found = corpus or Path(temporary)
        found.mkdir(parents=True, exist_ok=True)
        findings.mkdir(parents=True, exist_ok=True)
        _fuzz(found, folder, findings, [f"-max_total_time={seconds}", f"-seed={seed}"])


def _seeds(folder: Path | None) -> list[bytes]:
    from .seeds import generated, plant, real_files

    real = [path for path in real_files(folder) if path.stat().st_size < _LONGEST]
    return [*generated(), *(plant(path.read_bytes(), number) for number, path in enumerate(real))]


def _fuzz(corpus: Path, folder: Path | None, findings: Path, options: list[str]) -> None:
    try:
        import atheris
    except ImportError:
        raise click.UsageError("atheris is missing: pip install -e '.[fuzz]' (Linux)") from None
    # the code under test is imported here and not before: only so it tells where it was
    with atheris.instrument_imports(include=["anonymizer", "profiles"], enable_loader_override=False):
        from .mutations import mutate
        from .oracle import Oracle

    seeds = _seeds(folder)
    for blob in seeds:
        (corpus / hashlib.sha1(blob).hexdigest()).write_bytes(blob)

    def change(content: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)
        # half of it knows the structure, half knows what the code compares with
        new = mutate(content, random, seeds) if random.random() < 0.6 else atheris.Mutate(content, len(content))
        return new[:longest]

    oracle = Oracle()
    check = _reporting(oracle, findings)
    arguments = [
        *(sys.argv[0], str(corpus), *options, f"-max_len={_LONGEST}", f"-timeout={_SECONDS}", f"-rss_limit_mb={_MEGABYTES}"),
        *(f"-artifact_prefix={findings}/", "-print_final_stats=1"),
    ]
    atheris.Setup(arguments, check, custom_mutator=change)
    atheris.Fuzz()


def _reporting(oracle: Oracle, findings: Path) -> Callable[[bytes], Any]:
    def check(blob: bytes) -> None:
        try:
            oracle.check(blob)
        except Exception:
            path = findings / f"finding-{hashlib.sha1(blob).hexdigest()[:12]}"
            path.write_bytes(blob)
            print(f"\nfound something; again: python -m tests.fuzzing {path}", file=sys.stderr)
            raise

    return check


if __name__ == "__main__":
    main()
