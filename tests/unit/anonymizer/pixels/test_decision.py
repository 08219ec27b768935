"""The decision on the pixels of an object at risk: sources only add, and where nobody says anything it is refused."""

from __future__ import annotations

import hashlib
import io
import pickle

import pytest

from anonymizer import DeidentificationError, Key, Reason
from anonymizer.pixels import (
    BlankedBy,
    FoundText,
    PixelDecision,
    PixelEvidence,
    ReviewedObjects,
    TextFindings,
    needs_search,
    sources_of,
)
from anonymizer.pixels import decide as decide_by
from anonymizer.pixels.regions import RegionEvidence, RegionState
from anonymizer.review.lines import put_back_lines, take_out_lines
from profiles import ConfidentialityProfile, Outcome, PixelPolicy, Rectangle, Reviewed, TextSearch, read_pixel_rules
from profiles.pixels import PixelRisk, PixelRules
from tests.support.pages import page
from tests.support.running import SECRET

HEAD = "name,condition,rows,columns,outcome,blank,keep,provenance\n"
MANUFACTURER, IMAGE_TYPE = 0x00080070, 0x00080008
ULTRASOUND = PixelRisk("pixel-risk-ultrasound", frozenset({"any"}), None, "never", "")
ADMITS = PixelRisk("burned-in-annotation", frozenset({"any"}), None, "never", "")
FEATURES = PixelRisk("pixel-recognizable-features", frozenset({"any"}), None, "never", "")
ABSENT, INVALID = RegionEvidence(RegionState.ABSENT), RegionEvidence(RegionState.INVALID)
BANNER, FOOTER = Rectangle(0, 0, 100, 10), Rectangle(0, 70, 100, 80)


def policy(*lines: str, slide_labels: str = "drop") -> PixelPolicy:
    if not lines:
        return PixelPolicy("clean", slide_labels=slide_labels)
    source = read_pixel_rules(io.StringIO(HEAD + "".join(f"{line}\n" for line in lines)))
    return PixelPolicy("clean", rules=PixelRules((source,)), slide_labels=slide_labels)


def evidence(
    *risks: PixelRisk,
    regions: RegionEvidence = ABSENT,
    reviewed: Reviewed | None = None,
    image_type: tuple[str, ...] = (),
) -> PixelEvidence:
    values = {MANUFACTURER: ("ACME",), IMAGE_TYPE: image_type}
    return PixelEvidence(risks or (ULTRASOUND,), values, 80, 100, regions, reviewed)


def decide(used: PixelPolicy, found: PixelEvidence, text: FoundText | None = None) -> PixelDecision | None:
    return decide_by(found, sources_of(used, found), text)


def refusal(used: PixelPolicy, found: PixelEvidence, text: FoundText | None = None) -> Reason:
    with pytest.raises(DeidentificationError) as caught:
        decide(used, found, text)
    assert caught.value.pixel_risks == tuple(Reason(risk.reason) for risk in found.risks)
    return caught.value.reason


CLEAN_BANNER = 'banner,Manufacturer = ACME,80,100,clean,"0,0,100,10",,Doe'


def test_each_source_only_adds() -> None:
    regions = RegionEvidence(RegionState.VALID, (Rectangle(0, 0, 100, 75),))
    reviewed = Reviewed(Outcome.CLEAN, (Rectangle(0, 20, 5, 25),))
    decision = decide(policy(CLEAN_BANNER), evidence(regions=regions, reviewed=reviewed))
    assert [(one.source, one.name, one.rectangles) for one in decision.sources] == [
        ("rule", "banner", (BANNER,)),
        ("file", "", (Rectangle(0, 20, 5, 25),)),
        ("region", "", (Rectangle(0, 75, 100, 80),)),
    ]
    assert decision.rectangles == (BANNER, Rectangle(0, 20, 5, 25), Rectangle(0, 75, 100, 80))


