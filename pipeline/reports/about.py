"""Sections that say who made a release, by which profile, and what is in it."""

from __future__ import annotations

from collections import Counter, defaultdict

from . import words
from .content import Bars, Block, Form, Heading, Items, Section, Text, Tone, number, section, table
from .deviations import deviations_of
from .naming import NO_MODALITY, class_name, is_date
from .source import ReportSource

#: what holds only where no such rule speaks
STRONGER_RULES = (
    "Rules of the releasing organisation that keep more than the standard came before all this: Deviations names the attributes."
)
#: bars of a chart
_MOST_BARS = 12
_OTHERS = "all others"


def made(source: ReportSource) -> Section:
    """Return who made it, when, with what."""
    account, origin = source.account, source.origin
    times = account.get("times") or {}
    rows = [
        ("Program", f"dicom-deid {origin.get('version', 'of unknown version')}"),
        ("Standard", f"DICOM PS3.15 Annex E, edition {source.settings.get('edition') or origin.get('edition') or 'unknown'}"),
        ("Run", account["run_id"]),
        ("Began (UTC)", times.get("started") or "not recorded"),
        ("Ended (UTC)", times.get("ended") or "not recorded"),
        ("Released by", source.made_by or "to be filled in below"),
    ]
    if not source.is_release:
        rows += [
            ("Python, Beam", f"{origin.get('python', '')}, {origin.get('apache-beam', '')} ({origin.get('runner', '')})"),
            ("pydicom, pyarrow", f"{origin.get('pydicom', '')}, {origin.get('pyarrow', '')}"),
            ("Key id", str(account.get("key_id", ""))),
            ("Authenticity", source.authenticity or "not checked"),
        ]
    form = None
    if not source.made_by:
        form = Form("Who releases these data", (("Organisation", "Responsible person", "Contact"),))
    return section("made", "Who made this, when, and with what", table("The run", ("", ""), rows), form)


def deviations(source: ReportSource) -> Section:
    """Return what must not be missed."""
    found = deviations_of(source)
    blocks: list[Block] = (
        [Text("This run kept or passed more than the profile alone would, or needs attention:"), Items(found, Tone.WARNING)]
        if found
        else [Text("None. No setting kept or passed more than the profile and the options below.")]
    )
    return section("deviations", "Deviations", blocks)


def profile(source: ReportSource) -> Section:
    """Return profile and options in words."""
    settings = source.settings
    rows = [words.OPTIONS.get(name, (name, "")) for name in source.options]
    facts = [
        words.PATIENT_IDS.get(settings.get("patient_id") or settings.get("patients") or "pseudonym", ""),
        words.PATIENT_NAMES.get(settings.get("patient_name") or "empty", ""),
        "UIDs stay as they were."
        if "RetainUIDs" in source.options
        else "All UIDs of instances, series, studies and the like are new.",
        words.CONFLICTS.get(settings.get("conflicts") or "quarantine", ""),
    ]
    if settings.get("cap_ages"):
        facts.append("Ages of 90 years and more are given as 90 years.")
    if settings.get("strict"):
        facts.append("Short texts that no table of the standard names were replaced by dummies.")
    if count := sum(not rule.get("insists") for rule, _ in source.rules):
        facts.append(f"Rules of the releasing organisation that keep no more than the standard came first: {number(count)}.")
    if source.has_stronger_rules:
        facts.append(STRONGER_RULES)
    if settings.get("uid_root") not in (None, "2.25"):
        facts.append("New UIDs begin with the number of an organisation, which tells the source.")
    return section(
        "profile",
        "Profile and options",
        *not_all(source),
        table("Profile and options of PS3.15 Annex E", ("Profile or option", "In words"), rows),
        Items(tuple(filter(None, facts))),
    )


def not_all(source: ReportSource) -> list[Block]:
    """Return a sentence before what holds for the settings of this run."""
    if not source.made_otherwise:
        return []
    others = f"{source.count(source.made_otherwise)} objects were made with others, or by another version."
    return [Text(f"These are the settings of this run. {others}", Tone.WARNING)]


