"""What surrounds the job on Dataflow: the template's parameters, its main module, and what --setup_file sends."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions
from apache_beam.runners.portability.stager import Stager
from google.cloud.dataflow_v1beta3 import ParameterType
from pydicom.data import get_testdata_file

from pipeline.beam_args import check_beam_args
from pipeline.cli import main
from profiles import ProfileOptions

ROOT = Path(__file__).resolve().parents[2]
DATAFLOW = ROOT / "deploy" / "dataflow"
METADATA: dict[str, Any] = json.loads((DATAFLOW / "metadata.json").read_text())
PARAMETERS: dict[str, dict[str, Any]] = {parameter["name"]: parameter for parameter in METADATA["parameters"]}
#: by every name that they have, aliases among them
OPTIONS = {
    name.removeprefix("--"): option
    for option in main.commands["run"].params
    if isinstance(option, click.Option)
    for name in option.opts
}

#: options of `dicom-deid run` that the template doesn't offer
LEFT_OUT = {
    "detach": "always on: the launcher must return",
    "log-format": "the launcher says little, and its log has the times",
    "metrics-file": "finish writes it: a detached run doesn't end with the launcher",
    "plan": "not with --detach, which is always on",
    "dry-run": "as plan",
    "diff": "as plan",
    "made-by": "finish takes it, and writes the report",
    "print-patients": "no run: the file would be the launcher's, which nobody sees",
    "anonymous": "the workers' account writes the output: there are credentials",
    "requester-pays": "for s3:// only, and the image has no boto3",
}
#: parameters that aren't the command's own: Beam's
OF_BEAM = {"sdk_container_image", "gbek"}
SECRET = "gcp-secret:projects/my-project/secrets/deid-key/versions/1"
EXAMPLES: dict[str, tuple[list[str], list[str]]] = {
    "input": (
        ["gs://hospital", "gs://hospital/a/**/b[0-9]?.dcm", "gs://h.example.org/ä b"],
        ["/archive", "s3://b/a", "gs://", "a"],
    ),
    "output": (["gs://research/deidentified"], ["out", "azfs://a/b/c"]),
    "audit": (["gs://research/deidentified-audit"], ["deidentified-audit"]),
    "key": (
        [SECRET, "gcp-secret:projects/p/locations/europe-west1/secrets/s/versions/12"],
        ["file:key", "env:KEY", "gcp-secret:s", "secret"],
    ),
    "sdk_container_image": (
        ["europe-west1-docker.pkg.dev/p/deid/dicom-deid:0.1.0", f"gcr.io/p/i@sha256:{'0' * 64}"],
        ["i", "https://x/y"],
    ),
    "profile": (
        ["basic", "/template/rules/a-1.csv", "/template/rules/b.json"],
        ["rules.csv", "/template/rules/../x.csv", "gs://a/b.csv"],
    ),
    "options": (["RetainUIDs", "RetainUIDs,CleanDesc"], ["RetainUid", "RetainUIDs,", "RetainUIDs CleanDesc", ""]),
    "patient_name": (["Case^One"], ["a\\b", "a\nb"]),
    "patient_id": (["CASE-1", "pseudonym"], ["a\\b", "x" * 65]),
    "date_shift": (["-3650d..-30d", "-3647d..-35d/7d", "1..5"], ["30d", "-1y..-2y", "a..b"]),
    "cap_ages": (["true", "false"], ["yes", "", "1"]),
    "strict": (["true", "false"], ["yes"]),
    "debug": (["true", "false"], ["on"]),
    "safe_private": (["/template/rules/ours.csv"], ["ours.csv", "/template/rules/ours.json"]),
    "scope": (["study 7"], ["", "a\tb"]),
    "uid_root": (["1.2.840.99999", "2.25"], ["1", "1.02", "a.b", "1.2.", "1." + "2" * 34 + ".3"]),
    "pixels": (["quarantine", "keep", "clean"], ["yes", ""]),
    "burned_in": (["quarantine", "keep", "clean"], ["yes"]),
    "pixel_rules": (
        ["/template/rules/ours.csv", "/template/rules/b.json", "/template/rules/ctp.script", "/template/rules/deid.dicom"],
        ["ours.csv", "/template/rules/../ours.csv", "/template/rules/ours.xml", "deid", ""],
    ),
    "accept_rule": (["ctp-0007", "deid-graylist-0003"], ["ctp-0007,ctp-0008", "a b", "", "x" * 65]),
    "rectangles": (["/template/rules/reviewed.csv"], ["reviewed.csv", "gs://a/reviewed.csv", "/template/rules/reviewed.json"]),
    "slide_labels": (["drop", "blank"], ["keep", ""]),
    "detect_text": (["off", "risk", "all"], ["on", ""]),
    "keep_text": (["nothing", "measurements"], ["all", ""]),
    "text_every": (["1", "5", "1000"], ["0", "1001", "-1", "2.5", ""]),
    "text_seconds": (["1", "600", "79999", "86399", "86400"], ["0", "86401", "87000", "100000", "1e3"]),
    "trust_burned_in_no": (["true", "false"], ["yes", "NO"]),
    "pixel_risk": (["/template/rules/ours.csv"], ["ours.csv", "/template/rules/../ours.csv", "/template/rules/ours.json"]),
    "faces": (["keep", "quarantine"], ["remove", ""]),
    "screen": (["on", "off"], ["true", ""]),
    "patient_table": (["gs://research/tables/p.csv"], ["p.csv", "gs://research"]),
    "resume": (["gs://research/deidentified-audit"], ["deidentified-audit", ""]),
    "replace_changed": (["true", "false"], ["yes"]),
    "recheck": (["true", "false"], ["yes"]),
    "conflicts": (["quarantine", "keep-one"], ["keep", ""]),
    "allow_empty": (["true", "false"], ["yes"]),
    "max_gone": (["0", "10", "2.5", "100"], ["101", "-1", "1e1", "10 %", ""]),
    "uid_map": (["gs://research/before-audit"], ["before-audit"]),
    "uid_map_key": ([SECRET], ["file:key", ""]),
    "uid_map_scope": (["study 7"], ["", "a\tb"]),
    "mixed_output": (["true", "false"], ["yes"]),
    "object_metadata": (["true", "false"], ["yes"]),
    "crosswalk": (["gs://restricted/crosswalk"], ["crosswalk"]),
    "crosswalk_certificate": (["gs://keys/officer.pem"], ["officer.pem", "gs://keys"]),
    "contact_sheets": (["gs://restricted/sheets"], ["sheets"]),
    "census": (["gs://restricted/census"], ["census"]),
    "census_certificate": (["gs://keys/officer.pem"], ["officer.pem", "gs://keys"]),
    "verdicts": (["/template/rules/verdicts.csv"], ["verdicts.csv", "/template/rules/verdicts.json"]),
    "contact_sheet_certificate": (["gs://keys/officer.pem"], ["officer.pem", "gs://keys"]),
    "contact_sheet_samples": (["1", "12", "50"], ["0", "51", "-1", "1.5"]),
    "user_project": (["my-project", "example.com:my-project"], ["My Project", "x"]),
    "kms_key": (["projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"], ["k", "arn:aws:kms:k"]),
    "io_threads": (["1", "16", "99", "100", "256"], ["0", "257", "-1", "1.5", "1000"]),
    "gbek": (["type:GcpSecret;version_name:projects/p/secrets/s/versions/1"], ["type:GcpSecret", "key"]),
}


def accepts(name: str, value: str) -> bool:
    # without re.ASCII \d and \w would mean more here than in the service; $ would forgive a line end
    return all(re.search(regex.removesuffix("$") + r"\Z", value) for regex in PARAMETERS[name]["regexes"])


def flex_main(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DATAFLOW / "flex_main.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)


def test_the_template_offers_every_option_or_says_why_not() -> None:
    assert LEFT_OUT.keys() <= OPTIONS.keys()
    offered = {name.replace("-", "_") for name in OPTIONS.keys() - LEFT_OUT.keys()}
    assert PARAMETERS.keys() == offered | OF_BEAM
    assert len(METADATA["parameters"]) == len(PARAMETERS)
    for name in OF_BEAM:
        check_beam_args([f"--{name}=x"], [])


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_whole(name: str) -> None:
    parameter = PARAMETERS[name]
    assert re.fullmatch("[a-z][a-z_]*", name)
    assert parameter["label"]
    assert parameter["helpText"].endswith((".", "/V", "~key=..."))
    assert parameter["paramType"] in ParameterType.__members__
    assert parameter["isOptional"] is (name not in {"input", "output", "key", "sdk_container_image"})
    option = OPTIONS.get(name.replace("_", "-"))
    if option is not None:
        assert (parameter["paramType"] == "BOOLEAN") is option.is_flag
    assert {choice["value"] for choice in parameter.get("enumOptions", [])} == (
        set(option.type.choices) if option is not None and isinstance(option.type, click.Choice) else set()
    )


@pytest.mark.parametrize("name", PARAMETERS)
def test_its_expressions_take_what_is_right_and_refuse_the_rest(name: str) -> None:
    right, wrong = EXAMPLES[name]
    assert [value for value in right if not accepts(name, value)] == []
    assert [value for value in wrong if accepts(name, value)] == []
    for regex in PARAMETERS[name]["regexes"]:
        assert regex.startswith("^")
        assert regex.endswith("$")
        assert not re.search(r"\(\?", regex), "the service knows no lookarounds"


def test_every_option_of_the_standard_may_be_named() -> None:
    names = [str(option.name) for option in ProfileOptions]
    assert all(accepts("options", name) for name in names)
    assert accepts("options", ",".join(names))


def test_no_option_of_beams_is_taken_for_one_of_the_command() -> None:
    words = [f"--{name}".replace("-", "_").replace("__", "--", 1) + "=x" for name in OPTIONS]
    taken = []
    for word in words:
        try:
            check_beam_args([word], [])
        except Exception:
            continue
        taken.append(word)
    assert taken == []


def test_the_launcher_starts_the_command() -> None:
    done = flex_main("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "dicom-deid run [OPTIONS] [BEAM OPTIONS]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strict=maybe"], "--strict is true or false"),
        (["--strict=true", "--cap_ages=false"], "--input is missing"),
        (["--io_threads=0"], "Invalid value for '--io-threads'"),
        (["--burned_in=no"], "Invalid value for '--pixels' / '--burned-in'"),
        (["--pixels=no"], "Invalid value for '--pixels' / '--burned-in'"),
        (["--faces=no"], "Invalid value for '--faces'"),
        (["--slide_labels=no"], "Invalid value for '--slide-labels'"),
        (["--pixels=clean", "--pixel_rules=/template/rules/none.csv"], "none.csv"),
        (["--pixels=clean", "--rectangles=/template/rules/none.csv"], "none.csv"),
        (["--pixels=clean", "--accept_rule=none"], "'none' is no rule"),
        (["--screen=no"], "Invalid value for '--screen'"),
        (["--trust_burned_in_no=maybe"], "--trust-burned-in-no is true or false"),
        (["--pixel_risk=/template/rules/none.csv"], "none.csv"),
        (["--options=RetainUid"], "did you mean RetainUIDs?"),
        (["--patient_tabel=x"], "unknown option --patient_tabel; did you mean --patient-table?"),
        # --detach was added: without a runner it is refused
        (["--input=tests", "--output=/nowhere/x", "--key=file:x"], "--detach needs a distributed --runner"),
        # what the launcher adds of its own is known to Beam: the run fails over the input only
        (
            [
                "--runner=DataflowRunner",
                "--project=p",
                "--region=europe-west1",
                "--job_name=j",
                "--temp_location=gs://b/t",
                "--staging_location=gs://b/s",
                "--template_location=gs://b/s/template_launches/1/job_object",
                '--labels={"goog-dataflow-provided-template-type": "flex"}',
                "--service_account_email=w@p.iam.gserviceaccount.com",
                "--sdk_container_image=gcr.io/p/i:1",
                "--max_num_workers=3",
                "--worker_machine_type=n2-standard-4",
                "--subnetwork=regions/r/subnetworks/s",
                "--no_use_public_ips",
                "--dataflow_kms_key=k",
                "--experiments=a",
                "--output=out",
                f"--key={SECRET}",
                "--input=nowhere-at-all",
            ],
            "--input doesn't exist",
        ),
    ],
)
def test_the_launchers_words_become_the_commands(arguments: list[str], message: str) -> None:
    done = flex_main(*arguments)
    assert message in done.stderr
    assert done.returncode == 2


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a worker gets it by ``--setup_file``: built by Beam, installed from the sdist that it stages."""
    setuptools = int(version("setuptools").split(".")[0])
    if setuptools < 77:
        pytest.skip("setuptools 77 reads this project's licence: pip install -e '.[dev]'")
    copy, staging, target = (tmp_path_factory.mktemp(name) for name in ("copy", "staging", "target"))
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    options = PipelineOptions([f"--setup_file={copy / 'setup.py'}", "--sdk_location=container"])
    assert options.view_as(SetupOptions).setup_file
    resources = Stager.create_job_resources(options, str(staging))
    assert len(resources) > 0
    (sdist,) = list(staging.rglob("*.tar.gz"))
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        str(target),
        str(sdist),
    ]
    subprocess.run(install, check=True, capture_output=True)
    return target