@pytest.mark.parametrize("rule", ["", "x,Manufacturer = OTHER,,,keep,,,Doe", 'x,Manufacturer = ACME,80,101,clean,"0,0,9,9",,Doe'])
def test_where_nobody_says_anything_it_is_refused(rule: str) -> None:
    used = policy(*filter(None, [rule]))
    assert refusal(used, evidence()) is Reason.PIXEL_NO_RULE
    assert refusal(used, evidence(regions=INVALID)) is Reason.PIXEL_INVALID_REGIONS


def test_a_rule_that_cleans_nothing_lets_nothing_pass() -> None:
    recipe = "FORMAT dicom\n%filter graylist\nLABEL a\n  contains Manufacturer ACME\n"
    used = PixelPolicy("clean", rules=PixelRules((read_pixel_rules(io.StringIO(recipe)),)))
    assert refusal(used, evidence()) is Reason.PIXEL_NO_RULE


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        (("clean", "quarantine"), Reason.PIXEL_RULE_QUARANTINE),
        (("keep", "quarantine"), Reason.PIXEL_RULE_QUARANTINE),
        (("quarantine", "drop"), Reason.PIXEL_RULE_DROP),
        (("keep", "drop"), Reason.PIXEL_RULE_DROP),
    ],
)
def test_the_strictest_outcome_wins(outcomes: tuple[str, ...], reason: Reason) -> None:
    lines = [f"r{at},Manufacturer = ACME,,,{outcome},{'all' * (outcome == 'clean')},,Doe" for at, outcome in enumerate(outcomes)]
    assert refusal(policy(*lines), evidence()) is reason


def test_a_reviewer_may_refuse_what_a_rule_cleans() -> None:
    used = policy(CLEAN_BANNER)
    assert refusal(used, evidence(reviewed=Reviewed(Outcome.QUARANTINE))) is Reason.PIXEL_RULE_QUARANTINE
    assert refusal(used, evidence(reviewed=Reviewed(Outcome.DROP))) is Reason.PIXEL_RULE_DROP
    assert refusal(used, evidence(reviewed=Reviewed(None, mismatch=True))) is Reason.PIXEL_SIZE_MISMATCH


def test_a_rule_that_keeps_is_believed_but_where_the_object_itself_admits_something() -> None:
    used = policy("k,Manufacturer = ACME,,,keep,,,Doe")
    assert decide(used, evidence()) == PixelDecision(80, 100, (("rule", "k", ()),))  # type: ignore[arg-type]
    assert refusal(used, evidence(ADMITS, ULTRASOUND)) is Reason.BURNED_IN_ANNOTATION
    # of the object itself, somebody who has seen it is believed
    assert decide(used, evidence(ADMITS, reviewed=Reviewed(Outcome.KEEP))).rectangles == ()
    # where something is blanked, it may be what the object speaks of
    assert decide(policy(CLEAN_BANNER), evidence(ADMITS)).rectangles == (BANNER,)


def searched(*rectangles: Rectangle, score: float = 0.9) -> FoundText:
    return FoundText(rectangles, TextFindings(1, 1, best_score=score if rectangles else 0.0))


def test_text_that_was_found_is_a_source_and_nothing_found_lets_a_class_pass() -> None:
    used = PixelPolicy("clean", text=TextSearch())
    sources = sources_of(used, evidence())
    assert needs_search(used, evidence(), sources)
    assert decide(used, evidence(), searched(BANNER)).sources == (BlankedBy("text", "", (BANNER,)),)
    kept = decide(used, evidence(), searched())
    assert kept.rectangles == () and kept.sources == (BlankedBy("text", "", ()),)
    # what was declared must be found, and well enough
    assert refusal(used, evidence(ADMITS), searched()) is Reason.PIXEL_TEXT_NOT_FOUND
    assert refusal(used, evidence(ADMITS), searched(BANNER, score=0.7)) is Reason.PIXEL_TEXT_NOT_FOUND
    assert decide(used, evidence(ADMITS), searched(BANNER)).rectangles == (BANNER,)
    # or be blanked by others
    regions = RegionEvidence(RegionState.VALID, (Rectangle(0, 0, 100, 75),))
    assert decide(used, evidence(ADMITS, regions=regions), searched()).rectangles
    assert decide(used, evidence(regions=INVALID), searched()).rectangles == ()