def contents(source: ReportSource) -> Section:
    """Return what the output holds."""
    subjects = source.tally.subjects
    one_for_all = source.settings.get("patient_id") == "text"
    patients = "not told apart" if one_for_all else number(subjects.patients)
    rows = [
        ("Patients", patients),
        ("Studies", number(subjects.studies)),
        ("Instances", number(subjects.instances)),
        ("Bytes", number(source.tally.bytes_in_output)),
    ]
    blocks: list[Block] = [table("What the output holds", ("", "#Number"), rows)]
    if source.uncounted:
        blocks.insert(
            0, Text(f"Not counted here: {source.uncounted} objects in the output, which earlier runs wrote.", Tone.WARNING)
        )
    if subjects.without_patient:
        blocks.append(Text(f"Instances of no known patient (ID empty, or an original one): {number(subjects.without_patient)}."))
    modalities: Counter[str] = Counter()
    for kind in subjects.kinds:
        modalities[kind.modality or NO_MODALITY] += kind.instances
    if modalities:
        blocks.append(Bars("Instances by modality", tuple(_most(modalities))))
    kinds = [
        (kind.modality or NO_MODALITY, class_name(kind.sop_class), "–" if one_for_all else kind.patients, *kind[3:])
        for kind in subjects.kinds
    ]
    titles = ("Modality", "SOP class", "#Patients", "#Studies", "#Instances")
    more = "A patient or study with several modalities or classes counts in each of them."
    blocks.append(table("By modality and SOP class", titles, kinds, more))
    if not source.is_release:
        blocks += _outcomes(source)
    return section("contents", "Patients, studies and instances", blocks)


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    most = counts.most_common(_MOST_BARS)
    rest = counts.total() - sum(count for _, count in most)
    return [*most, (_OTHERS, rest)] if rest else most


def _outcomes(source: ReportSource) -> list[Block]:
    account = source.account
    counts = account["counts"]
    names = {
        "written": "written by this run",
        "skipped": "written by an earlier run, and unchanged",
        "duplicate": "duplicates of an instance in the output",
        "filtered": "left out: no object, or on purpose",
        "quarantined": "refused",
    }
    rows = [(names[status], counts.get(status, 0)) for status in names]
    return [
        Heading("What became of each object that was found"),
        Bars("Objects by outcome", tuple(row for row in rows if row[1])),
        table("Objects that were found", ("Outcome", "#Objects"), [*rows, ("all", account["listed"])]),
    ]


def dates(source: ReportSource) -> Section:
    """Return what was done with dates."""
    options, settings = source.options, source.settings
    stays = any(key.attribute == "PatientBirthDate" and key.action in ("K", "C") for key in source.tally.actions)
    facts = [
        "Dates of birth stay in some objects, by a rule (see Deviations)." if stays else "Dates of birth are gone, the year too."
    ]
    if "RetainLongFullDates" in options:
        facts.insert(0, "Dates and times of examinations stay as they were. They were not moved.")
    elif "RetainLongModifDates" in options or settings.get("date_shift"):
        # the range would narrow down the offsets: it is for those who decide
        span = f" Range and step: {settings['date_shift']}." if settings.get("date_shift") and not source.is_release else ""
        facts[:0] = [
            f"Dates of examinations were moved, by one secret number of days for each patient.{span}",
            "Intervals between dates of one patient are true. Between patients they mean nothing.",
            "Dates that patients share, such as calibrations, were removed.",
        ]
    else:
        facts.insert(0, "Dates and times of examinations were removed, emptied or replaced by dummies. They were not moved.")
    if "RetainPatientChars" in options:
        capped = "90 years and more are given as 90 years" if settings.get("cap_ages") else "not capped"
        by_rule = any(key.attribute == "PatientAge" and key.action in ("X", "Z", "D") for key in source.tally.actions)
        facts.append("Ages are removed or replaced in some objects." if by_rule else f"Ages stay: {capped}.")
    kept = sorted({key.attribute for key in source.tally.actions if key.action == "K" and is_date(key.attribute)})
    if kept and "RetainLongFullDates" not in options:
        facts.append(f"Dates or times that stay as they were, by a rule: {', '.join(kept)}.")
    counts: defaultdict[str, int] = defaultdict(int)
    for key, count in source.tally.actions.items():
        if key.attribute in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "PatientBirthDate", "PatientAge"):
            counts[f"{key.attribute}: {words.ACTIONS.get(key.action, key.action)}"] += count.instances
    rows = [(name, source.count(count)) for name, count in sorted(counts.items())]
    found = table("Some dates and ages, in instances", ("Attribute and action", "#Instances"), rows) if rows else None
    if source.has_stronger_rules:
        facts.append(STRONGER_RULES)
    return section("dates", "Dates and ages", *not_all(source), Items(tuple(facts)), found)


def limits(source: ReportSource) -> Section:
    """Return what the program can't promise."""
    return section(
        "limits",
        "What no program can promise",
        Text("De-identified is not anonymous. Whether these data may be given to somebody is a decision of people."),
        table("What to keep in mind", ("About", "What is not promised"), words.LIMITS),
    )
