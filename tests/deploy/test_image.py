"""The image of a Dataflow job: base images by digest, packages by hash, and no secret in what a build is sent."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.test_requirements import locked, versions

ROOT = Path(__file__).resolve().parents[2]
DATAFLOW = ROOT / "deploy" / "dataflow"
DOCKERFILE = (DATAFLOW / "Dockerfile").read_text()
INSTRUCTIONS = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
DIGESTS = ("BEAM_DIGEST", "LAUNCHER_DIGEST", "PYTHON_DIGEST")


def test_base_images_are_named_by_digests_that_whoever_builds_has_to_give() -> None:
    stages: set[str] = set()
    used = []
    for line in INSTRUCTIONS:
        if line.startswith("FROM "):
            image, *name = line.removeprefix("FROM ").split(" AS ")
            if image not in stages:
                # nothing after @ is no image's name: a build without the argument stops, at each builder
                assert re.search(r"@\$\{(\w+)\}$", image), line
                used.append(image[image.index("${", image.index("@")) + 2 : -1])
            stages.update(name)
    assert sorted(used) == sorted(DIGESTS)
    for name in DIGESTS:
        assert f"ARG {name}" in INSTRUCTIONS, "without a default, and before the first FROM"
        assert INSTRUCTIONS.index(f"ARG {name}") < INSTRUCTIONS.index(next(line for line in INSTRUCTIONS if "FROM" in line))
    for line in INSTRUCTIONS:
        for source in re.findall(r"--from=(\S+)", line):
            assert source in stages, "an image named here would have no digest"


@pytest.mark.parametrize("file", ["deploy/dataflow/cloudbuild.yaml", "docs/how-to/dataflow.md"])
def test_whoever_builds_gives_each_digest(file: str) -> None:
    text = (ROOT / file).read_text()
    for name in DIGESTS:
        assert name in text
    # a digest in these would be one that nobody reads again
    assert not re.search("sha256:[0-9a-f]{16}", text + DOCKERFILE)


def test_each_digest_of_the_cloud_build_has_to_be_given() -> None:
    text = (DATAFLOW / "cloudbuild.yaml").read_text()
    for name in DIGESTS:
        assert f"--build-arg={name}=${{_{name}}}" in text
    # a default would be taken without a word
    assert not re.search("^ *substitutions:|ALLOW_LOOSE", text, re.M)


def test_the_image_has_the_beam_of_its_lock() -> None:
    (beam,) = re.findall(r"^ARG BEAM_VERSION=(\S+)$", DOCKERFILE, re.M)
    assert beam == versions("image", "3.11.7")["apache-beam"] == versions("ci", "3.11.7")["apache-beam"]
    pythons = set(re.findall(r"python:?(3\.?\d+)", DOCKERFILE))
    assert {found.replace(".", "") for found in pythons} == {"311"}
    assert DOCKERFILE.rstrip().endswith('ENTRYPOINT ["/opt/apache/beam/boot"]')


def test_the_image_takes_packages_by_hash_only() -> None:
    installs = [part for line in INSTRUCTIONS for part in line.split("&&") if "pip install" in part]
    assert len(installs) == 4
    for install in installs:
        assert "--require-hashes" in install or "--no-index --no-deps" in install, install
        for lock in re.findall(r"--requirement requirements/(\w+)\.txt", install):
            assert locked(lock)
        if "--require-hashes" in install:
            # what would be fetched to build a package has no hash
            assert "--only-binary :all:" in install or "--no-build-isolation" in install
    assert any("python -m build" in line and "--no-isolation" in line for line in INSTRUCTIONS)
    assert any(line.endswith("&& pip check") for line in INSTRUCTIONS)


def test_the_image_gets_what_it_copies() -> None:
    sent = (DATAFLOW / "Dockerfile.dockerignore").read_text()
    copied = set()
    for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.M):
        for source in line.split():
            copied.add(source)
            assert (ROOT / source).exists()
            assert re.search(rf"^!/{re.escape(source.split('/')[0])}/?$", sent, re.M), source
    # every package that pyproject.toml lists comes from one of these folders
    packages = re.findall(r'^    "([a-z]+)(?:\.[a-z.]+)?",$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert set(packages) >= {"anonymizer", "pipeline", "profiles", "storage", "transforms"}
    assert set(packages) <= copied


def test_a_build_is_sent_no_secret(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    copied = [source for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.M) for source in line.split()]
    places = (*copied, "deploy/dataflow/Dockerfile")
    ours = [name for name in listed.split("\0") if any(Path(name).is_relative_to(place) for place in places)]
    # not yet known to git, maybe
    ours += ["requirements/build.txt", "requirements/image.txt"]
    secrets = [
        "key",
        "deid.key",
        ".env",
        "_audit/run.json",
        "crosswalk/a.parquet",
        "pipeline/deid.key",
        "deploy/.env",
        "deploy/dataflow/officer.pem",
        "deploy/dataflow/rules/site.key",
        "deploy/dataflow/credentials.json",
        "deploy/dataflow/service-account.json",
        "profiles/data/.hidden",
    ]
    for name in (*ours, *secrets):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    # gcloud reads these lines as git does; docker means the same by them, for they name folders only at their beginning
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    command = ["git", "ls-files", "-z", "--others", f"--exclude-from={DATAFLOW / 'Dockerfile.dockerignore'}"]
    sent = set(subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split("\0"))
    assert set(ours) - sent == set()
    assert set(secrets) & sent == set()