def test_where_a_person_looked_no_model_does() -> None:
    used = PixelPolicy("clean", text=TextSearch(objects="all"))
    for found in (evidence(reviewed=Reviewed(Outcome.KEEP)), evidence(reviewed=Reviewed(Outcome.CLEAN, (BANNER,)))):
        assert not needs_search(used, found, sources_of(used, found))
    label = evidence(ADMITS, image_type=("ORIGINAL", "PRIMARY", "LABEL", "NONE"))
    blanking = PixelPolicy("clean", slide_labels="blank", text=TextSearch())
    assert not needs_search(blanking, label, sources_of(blanking, label))
    assert not needs_search(PixelPolicy("clean"), evidence(), ())
    at_no_risk = evidence()._replace(risks=())
    assert needs_search(used, at_no_risk, ()) and not needs_search(PixelPolicy("clean", text=TextSearch()), at_no_risk, ())


def test_nothing_takes_out_faces() -> None:
    assert refusal(policy("x,Manufacturer = ACME,,,clean,all,,Doe"), evidence(FEATURES)) is Reason.PIXEL_RECOGNIZABLE_FEATURES


@pytest.mark.parametrize("flavour", ["LABEL", "OVERVIEW", "label"])
def test_a_slides_label_is_left_out_or_blanked_whole(flavour: str) -> None:
    found = evidence(ADMITS, image_type=("ORIGINAL", "PRIMARY", flavour, "NONE"))
    assert refusal(policy(CLEAN_BANNER), found) is Reason.SLIDE_LABEL
    decision = decide(policy(CLEAN_BANNER, slide_labels="blank"), found)
    assert decision.rectangles == (Rectangle(0, 0, 100, 80),)
    assert {one.source for one in decision.sources} == {"label", "rule"}


def test_the_audit_page_names_each_source() -> None:
    text = page("docs/reference/audit.md")
    assert all(f"`{source}`" in text for source in ("rule", "region", "file", "label"))


# -- people ------------------------------------------------------------------------------------------------------------------


def test_reviewed_lines_are_apart_in_a_job_and_found_with_the_key_only() -> None:
    uids = [f"1.2.826.0.1.{number}" for number in range(50)]
    lines = [f'{uid},80,100,"0,0,{at + 1},9",Doe' for at, uid in enumerate(uids)]
    text = "sop_instance_uid,rows,columns,blank,reviewer\n" + "\n".join(lines)
    profile = ConfidentialityProfile.default("CleanPixelData", rectangles=io.StringIO(text))
    key = Key(SECRET)
    without, apart = take_out_lines(profile, key)
    assert without.digest == profile.digest and without == profile
    assert len(pickle.dumps(without)) < len(pickle.dumps(profile)) - 50 * 24
    plain, hollow, whole = (one.pixels.rectangles for one in (profile, without, put_back_lines(without, apart)))
    assert plain is not None and hollow is not None and whole is not None
    for at, uid in enumerate(uids):
        expected = Reviewed(Outcome.CLEAN, (Rectangle(0, 0, at + 1, 9),))
        for found in (plain, whole):
            assert ReviewedObjects(found, key).find(uid.encode(), b"", bytes(32), 80, 100) == expected
        # without the key, or with another one
        assert ReviewedObjects(whole, Key(bytes(range(1, 33)))).find(uid.encode(), b"", bytes(32), 80, 100) is None
        digest = hashlib.blake2b(uid.encode(), digest_size=16, person=b"i").digest()
        assert digest in pickle.dumps(profile) and digest not in pickle.dumps(without) + apart
    # one without lines says of no object that nobody decided on it
    with pytest.raises(RuntimeError, match="stored elsewhere"):
        ReviewedObjects(hollow, key).find(b"", b"", bytes(32), 80, 100)
