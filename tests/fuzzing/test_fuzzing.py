"""The room's own tools: what plants finds, what judges condemns, what mutates is the same each time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from anonymizer import DeidentificationError, Reason
from tests.support.limits import run_measured
from tests.support.objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, Element, bundled_files, ct, part10
from tests.support.running import rewrite

from . import marks, oracle
from .leaks import is_kept, leaks
from .mutated import Mutants, Tally, check_batch
from .mutations import mutate
from .oracle import Finding, Oracle
from .seeds import generated, plant, with_own_identity
from .structure import read

SYNTAXES = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])


@SYNTAXES
def test_a_leak_is_one_wherever_it_is(syntax: str) -> None:
    name, text = Element(0x00100010, "PN", marks.text(1)), marks.text(2)
    for leaking in (
        part10(ct(name), syntax),
        part10(ct(Element(0x00081115, "SQ", [[name]], True, True)), syntax),
        part10(ct(Element(0x00081115, "SQ", [[Element(0x00081155, "UI", marks.uid(3))]])), syntax),
        part10(ct(Element(0x00091001, "UN", text)), syntax),
        part10(ct(Element(0x00080020, "DA", marks.date(4))), syntax),
        part10(ct(), syntax, preamble=marks.text(5, 128)),
        part10(ct(), syntax, extra_meta=[Element(0x00020016, "AE", text)]),
    ):
        assert leaks(leaking)[0] != [], syntax
    if syntax != DEFLATED:
        assert leaks(part10(ct(), syntax, tail=b"\0" + text[:9])) == (["a token outside of any value"], 0)


@SYNTAXES
def test_what_a_mutation_moved_into_a_kept_value_is_no_leak(syntax: str) -> None:
    assert leaks(part10(ct(Element(0x00080060, "CS", marks.text(1))), syntax)) == ([], 1)
    assert leaks(part10(ct(Element(0x7FE00010, "OW", marks.text(1))), syntax)) == ([], 1)
    assert leaks(rewrite(part10(ct(Element(0x00081030, "LO", marks.text(1))), syntax))) == ([], 0)


def test_kept_is_what_the_readme_says() -> None:
    kept = (0x00080060, 0x00280010, 0x7FE00010, 0x00080100, 0x00080016)
    changed = (
        0x00100010,
        0x00080018,
        0x00081155,
        0x00091001,
        0x00181999,
        0x60003000,
        0x00280000,
        0x300A00C2,
        0x0040A160,
        0xFFFCFFFC,
    )
    assert [is_kept(tag) for tag in (*kept, *changed)] == [True] * len(kept) + [False] * len(changed)


def test_planting_leaves_the_structure_alone() -> None:
    planted = 0
    for number, path in enumerate(bundled_files()):
        blob = path.read_bytes()
        found = plant(blob, number)
        assert [place[:4] for place in read(found).places] == [place[:4] for place in read(blob).places]
        planted += len(marks.fragments(found))
    assert planted > 2000


def test_mutants_are_the_same_each_time_and_differ() -> None:
    one, other = Mutants(None, 1), Mutants(None, 1)
    files = [one.file(number) for number in range(60)]
    assert files == [other.file(number) for number in range(60)]
    assert len(set(files)) > 55
    seed = generated()[0]
    assert len({mutate(seed, Random(number)) for number in range(200)}) > 150
    assert with_own_identity(seed, 1) != with_own_identity(seed, 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_oracle_finds_nothing_in_a_few_mutants(seed: int) -> None:
    judge, seeds = Oracle(), generated()
    for number in range(150):
        random = Random(f"{seed} {number}")
        judge.check(mutate(random.choice(seeds), random, seeds))
    assert judge.outcomes["written"] > 20 and len(judge.outcomes) > 8


@pytest.mark.parametrize(
    ("what", "outputs"),
    [
        ("not the same again", lambda blob, count: blob + bytes(count)),
        ("a token", lambda blob, count: blob.replace(b"ISO_IR 192", b"") + marks.text(1)),
        ("what was written is refused", lambda blob, count: blob[:200]),
        ("pydicom can't read it|what was written", lambda blob, count: blob[:-3]),
        ("bytes were read twice", None),
    ],
)
def test_the_oracle_finds_what_must_not_be(monkeypatch: pytest.MonkeyPatch, what: str, outputs: object) -> None:
    """By engines that are broken on purpose."""
    real, counts = oracle._deidentify, iter(range(100))

    def broken(*arguments: object, **named: object) -> tuple[bytes | str, set[bytes]]:
        found, uids = real(*arguments, **named)  # type: ignore[arg-type]
        if callable(outputs) and isinstance(found, bytes):
            found = outputs(found, next(counts))
        return found, uids

    class Twice(oracle.Drip):
        def read(self, size: int, /) -> bytes:
            self.given += 1 << 20
            return super().read(size)

    monkeypatch.setattr(oracle, *(("Drip", Twice) if outputs is None else ("_deidentify", broken)))
    with pytest.raises(Finding, match=what):
        Oracle().check(part10(ct(Element(0x00080018, "UI", marks.uid(1)))))


def _let_all_pass(judge: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    judge._refusing = oracle.new_engine()


def _claim_too_much(judge: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "_claims", lambda output: {b"YES "} if isinstance(output, bytes) else set())


def _refuse_all(judge: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    real = oracle._deidentify
    refusing = judge._refusing
    monkeypatch.setattr(
        oracle,
        "_deidentify",
        lambda using, *given, **named: ("truncated", set()) if using is refusing else real(using, *given, **named),
    )


def _scan_blindly(judge: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    real, keeping = oracle._scan, judge._basic
    monkeypatch.setattr(oracle, "_scan", lambda using, blob: real(keeping, blob))


@pytest.mark.parametrize(
    ("what", "broken"),
    [
        ("doesn't say that the identity was removed", _let_all_pass),
        ("refused for pixel-risk-screen-capture says that the identity was removed", _claim_too_much),
        ("what is let pass isn't what is at no risk: truncated", _refuse_all),
        ("the scan lets pass what is refused with pixel-risk-screen-capture", _scan_blindly),
    ],
)
def test_the_oracle_finds_a_risk_that_is_let_pass(
    monkeypatch: pytest.MonkeyPatch, what: str, broken: Callable[[Oracle, pytest.MonkeyPatch], None]
) -> None:
    """By engines that are broken on purpose, and an image that may be a picture of a screen."""
    judge = Oracle()
    at_risk = part10(ct(without=[0x00200037]))
    assert judge.check(at_risk) is not None
    broken(judge, monkeypatch)
    with pytest.raises(Finding, match=what):
        judge.check(at_risk)


def test_an_internal_error_is_a_finding() -> None:
    with pytest.raises(Finding, match="internal"):
        oracle._reason(DeidentificationError(Reason.INTERNAL_ERROR))


def test_mutants_through_the_real_command(tmp_path: Path) -> None:
    tally = Tally()
    check_batch(Mutants(None, 7), range(300), tmp_path, tally)
    assert tally.faults == []
    assert tally.listed == 300 and tally.statuses["written"] > 50


def test_a_key_that_lets_identifiers_through_would_be_noticed(tmp_path: Path) -> None:
    """The same check over a run that retains UIDs."""
    tally = Tally()
    check_batch(Mutants(None, 7), range(100), tmp_path, tally, "--options", "RetainUIDs,RetainLongFullDates")
    assert any("a token in the name" in fault for fault in tally.faults)
    assert any("a token in (0020,000d)" in fault for fault in tally.faults)
    assert any("a token in instances-" in fault for fault in tally.faults)


def test_a_finding_is_tried_again_without_the_fuzzer(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(generated()[0])
    ended = run_measured(sys.executable, "-m", "tests.fuzzing", tmp_path / "input")
    assert (ended.code, "nothing found" in ended.log) == (0, True), ended.log


def test_the_coverage_guided_fuzzer_runs(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    # not by itself: the fuzzer takes for its own what this process has in memory
    ended = run_measured(sys.executable, "-m", "tests.fuzzing", "--seconds", "3", "--findings", str(tmp_path), "--seed", "1")
    assert ended.code == 0 and "DONE" in ended.log, ended.log[-2000:]
    assert list(tmp_path.iterdir()) == []