def test_workers_get_all_of_the_packages(staged: Path) -> None:
    for package in ("anonymizer", "pipeline", "profiles", "storage", "transforms"):
        wanted = subprocess.run(["git", "ls-files", "-z", package], cwd=ROOT, check=True, capture_output=True).stdout
        names = [name for name in os.fsdecode(wanted).split("\0") if name and (ROOT / name).exists()]
        assert len(names) > 2
        assert [name for name in names if not (staged / name).is_file()] == []
    assert not (staged / "tests").exists()


def test_workers_can_work_with_them(staged: Path, tmp_path: Path) -> None:
    code = (
        "import anonymizer, pipeline.job, sys\nfrom anonymizer import Anonymizer\n"
        "from profiles import ConfidentialityProfile as P\n"
        "Anonymizer(P.default('CleanDesc,CleanStructdCont,RetainSafePrivate')).anonymize_file(sys.argv[1], 'out.dcm')\n"
        "print(anonymizer.__file__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(staged)}
    source = get_testdata_file("CT_small.dcm")
    done = subprocess.run(
        [sys.executable, "-c", code, str(source)], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert Path(done.stdout.strip()).is_relative_to(staged)
    assert b"CompressedSamples" not in (tmp_path / "out.dcm").read_bytes()
    assert b"CompressedSamples" in Path(str(source)).read_bytes()
