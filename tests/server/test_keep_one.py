"""--conflicts keep-one where archive and output lie in a bucket."""

from __future__ import annotations

from pathlib import Path

from tests.job.test_keep_one import CONFLICT, EQUAL, KEPT, LOSSY, RLE, SKIPPED, TAKEN, WRITTEN, content
from tests.server.test_object_storage import written_to
from tests.support.objects import MR, Element
from tests.support.runs import run_command
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket


def test_in_a_bucket_the_written_one_stays_too(gcs_server: GcsServer, key_file: Path) -> None:
    bucket = new_bucket(gcs_server, "objects")

    def ends(contents: dict[str, bytes], *flags: str) -> tuple[list[tuple[str, str | None]], dict[str, bytes]]:
        gcs_server.put_all(bucket, {f"in/{name}": found for name, found in contents.items()})
        places = ("--input", f"gs://{bucket}/in", "--output", f"gs://{bucket}/out", "--key", f"file:{key_file}")
        env = {"STORAGE_EMULATOR_HOST": gcs_server.url}
        done = run_command("run", *places, "--conflicts=keep-one", *flags, env=env)
        assert done.returncode in (0, 3), done.stderr
        run = written_to(gcs_server, bucket, "out")
        return sorted((row["status"], row["reason"]) for row in run.table("instances")), run.objects()

    contents = {"SECRETNAME-rle": content(syntax=RLE), "SECRETNAME-lossy": content(syntax=LOSSY)}
    first, objects = ends({**contents, "lonely": content(instance="1.2.3.1.2")}, "--resume")
    assert first == [KEPT, WRITTEN, WRITTEN]
    moved = content(Element(0x0020000E, "UI", "1.2.3.77"))
    later = {"SECRETNAME-best": content(), "copy": content(syntax=RLE), "moved": moved, "class": content(sop_class=MR)}
    assert ends(later, "--resume") == ([EQUAL, KEPT, KEPT, TAKEN, CONFLICT, SKIPPED, SKIPPED], objects)
    # who wrote an output is asked of the audit where the listing doesn't know
    rows, left = ends({"lonely": content(instance="1.2.3.1.2", pixels=999)})
    assert rows == [TAKEN, *[CONFLICT] * 6] and left == objects
