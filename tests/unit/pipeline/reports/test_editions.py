"""What both editions say of deviations, plans, censuses and hostile texts; the checklist finds its sections."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.reports.action_tally import PRIVATE_KEPT, ActionCount, ActionKey
from pipeline.reports.content import Bars, Edition, KeptValue, KeptValues
from pipeline.reports.editions import content_of
from pipeline.reports.rendering import render
from pipeline.reports.tally import Refusal
from tests.support.reports import Shown, sections_of
from tests.unit.pipeline.reports.made import source

ROOT = Path(__file__).resolve().parents[4]
HOSTILE = "<script>alert(1)</script>\"'&\ud800\u202e</table>"


def shown(edition: Edition = Edition.REVIEW, **more: Any) -> dict[str, Shown]:
    return sections_of(render(content_of(source(**more), edition)))


def test_each_question_of_the_checklist_names_sections_of_the_review_edition() -> None:
    page = (ROOT / "docs/explanation/privacy.md").read_text()
    checklist = page.partition("<!-- checklist -->")[2].partition("<!-- /checklist -->")[0]
    rows = [line for line in checklist.splitlines() if line.startswith("|") and "`" in line]
    assert len(rows) > 12 and all(re.search("`[a-z]+`", row) for row in rows)
    named = set(re.findall("`([a-z]+)`", checklist))
    sections = shown()
    assert named <= set(sections)
    # nothing in it answers no question
    assert set(sections) == named | {"profile"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pixels": "keep"}, "passed without being cleaned"),
        ({"screen": False}, "--screen off"),
        ({"trust_burned_in_no": True}, "Scanners often say so unasked"),
        ({"text": {"keep": "measurements", "objects": "risk"}, "pixels": "clean"}, "--keep-text"),
        ({"more_safe_private": 3}, "3 entries beside the standard's list"),
        ({"pixel_rules": [{"accepted": ["SECRET"]}], "pixels": "clean"}, "--accept-rule"),
        (
            {
                "weakening_rules": 1,
                "custom_rules": [
                    {"pattern": "(0008,1140)>(0008,0080)", "insists": True, "actions": {"BasicProfile": "K"}, "has_value": False}
                ],
            },
            "InstitutionName in ReferencedImageSequence: kept by an option or rule",
        ),
    ],
)
def test_what_departs_from_the_profile_stands_out(settings: dict[str, Any], said: str) -> None:
    risks = {"pixel_risks": {"pixel-risk-screen": {"quarantined": 0, "kept": 12}}}
    for edition in Edition:
        sections = shown(edition, settings=settings, account=risks if settings.get("pixels") == "keep" else {})
        assert said in sections["deviations"].text
        weakens = "weakening_rules" in settings or settings.get("pixels") == "keep" or "screen" in settings
        assert ("PatientIdentityRemoved NO" in sections["conformance"].text) == weakens
    assert "SECRET" not in str(shown(Edition.RELEASE, settings=settings))
    assert "None." in shown()["deviations"].text


def test_a_plan_says_so_at_the_top() -> None:
    assert b"PLAN: no object was written" in render(content_of(source(is_plan=True), Edition.RELEASE))
    assert b"PLAN" not in render(content_of(source(), Edition.RELEASE))


def test_values_that_stay_are_listed_rarest_first_in_the_review_edition_alone() -> None:
    values = [
        KeptValue("(0008,0070)", "Manufacturer", "LO", "COMMON", None, 90, 900),
        KeptValue("(0008,0070)", "Manufacturer", "LO", "RARE", None, 1, 3),
        KeptValue("(0008,1030)", "StudyDescription", "LO", "thorax", "thorax of SMITH", 2, 2, patients_exact=False),
        KeptValue("(0018,1030)", "ProtocolName", "LO", "chest", "chest", 50, 50),
    ]
    kept = KeptValues(values, 4, 12)
    found = shown(values=kept)["values"]
    assert list(found.tables) == ["Manufacturer (0008,0070) LO", "StudyDescription (0008,1030) LO", "ProtocolName (0018,1030) LO"]
    assert found.tables["Manufacturer (0008,0070) LO"][1:] == [
        ["RARE", "unchanged", "1", "3"],
        ["COMMON", "unchanged", "90", "900"],
    ]
    assert found.tables["StudyDescription (0008,1030) LO"][1] == ["thorax", "thorax of SMITH", "about 2", "2"]
    assert "RARE" not in str(shown(Edition.RELEASE, values=kept))
    many = [KeptValue("(0008,0070)", "Manufacturer", "LO", f"V{number}", None, number, 1) for number in range(1, 5001)]
    assert "2,000 more values are left out" in shown(values=KeptValues(many, 9000, 9000))["values"].text
    assert "3,000 of 9,000 values are listed" in shown(values=KeptValues(many, 9000, 9000))["values"].text


def test_a_plan_tells_what_changes_in_the_review_edition_alone() -> None:
    changed = {"path": "(0008,1030)", "keyword": "StudyDescription", "before": "X", "now": "C", "instances": 90, "studies": 7}
    ends = {"status_before": "written", "reason_before": "", "status_now": "quarantined", "reason_now": "truncated", "objects": 3}
    diff = {
        "run_id": "20260101000000abcdef01",
        "attributes": [changed] * 501,
        "statuses": [ends],
        **dict.fromkeys(("only_before", "only_now", "unknown_actions"), 0),
        "other_bytes": {"instances": 5, "studies": 2},
    }
    found = shown(account={"diff": diff}, is_plan=True)["before"]
    assert found.tables["Objects that end otherwise"][1] == ["written", "quarantined, truncated", "3"]
    assert found.tables["Attributes that are treated otherwise"][1] == ["StudyDescription (0008,1030)", "X", "C", "90", "7"]
    assert "1 more are left out" in found.text
    assert "StudyDescription (0008,1030)" not in str(shown(Edition.RELEASE, account={"diff": diff}, is_plan=True))


def test_no_text_becomes_markup() -> None:
    values = KeptValues([KeptValue(HOSTILE, HOSTILE, "LO", HOSTILE, HOSTILE, 1, 1)], 1, 1)
    restricted = {"run_id": "x", "inputs": [HOSTILE], "output": HOSTILE, "command": [HOSTILE], "patient_name": HOSTILE}
    page = render(content_of(source(values=values, restricted=restricted, made_by=HOSTILE), Edition.REVIEW))
    assert b"<script" not in page and b'</table>"' not in page
    sections = sections_of(page)
    assert "<script>alert(1)</script>" in sections["places"].text


def test_a_chart_says_its_numbers_and_escapes_its_labels() -> None:
    from pipeline.reports.charts import svg_of

    svg = svg_of(Bars('Cap "<b>"', (("<b>\\1&", 12_345), ("<b>\\1&", 7), ("x" * 60, 0))))
    assert "&lt;b&gt;\\1&amp;: 12,345" in svg and "<b>" not in svg and svg.count("<rect") == 4
    assert 'role="img"' in svg and "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_a_small_count_does_not_follow_from_a_sum() -> None:
    tally = source().tally._replace(
        refusals={
            Refusal("quarantined", "truncated", "CT", "1.2"): 20,
            Refusal("quarantined", "invalid-vr", "CT", "1.2"): 3,
        }
    )
    account = {"counts": {"written": 100, "quarantined": 23}}
    release, review = (shown(edition, tally=tally, account=account) for edition in (Edition.RELEASE, Edition.REVIEW))
    refused = "Objects refused, because they could not be understood or were not safe"
    assert release["refused"].row("cut off")[-1] == "20" and release["checks"].row(refused) == ["not told"]
    assert release["refused"].row("broken: an unknown type of value")[-1] == "< 11"
    assert review["checks"].row(refused) == ["23"]


def test_a_small_count_does_not_follow_from_the_others_of_its_column() -> None:
    risks = {name: {"quarantined": count, "passed": 0, "kept": 0} for name, count in (("a", 43), ("b", 4), ("c", 90))}
    release, review = (shown(edition, account={"pixel_risks": risks})["pixels"] for edition in (Edition.RELEASE, Edition.REVIEW))
    assert [release.row(name)[0] for name in "abc"] == ["not told", "< 11", "90"]
    assert [review.row(name)[0] for name in "abc"] == ["43", "4", "90"]


def test_the_release_edition_never_tells_counts_below_its_own_bound() -> None:
    tally = source().tally._replace(refusals={Refusal("quarantined", "truncated", "CT", "1.2"): 5})
    release = content_of(source(tally=tally, least_class=3), Edition.RELEASE)
    assert sections_of(render(release))["refused"].row("cut off")[-1] == "< 11"
    assert b"less than 3" not in render(release)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ({"other_settings": {"versions": 0, "settings": 20}}, "with other settings: 20"),
        ({"earlier_outputs": {"objects": 90, "exact": True}}, "wrote 90 objects into the output that no table of this run has"),
        ({"earlier_outputs": {"objects": 90, "exact": False}}, "wrote up to 90 objects"),
        ({"earlier_outputs": None, "previous_run": {"run_id": "x"}}, "wrote an unknown number of objects"),
    ],
)
def test_what_the_tables_or_settings_do_not_cover_is_no_conforming_release(account: dict[str, Any], said: str) -> None:
    plain = "The objects of this release conform"
    for edition in Edition:
        assert plain in shown(edition)["conformance"].text
        sections = shown(edition, account=account)
        assert said in sections["deviations"].text and plain not in sections["conformance"].text
        assert "All other objects conform" in sections["conformance"].text
        assert ("made with others" in sections["profile"].text) == ("other_settings" in account)
        assert ("Not counted here" in sections["contents"].text) == ("earlier_outputs" in account)


def test_objects_that_say_no_are_counted_in_the_statement_of_conformance() -> None:
    tally = source().tally._replace(notes={"identity-not-removed": 20})
    for edition in Edition:
        text = shown(edition, tally=tally)["conformance"].text
        assert "say PatientIdentityRemoved NO: 20" in text and "The objects of this release conform" not in text


def test_sentences_on_options_give_way_to_rules() -> None:
    rules = [{"pattern": "(0008,0020)", "insists": True, "actions": {"BasicProfile": "K"}, "has_value": False}] * 2
    rules.append({**rules[0], "insists": False})
    actions = {
        ActionKey("StudyDate", "", "K", ""): ActionCount(20, 20),
        ActionKey("PatientAge", "", "X", ""): ActionCount(20, 20),
    }
    tally = source().tally._replace(actions=actions)
    settings = {"custom_rules": rules, "weakening_rules": 2, "options": ["BasicProfile", "RetainPatientChars"]}
    sections = shown(Edition.RELEASE, tally=tally, settings=settings)
    dates = sections["dates"].text
    assert "stay as they were, by a rule: StudyDate." in dates and "Ages stay" not in dates
    for name in ("profile", "dates", "conformance"):
        assert "came before all this" in sections[name].text
    assert "keep no more than the standard came first: 1." in sections["profile"].text


def test_uids_that_stay_are_not_told_as_proven() -> None:
    proof = "No new UID equals an original or another new one; nothing was written before that was proven"
    assert shown(account={"uids": 0})["checks"].row(proof) == ["no UID was replaced"]
    assert shown(account={"uids": 9})["checks"].row(proof) == ["yes"]
    assert "UIDs that were replaced" not in shown(Edition.RELEASE, account={"uids": 9})["checks"].text


def test_rules_that_keep_private_attributes_are_named_in_the_review_edition_alone() -> None:
    rules = [{"pattern": "(pattern)", "insists": True, "actions": {"BasicProfile": "K"}, "has_value": False}]
    tally = source().tally._replace(actions={ActionKey(PRIVATE_KEPT, "", "K", ""): ActionCount(9, 68)})
    restricted = {"run_id": "x", "custom_rules": [{"rule": "0029{ZEBRA PRIV}01;K!", "value": None}]}
    more = {"settings": {"custom_rules": rules, "weakening_rules": 1}, "tally": tally, "restricted": restricted}
    assert "ZEBRA PRIV" in str(shown(**more)["private"].tables)
    assert "ZEBRA" not in str(shown(Edition.RELEASE, **more))
