"""Rectangles that people decided on: found by any identifier, refused for another size, and small in memory."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path

import pytest

from profiles import Outcome, ProfileError, Rectangle, Reviewed, ReviewedRectangles

HEAD = "sop_instance_uid,series_instance_uid,instance_hash,rows,columns,blank,keep,outcome,reviewer\n"
HASH = bytes(range(32))
LINES = [
    '1.2.3,,,10,20,"0,0,20,2",,,Doe',
    '1.2.4,,,10,20,,"2,2,-2,-2",clean,Roe',
    ",1.9,,10,20,all,,,Doe",
    ",1.8,,10,20,,,keep,Doe",
    f',,{HASH.hex().upper()},10,20,"0,-1,0,0",,,Doe',
    "1.2.5,,,10,20,,,quarantine,Doe",
    "1.2.6,,,10,20,,,drop,Doe",
    ',1.7,,10,20,"0,0,1,1",,,Doe',
    ',1.7,,30,30,"0,0,2,2",,,Doe',
]


def read(*lines: str, head: str = HEAD) -> ReviewedRectangles:
    stream = io.StringIO(head + "".join(f"{line}\n" for line in lines))
    stream.name = "reviewed.csv"  # type: ignore[misc]
    return ReviewedRectangles.read(stream)


def test_objects_are_found_by_each_identifier() -> None:
    found = read(*LINES)
    assert (found.count, found.reviewers) == (len(LINES), ("Doe", "Roe"))
    assert found.find("1.2.3", "", None, 10, 20) == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 20, 2),))
    assert found.find("9", "1.9", None, 10, 20) == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 20, 10),))
    assert found.find("9", "9", HASH, 10, 20) == Reviewed(Outcome.CLEAN, (Rectangle(0, 9, 20, 10),))
    assert found.find("9", "1.8", None, 10, 20) == Reviewed(Outcome.KEEP)
    assert found.find("1.2.5", "", None, 10, 20) == Reviewed(Outcome.QUARANTINE)
    assert found.find("1.2.6", "1.9", None, 10, 20) == Reviewed(Outcome.DROP)
    keeps = found.find("1.2.4", "", None, 10, 20)
    assert keeps is not None and len(keeps.rectangles) == 4
    # a UID of an instance is none of a series
    for identifiers in (("9", "9", bytes(32)), ("1.9", "1.2.3", None), ("", "", None)):
        assert found.find(*identifiers, 10, 20) is None


def test_all_lines_of_an_object_add() -> None:
    found = read(*LINES).find("1.2.3", "1.7", HASH, 10, 20)
    assert found == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 20, 2), Rectangle(0, 9, 20, 10)))
    # the strictest outcome counts
    kept = read(*LINES).find("1.2.3", "1.8", None, 10, 20)
    assert kept is not None and kept.outcome is Outcome.CLEAN and kept.rectangles


def test_another_size_than_the_lines_is_a_mismatch() -> None:
    found = read(*LINES)
    for identifiers in (("1.2.3", "", None), ("9", "1.9", None), ("9", "9", HASH), ("1.2.6", "", None)):
        assert found.find(*identifiers, 20, 10) == Reviewed(None, mismatch=True)
    # images of a series may have several sizes
    assert found.find("9", "1.7", None, 30, 30) == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 2, 2),))
    assert found.find("9", "1.7", None, 40, 40) == Reviewed(None, mismatch=True)
    # a line of its own must fit, whatever its series has
    assert found.find("1.2.3", "1.7", None, 30, 30) == Reviewed(None, mismatch=True)
    # one that fits needs none of its series
    assert found.find("1.2.3", "1.7", None, 10, 20) == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 20, 2),))


def test_columns_may_be_left_out_and_reordered() -> None:
    found = read("Doe,10,all,1.2.3,20", head="reviewer,rows,blank,sop_instance_uid,columns\n")
    assert found.find("1.2.3", "", None, 10, 20) == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 20, 10),))


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    text = HEAD + "\n".join(LINES) + "\n"
    path = tmp_path / "reviewed.csv"
    path.write_text(text)
    found = ReviewedRectangles.read(path)
    assert found.digest == read(*LINES).digest == hashlib.sha256(text.encode()).hexdigest()
    assert found == read(*LINES) and hash(found) == hash(read(*LINES)) and found != read(*LINES[1:])
    with path.open("rb") as stream:
        assert ReviewedRectangles.read(stream) == found
    marked = tmp_path / "marked.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert ReviewedRectangles.read(marked) == found


def test_it_may_be_sent_to_another_process() -> None:
    revived = pickle.loads(pickle.dumps(read(*LINES)))
    assert revived.find("1.2.3", "", None, 10, 20) == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 20, 2),))
    assert "1.2" not in repr(revived)


def test_lines_without_a_reviewer_say_nothing_yet_and_are_counted() -> None:
    found = read("1.2.3,,,10,20,all,,,Doe", "1.2.4,,,10,20,all,,clean,", "1.2.5,,,10,20,,,keep,")
    assert (found.count, found.undecided, found.reviewers) == (1, 2, ("Doe",))
    assert found.find("1.2.3", "", None, 10, 20) == Reviewed(Outcome.CLEAN, (Rectangle(0, 0, 20, 10),))
    assert found.find("1.2.4", "", None, 10, 20) is None and found.find("1.2.5", "", None, 10, 20) is None
    keyed, lines = found.keyed(lambda digest: digest * 2)
    assert keyed.with_lines(lines).undecided == 2


SECRET = "1.2.840.4711.42"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{SECRET},,,10,20,all,,,", "no line has a reviewer"),
        (f"{SECRET},,,10,20,,,quarantine,", "line 2: it refuses the object, and has no reviewer"),
        (f"{SECRET},,,10,20,all,,,{'a' * 65}", "line 2: a reviewer has 64 printable characters"),
        (f"{SECRET},,,,,all,,,Doe", "rows and columns of the image are needed"),
        (f"{SECRET},,,10,x,all,,,Doe", "rows and columns are numbers"),
        (f"{SECRET},,,10,20,,,,Doe", "needs rectangles"),
        (f"{SECRET},,,10,20,all,,drop,Doe", "has no rectangles"),
        (f"{SECRET},,,10,20,all,,blur,Doe", "the outcome is"),
        (f'{SECRET},,,10,20,"0,0,21,1",,,Doe', "isn't inside"),
        (f'{SECRET},,,10,20,"0,0,21",,,Doe', "x0,y0,x1,y1"),
        (f"{SECRET},{SECRET},,10,20,all,,,Doe", "and no other"),
        (",,,10,20,all,,,Doe", "and no other"),
        (f"{SECRET}x,,,10,20,all,,,Doe", "line 2: this is no UID"),
        (f"{SECRET},,,10,20,all,,,Doe,more", "cells"),
        (f",,{SECRET},10,20,all,,,Doe", "64 hex digits"),
        (f'{SECRET},,,10,20,all,,,Doe\n\n{SECRET},,,10,20,"0,0,1,1",,,Doe', "line 4: the object and size of line 2 again"),
        (f'"{SECRET}', "this is no UID"),
        ("x" * 200_000, "CSV"),
        ("", "no lines"),
    ],
)
def test_what_is_wrong_is_told_by_its_line_and_without_the_uid(line: str, said: str) -> None:
    with pytest.raises(ProfileError, match=r"^reviewed\.csv") as error:
        read(*([line] if line else []))
    assert said in str(error.value) or (said == "this is no UID" and "cells" in str(error.value))
    assert "4711" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    "head", ["", "rows,columns,reviewer\n", "sop_instance_uid,rows,columns\n", HEAD.replace("blank", "blink"), "\0\n"]
)
def test_a_head_that_is_none_is_refused(head: str) -> None:
    with pytest.raises(ProfileError, match=r"the columns are|CSV"):
        read(head=head)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"none\.csv: can't be read"):
        ReviewedRectangles.read(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(HEAD.encode() + b"\xff\xfe")
    with pytest.raises(ProfileError, match=r"binary\.csv: not UTF-8"):
        ReviewedRectangles.read(tmp_path / "binary.csv")


def test_many_lines_take_little_memory(tmp_path: Path) -> None:
    count = 5000
    path = tmp_path / "reviewed.csv"
    with path.open("w") as stream:
        stream.write(HEAD)
        for number in range(count):
            # no two alike
            stream.write(f'1.2.840.113619.2.55.3.{number},,,480,640,"{number % 600},0,640,{1 + number // 600}",,,Doe\n')
    found = ReviewedRectangles.read(path)
    # all of it is bytes: 24 for the line, 15 for a decision with one rectangle
    assert len(pickle.dumps(found)) < 40 * count + 1000
    assert found.count == count
    reviewed = found.find("1.2.840.113619.2.55.3.4777", "", None, 480, 640)
    assert reviewed == Reviewed(Outcome.CLEAN, (Rectangle(577, 0, 640, 8),))
