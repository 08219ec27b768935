"""The measurements behind the README and the pages in docs/ run, and their data and tables are what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from benchmarks import data
from benchmarks.archives import Content, Shape, places, write
from benchmarks.environment import NO_PEERS, machine
from benchmarks.measure import ONE, ChildFailed, Contender, Measurement, Outputs, Usage, files_of, measure, run_child
from benchmarks.report import BEGIN, END, bars_table, full_report, readme_section, work_table, write_readme
from benchmarks.results import Results, WorkResult
from benchmarks.shuffle import CLEANING, Case
from benchmarks.shuffle import measure as measure_shuffle
from benchmarks.works import COPY, CP, ENGINE, Works
from tests.support.objects import read

ROOT = Path(__file__).resolve().parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.dcm")}


def test_an_archive_is_the_same_for_a_seed(tmp_path: Path) -> None:
    shape = Shape(studies=2, series=(2, 3))
    lengths = {write(tmp_path / name, shape, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))}
    assert all(60 <= length <= 80 for length in lengths)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")
    datasets = [read(content) for content in contents(tmp_path / "a").values()]
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == shape.instances == 10
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 4
    assert len({dataset.StudyInstanceUID for dataset in datasets}) == 2


@pytest.mark.parametrize(("flags", "shares_words"), [((), True), ((CLEANING,), True), (("--screen=off",), False)])
def test_what_shuffles_get_is_counted(flags: tuple[str, ...], shares_words: bool) -> None:
    found = measure_shuffle(Case(Shape(studies=3, series=(4,)), flags))
    assert found.instances == 12
    assert found.shuffled["GroupIntoWorkUnits/Size/Group"][0] == 3
    assert found.shuffled["GroupIntoWorkUnits/ByKey"][0] == 1
    assert 12 * 100 < found.shuffled["GroupIntoWorkUnits/ByKey"][1] < 12 * 1000
    assert ("ShareWords/ByStudy/Group" in found.shuffled) is shares_words
    assert all(size > 10 * rows for rows, size in found.shuffled.values())


@pytest.mark.parametrize(
    ("content", "pixels", "elements", "private"),
    [(data.ct, data.CT_PIXELS, 261, 179), (data.small, 0, 70, 0), (data.multiframe, data.FRAMES_PIXELS, 20_007, 0)],
    ids=["ct", "small", "multiframe"],
)
def test_objects_have_the_elements_that_tables_say(
    tmp_path: Path, content: Content, pixels: int, elements: int, private: int
) -> None:
    for name in "ab":
        write(tmp_path / name, Shape(2, (2,), pixels), seed=1, content=content)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    datasets = [read(blob) for blob in contents(tmp_path / "a").values()]
    for dataset in datasets:
        tags = [element.tag for element in dataset.iterall()]
        assert (len(tags), sum(tag.is_private for tag in tags)) == (elements, private)
        assert len(dataset.get("PixelData", b"")) == pixels
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    for keyword, different in (("SOPInstanceUID", 4), ("SeriesInstanceUID", 2), ("PatientID", 2), ("InstanceNumber", 2)):
        assert len({str(dataset[keyword].value) for dataset in datasets}) == different, keyword


def test_instances_of_a_ct_series_differ_where_real_ones_do() -> None:
    one, other = (data.ct(place, b"") for place in places(Shape(1, (2,)), Random(1)))
    changed = {tag for (tag, _, value), (_, _, otherwise) in zip(sorted(one), sorted(other), strict=True) if value != otherwise}
    assert {0x00080018, 0x00080032, 0x00080033, 0x00200013, 0x00200032, 0x00201041} == changed


def test_the_large_object_is_written_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    size = data.write_large(path, next(places(Shape(1, (1,)), Random(1))), frames=3)
    dataset = read(path.read_bytes())
    assert size == path.stat().st_size
    assert len(dataset.PixelData) == 3 * data.CT_PIXELS
    # the most that the length of an element can say
    assert data.LARGE_FRAMES * data.CT_PIXELS <= 2**32 - 2 < (data.LARGE_FRAMES + 1) * data.CT_PIXELS


def test_what_a_child_took_is_its_own(tmp_path: Path) -> None:
    ours = bytearray(b"1") * 300_000_000
    busy = "b = bytearray(b'1') * 60_000_000\nfor i in range(1_000_000): pass"
    usage = run_child([sys.executable, "-I", "-S", "-c", busy], tmp_path / "log")
    assert 60e6 < usage.memory < len(ours)
    assert usage.cpu > 0
    assert usage.wall > 0


def test_a_childs_failure_says_why(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match=r"^ended with 3$") as caught:
        run_child([sys.executable, "-c", "print('said'); raise SystemExit(3)"], tmp_path / "log")
    assert caught.value.log == "said\n"
    with pytest.raises(ChildFailed, match="more than 1 GB of memory"):
        run_child([sys.executable, "-I", "-S", "-c", "bytes(2 * 10**9)"], tmp_path / "log", limit=10**9)


def test_all_contenders_must_write_all_files(tmp_path: Path) -> None:
    offered = Works(NO_PEERS, tmp_path, quick=True).all()["small"].contenders
    chosen = [each for each in offered if each.name in (ENGINE, COPY, CP, "dcmanon")]
    write(tmp_path / "many", Shape(1, (3,), 0), content=data.small)
    write(tmp_path / "one", Shape(1, (1,), 0), content=data.small)
    idle = Contender("idle", lambda source, target: ["true"])
    inputs = {"many": tmp_path / "many", ONE: tmp_path / "one"}

    found = measure([*chosen, idle], inputs, 2, Outputs(tmp_path / "outputs"), tmp_path / "log")
    assert {each.name: each.failure for each in found} == {
        ENGINE: "",
        COPY: "",
        CP: "",
        "dcmanon": "could not be installed",
        "idle": "wrote 0 of 3 files",
    }
    assert [(each.files, len(each.runs), len(each.startup)) for each in found[:2]] == [(3, 2, 2)] * 2
    assert len(files_of(tmp_path / "many")) == 3
    with pytest.raises(ChildFailed, match="wrote 0 of 3 files"):
        measure([Contender("idle", idle.command, ours=True)], inputs, 1, Outputs(tmp_path / "others"), tmp_path / "log")


def usages(*seconds: float, memory: int = 50_000_000) -> list[Usage]:
    return [Usage(wall=2 * each, user=each / 2, system=each / 2, memory=memory) for each in seconds]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """A work over 101 files: ours takes 10 ms each and a second to start, dicognito was measured on 11 of them."""
    measurements = [
        Measurement(ENGINE, 101, usages(2.0, 2.0, 9.0), usages(1.0, 1.0, 1.0)),
        Measurement(COPY, 101, usages(1.01), usages(0.01)),
        Measurement("dicognito", 11, usages(12.5), usages(2.5)),
        Measurement("dcmanon", 101, failure="not on the PATH"),
    ]
    return Results(machine(), {"ct": WorkResult("ct", "CT image", "file", 101, 3, "ext4", measurements)})


def test_a_table_has_medians_shares_and_ratios(results: Results) -> None:
    lines = work_table(results.works["ct"]).splitlines()
    assert lines[2:] == [
        # 1.99 s / 101 without the first file's start; wall is twice the CPU
        "| dicom-deid | 101 | 19.8 ms | 10 ms | 39.6 ms | 50 MB | 1 | 1 |",
        "| Python copy | 101 | 10 ms | 10 ms | 20 ms | 50 MB | 0.505 | 0.505 |",
        # a second each, and 1.5 s of start-up for all 101
        "| dicognito | 11 | 1.01 s | 1 s | 2.03 s | 50 MB | 51.2 | 51.2 |",
        "| dcmanon | 101 | not on the PATH |  |  |  |  |  |",
    ]


def test_bars_are_held_missed_or_not_measured(results: Results) -> None:
    lines = bars_table(results).splitlines()
    assert lines[2].endswith("| at most 2.5 x | 1.98 x | held |")
    assert lines[3].endswith("| at least 20 x | 51.2 x | held |")
    assert lines[4].endswith("| at least 3 x |  | not measured |")
    results.works["ct"].measurements[1] = Measurement(COPY, 101, usages(0.101), usages(0.001))
    assert bars_table(results).splitlines()[2].endswith("| at most 2.5 x | 19.8 x | **missed** |")


def test_results_are_read_as_they_were_saved(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results


def test_the_readme_and_its_page_say_what_was_measured(tmp_path: Path) -> None:
    found = Results.load(ROOT / "docs" / "reference" / "performance.json")
    readme = (ROOT / "README.md").read_text()
    assert readme.split(BEGIN)[1].split(END)[0] == readme_section(found) + "\n"
    assert (ROOT / "docs" / "reference" / "performance.md").read_text() == full_report(found)
    # three works, each with a figure of ours
    rows = readme_section(found).splitlines()
    assert [row.split(" | ")[1][:2] for row in rows[2:5]] == ["**"] * 3 and rows[5] == ""
    # no names of machines, no paths
    assert set(found.machine) == {"cores", "processor", "memory", "kernel", "Python"}
    copy = tmp_path / "README.md"
    copy.write_text(f"before\n{BEGIN}old\n{END}\nafter\n")
    write_readme(copy, found)
    assert copy.read_text() == f"before\n{BEGIN}{readme_section(found)}\n{END}\nafter\n"


def test_the_plot_is_the_same_for_the_same_results(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.plot import draw

    for name in "ab":
        draw(results, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    text = (tmp_path / "a").read_text()
    assert "dicognito" in text
    assert "19.8 ms" in text
    assert "dc:date" not in text


def test_one_command_measures_and_prints(tmp_path: Path) -> None:
    saved = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "help", "--quick", f"--folder={tmp_path}", f"--results={saved}"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "| dicom-deid --help | " in done.stdout
    again = subprocess.run(
        [sys.executable, "-m", "benchmarks", f"--from={saved}"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert again.stdout == done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
