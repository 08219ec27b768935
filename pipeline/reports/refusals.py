"""Sections on what was not written, and on conformance."""

from __future__ import annotations

from anonymizer import Reason

from ..advice import advice_on
from . import words
from .about import STRONGER_RULES
from .content import Bars, Block, Items, Section, Text, Tone, number, section, table
from .findings import class_rows, refusal_rows
from .naming import class_name
from .source import ReportSource

_MOST_ROWS = 2000


def refused(source: ReportSource) -> Section:
    """Return what was not written, by reason."""
    rows = refusal_rows(source)
    if not rows:
        return section("refused", "Objects that were not written", Text("None: every object that was found is in the output."))
    blocks: list[Block] = []
    refusals = [(words.reason_in_words(reason), count) for status, reason, count in rows if status == "quarantined"]
    shown = [(reason, count) for reason, count in refusals if not source.is_small(count)]
    if shown:
        blocks.append(Bars("Refused objects by reason", tuple(shown[:12])))
    if source.is_release:
        cells = [
            (words.reason_in_words(reason), words.STATUSES.get(status, status), source.count(count))
            for status, reason, count in rows
        ]
        blocks.append(table("Objects that were not written", ("Reason", "Outcome", "#Objects"), cells))
        return section("refused", "Objects that were not written", blocks)
    detailed = [
        (words.reason_in_words(reason), words.STATUSES.get(status, status), reason, _advice(reason), count)
        for status, reason, count in rows
    ]
    blocks.append(table("Objects that were not written", ("Reason", "Outcome", "Code", "What to do", "#Objects"), detailed))
    if new := source.account.get("new_quarantined"):
        found = [(words.reason_in_words(reason), count) for reason, count in new.items()]
        blocks.append(table("Refused objects that are new in this run", ("Reason", "#Objects"), found))
    if by_class := class_rows(source)[:_MOST_ROWS]:
        blocks.append(table("Refused objects by reason and class", ("Reason", "Modality", "SOP class", "#Objects"), by_class))
    return section("refused", "Objects that were not written", blocks)


def _advice(code: str) -> str:
    try:
        return advice_on(Reason(code))
    except ValueError:
        return ""


def incomplete(source: ReportSource) -> Section:
    """Return studies of which objects were refused."""
    account = source.account
    count, unknown = account.get("incomplete_studies", 0), account.get("quarantined_without_study", 0)
    title = "Incomplete studies"
    blocks: list[Block] = [
        table(
            "Studies with refused objects",
            ("", "#Number"),
            [
                ("Studies of which at least one object was refused", source.count(count)),
                ("Refused objects whose study is not known", source.count(unknown)),
            ],
        )
    ]
    listed = source.tally.incomplete
    if listed and not source.is_release:
        rows = [
            (
                study.study_uid or "not known",
                "; ".join(f"{words.reason_in_words(reason)} ({number(objects)})" for reason, objects in study.refused),
                study.in_output,
                sum(objects for _, objects in study.refused),
            )
            for study in listed
        ]
        more = f"{number(count - len(listed))} more studies are left out." if count > len(listed) else ""
        titles = ("StudyInstanceUID in the output", "Reasons", "#In the output", "#Refused")
        blocks.append(table("Incomplete studies", titles, rows, more))
    return section("incomplete", title, blocks)


def conformance(source: ReportSource) -> Section:
    """Return the statement of conformance: what PS3.15 E.1.3 asks a program to describe."""
    settings, options = source.settings, source.options
    names = ", ".join(words.option_title(name) for name in options if name != "BasicProfile") or "no option"
    scope = (
        "Original UIDs stay, so all references stay."
        if "RetainUIDs" in options
        else "UIDs are replaced everywhere, by a function of the original and a secret key. Equal originals get equal new UIDs "
        "in all objects, studies and runs of one key and scope. References among the released objects stay true. References "
        "to objects that were not released get new UIDs, too."
    )
    patients = words.PATIENT_IDS.get(settings.get("patient_id") or settings.get("patients") or "pseudonym", "")
    classes = sorted({class_name(kind.sop_class) for kind in source.tally.subjects.kinds})
    rows = [
        ("Profile", "Basic Application Level Confidentiality Profile of PS3.15 Annex E"),
        ("Options", names),
        ("Edition", str(settings.get("edition") or source.origin.get("edition") or "unknown")),
        ("Information Object Definitions", f"Storage classes in this release: {'; '.join(classes) or 'none'}"),
        (
            "Attributes removed or replaced",
            "By Table E.1-1 for the profile and options, at any depth; see What happened to attributes.",
        ),
        (
            "Dummy values",
            "Constants that are legal for the attribute, or pseudonyms and UIDs made with a secret key. No dummy is made from "
            "the original without the key.",
        ),
        ("Consistency of UIDs", scope),
        ("Consistency of patient IDs", f"{patients} It is the same in all studies and runs of one key and scope."),
        ("Type of attributes", "Compound actions (such as X/Z/D) follow the attribute's type in its class (PS3.3)."),
        (
            "Attributes inserted",
            "PatientIdentityRemoved, DeidentificationMethod, DeidentificationMethodCodeSequence, "
            "LongitudinalTemporalInformationModified, and BurnedInAnnotation under Clean Pixel Data.",
        ),
        (
            "Encrypted attributes",
            "None are made, and those of the original are removed. The objects alone can't be re-identified.",
        ),
        ("Digital signatures", "Removed. None are made."),
        ("Private SOP classes", "Refused: the standard does not define how to de-identify them."),
        ("Pixel data", words.PIXELS.get(settings.get("pixels") or source.origin.get("pixels") or "quarantine", "")),
    ]
    claims = _claims(source)
    return section(
        "conformance",
        "Statement of conformance (PS3.15 E.1.3)",
        *claims,
        table("Conformance", ("About", "Statement"), rows),
    )


def _claims(source: ReportSource) -> list[Block]:
    """Return which objects conform to what follows, as far as the program states it."""
    says = "says PatientIdentityRemoved YES and names the codes of profile and options in (0012,0064)"
    apart = []
    if causes := _claims_nothing(source):
        apart.append(
            f"Objects concerned by these settings do not claim the Basic Profile and say PatientIdentityRemoved NO: {causes}."
        )
    if source.says_no:
        apart.append(f"Objects that say PatientIdentityRemoved NO: {source.count(source.says_no)}.")
    if source.made_otherwise:
        apart.append(
            f"Objects that were made with other settings or by another version: {source.count(source.made_otherwise)}. The "
            "reports of the runs that wrote them say to what they conform."
        )
    if source.uncounted:
        apart.append(f"Nothing is stated of {source.uncounted} objects of earlier runs that no table of this run has.")
    if source.has_stronger_rules:
        apart.append(STRONGER_RULES)
    conform = f"conform to the profile and options below, as far as the program states it: each {says}."
    if not apart:
        return [Text(f"The objects of this release {conform}")]
    return [Items(tuple(apart), Tone.WARNING), Text(f"All other objects {conform}")]


def _claims_nothing(source: ReportSource) -> str:
    settings = source.settings
    causes = []
    if settings.get("weakening_rules"):
        causes.append("rules that keep more than the standard allows")
    if (settings.get("pixels") or source.origin.get("pixels")) == "keep":
        causes.append("images at risk that passed uncleaned")
    if settings.get("screen") is False:
        causes.append("no search for known identifiers (all objects)")
    return ", ".join(causes)
