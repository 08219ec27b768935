"""Settings of a profile: typed as ``default`` takes them, a misspelt one is an error, and a repr tells those that differ."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from profiles import Action, ConfidentialityProfile, ProfileOptions, ProfileSettings

ROOT = Path(__file__).resolve().parents[3]
READERS = [
    name
    for name, method in inspect.getmembers(ConfidentialityProfile, inspect.ismethod)
    if name.startswith("from_") and "settings" in inspect.signature(method).parameters
]


def test_each_reader_of_files_takes_settings() -> None:
    kinds = ("csv", "json", "xml")
    assert set(READERS) == {"from_file", *(f"from_{kind}" for kind in kinds), *(f"from_{kind}_string" for kind in kinds)}


def test_the_settings_are_those_of_default() -> None:
    parameters = inspect.signature(ConfidentialityProfile.default).parameters.values()
    taken = {parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY}
    types = typing.get_type_hints(ConfidentialityProfile.default)
    assert typing.get_type_hints(ProfileSettings) == {name: types[name] for name in taken - {"custom"}}
    assert ProfileSettings.__required_keys__ == frozenset()


@pytest.mark.parametrize("name", READERS)
def test_a_misspelt_setting_is_a_type_error_that_suggests_the_nearest(name: str, tmp_path: Path) -> None:
    texts = {"csv": "PatientName;D", "json": '[{"Tag": "PatientName", "Action": "D"}]'}
    kind = name.removeprefix("from_").removesuffix("_string").replace("file", "csv")
    text = texts.get(kind, "<root><item><tag>PatientName</tag><action>D</action></item></root>")
    (tmp_path / f"rules.{kind}").write_text(text)
    source = text if name.endswith("_string") else tmp_path / f"rules.{kind}"
    reader = getattr(ConfidentialityProfile, name)
    assert reader(source, cap_ages=True, patient_id="CASE-1").cap_ages
    with pytest.raises(TypeError, match="'date_shfit' is no setting of a profile; did you mean 'date_shift'"):
        reader(source, date_shfit="-30d..-1d")
    with pytest.raises(TypeError, match="'zz' is no setting of a profile; there are patient_name, "):
        reader(source, zz=1)
    # rules come from the file
    with pytest.raises(TypeError, match="'custom' is no setting"):
        reader(source, custom=())


def test_a_type_checker_knows_the_settings(tmp_path: Path) -> None:
    snippet = """
        from profiles import ConfidentialityProfile as Profile
        fine = Profile.from_csv("a.csv", "RetainUIDs", cap_ages=True, date_shift="-30d..-1d")
        Profile.from_csv("a.csv", date_shfit="-30d..-1d")
        Profile.from_xml_string("", cap_ages="yes")
        Profile.from_file("a.csv", custom=())
        reveal_type(fine.with_rules({"PatientName": "Z"}))
    """
    (tmp_path / "snippet.py").write_text(inspect.cleandoc(snippet))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", "--follow-imports=silent"]
    command += [f"--cache-dir={ROOT / '.mypy_cache'}", str(tmp_path / "snippet.py")]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert [line.split("snippet.py:")[1] for line in done.stdout.splitlines() if ": error: " in line or "Revealed" in line] == [
        '3: error: Unexpected keyword argument "date_shfit" for "from_csv" of "ConfidentialityProfile"; '
        'did you mean "date_shift"?  [call-arg]',
        '4: error: Argument "cap_ages" to "from_xml_string" of "ConfidentialityProfile" has incompatible type "str"; '
        'expected "bool"  [arg-type]',
        '5: error: Unexpected keyword argument "custom" for "from_file" of "ConfidentialityProfile"  [call-arg]',
        '6: note: Revealed type is "profiles.profile.ConfidentialityProfile"',
    ], done.stdout


# -- repr -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "default()",
        "default('RetainUIDs,CleanDesc')",
        "default('RetainLongModifDates', date_shift='-70d..-7d/7d', cap_ages=True, strict=True)",
        "default(pixels='keep', trust_burned_in_no=True, faces='quarantine', screen=False)",
    ],
)
def test_a_repr_is_how_the_profile_is_made(text: str) -> None:
    profile = eval(f"ConfidentialityProfile.{text}")
    assert repr(profile) == f"ConfidentialityProfile.{text}"


def test_a_repr_tells_of_rules_lists_and_aliases_but_not_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "safe.csv").write_text('private_creator,tag,vr\nDOE CLINIC,"0019,xx0c",LO\n')
    (tmp_path / "risk.csv").write_text("reason,sop_classes,condition,burned_in_no,why\npixel-risk-site,any,Rows > 1,never,Doe\n")
    profile = ConfidentialityProfile.default(
        "RetainSafePrivate",
        patient_name="Doe^Jane",
        patient_id="MRN-4711",
        safe_private=tmp_path / "safe.csv",
        pixel_risk=tmp_path / "risk.csv",
    ).with_rules({"StationName": (Action.D, "DOE-CT"), "ProtocolName": "X"})
    assert repr(profile) == (
        "ConfidentialityProfile.default('RetainSafePrivate', patient_name=<given>, patient_id=<given>, "
        "safe_private=<1 attribute>, custom=<2 rules>, pixel_risk=<1 row>)"
    )
    assert repr(profile.custom[0]) == "<CustomRule 'StationName', BasicProfile: D, value=<given>>"
    assert "doe" not in repr(profile.custom).lower()


def test_a_repr_of_a_rule_tells_its_options_and_that_it_insists() -> None:
    rules = ConfidentialityProfile.from_csv_string("Tag;BasicProfile;RetainUIDs\nFrameOfReferenceUID;U;K!").custom
    assert repr(rules) == "(<CustomRule 'FrameOfReferenceUID', BasicProfile: U, RetainUIDs: K, allows_weakening=True>,)"


def test_the_repr_of_an_action_is_that_of_an_enum() -> None:
    assert repr(Action.X_Z) == "<Action.X_Z: 'X/Z'>" and repr(ProfileOptions.RetainUIDs) == "<ProfileOptions.RetainUIDs: 4>"
