"""Sections that say what was done to attributes and pixels, what was checked, and what was refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from . import words
from .about import not_all
from .action_tally import CONTENT_ITEM, PRIVATE_GONE, PRIVATE_KEPT, UNKNOWN_GONE, ActionKey
from .content import Bars, Block, Items, Section, Text, Tone, number, section, table
from .deviations import rule_in_words
from .naming import NO_MODALITY, class_name
from .source import ReportSource

_NAMES = {
    PRIVATE_GONE: "private attributes, all together",
    UNKNOWN_GONE: "attributes that the standard does not know, all together",
    CONTENT_ITEM: "items of structured reports",
    PRIVATE_KEPT: "private attributes that a list calls safe",
}
#: rows of the table of attributes in the edition that travels; the review edition has all
_MOST_ROWS = 2000
_CODES = "KCUDZX"
_RISK_TITLES = ("Risk", "#Refused", "#Cleaned or judged clean", "#Passed uncleaned")


def attributes(source: ReportSource) -> Section:
    """Return what happened to attributes."""
    tally = source.tally
    lead = f"Counted in the {number(tally.written)} objects that this run wrote."
    if source.actions_missing:
        lead += f" For {number(source.actions_missing)} objects that earlier runs wrote, see the reports of these runs."
    chart: Counter[str] = Counter()
    seen = set()
    for key in tally.actions:
        if (key.attribute, key.action) not in seen:
            seen.add((key.attribute, key.action))
            chart[key.action] += 1
    bars = tuple((words.ACTIONS.get(code, code), chart[code]) for code in _CODES if chart[code])
    rows = [
        (_NAMES.get(key.attribute, key.attribute), words.ACTIONS.get(key.action, key.action), _why(key), *counts)
        for key, counts in _rows(source)
    ]
    more = f"{number(len(rows) - _MOST_ROWS)} more rows are left out." if len(rows) > _MOST_ROWS else ""
    titles = ("Attribute", "What was done", "Why, if not by the profile alone", "#Instances", "#Elements")
    return section(
        "attributes",
        "What happened to attributes",
        Text(lead),
        Text("Attributes that stay without an option of their own, such as the size of an image, are not listed."),
        Bars("Attributes by what was done, each counted once", bars) if bars else None,
        table("Attributes", titles, rows[:_MOST_ROWS], more) if rows else Text("No action is recorded."),
    )


def _why(key: ActionKey) -> str:
    return words.ACTION_REASONS.get(key.reason, key.reason)


def _rows(source: ReportSource) -> Iterable[tuple[ActionKey, tuple[str, str]]]:
    """Yield the rows; private creators stand in another section, and in the release edition nowhere."""
    instances: defaultdict[ActionKey, int] = defaultdict(int)
    elements: defaultdict[ActionKey, int] = defaultdict(int)
    for key, count in source.tally.actions.items():
        shared = key._replace(creator="")
        # an object with attributes of several creators counts for the most frequent one
        instances[shared] = max(instances[shared], count.instances) if key.creator else instances[shared] + count.instances
        elements[shared] += count.elements
    for key in sorted(instances, key=lambda one: (one.attribute.startswith("("), one.attribute, one.action, one.reason)):
        yield key, (source.count(instances[key]), source.count(elements[key]))


def private(source: ReportSource) -> Section:
    """Return which private attributes stay."""
    actions = source.tally.actions
    gone = sum(count.elements for key, count in actions.items() if key.attribute == PRIVATE_GONE)
    kept = {key: count for key, count in actions.items() if key.attribute == PRIVATE_KEPT and key.action != "X"}
    more = source.settings.get("more_safe_private") or 0
    retains = "RetainSafePrivate" in source.options
    blocks: list[Block] = [
        Text(
            "Private attributes stay if the standard's list (Table E.3.10-1) or the object itself calls them safe."
            if retains
            else "Private attributes are removed, unless a custom rule keeps one."
        ),
        Text(
            f"A list of the releasing organisation adds {number(more)} entries to the standard's list."
            if more
            else "No other list was used."
        ),
    ]
    if source.has_stronger_rules:
        blocks.append(Text("Rules of the releasing organisation may keep others: see Deviations."))
    elements = sum(count.elements for count in kept.values())
    rows = [("Removed", source.count(gone)), ("Kept, cleaned or replaced", source.count(elements))]
    blocks.append(table("Private elements", ("", "#Elements"), rows))
    if kept and not source.is_release:
        creators = [
            (key.creator or "(of no list: see your own rules)", words.ACTIONS.get(key.action, key.action), count.elements)
            for key, count in kept.items()
        ]
        blocks.append(table("Private attributes that stay, by creator", ("Creator", "What was done", "#Elements"), creators))
        blocks += _private_rules(source)
    return section("private", "Private attributes", blocks)


def _private_rules(source: ReportSource) -> list[Block]:
    """Return the organisation's own rules that keep private attributes, which no table names by creator."""
    rows = [
        (str(exact["rule"]), ", ".join(sorted({words.ACTIONS.get(action, action) for action in rule["actions"].values()})))
        for rule, exact in source.rules
        if exact and rule.get("insists") and not rule_in_words(rule)
    ]
    return [table("Rules of your own for private or other attributes", ("Rule", "What it does"), rows)] if rows else []


def pixels(source: ReportSource) -> Section:
    """Return what was done with images at risk."""
    account, settings = source.account, source.settings
    mode = settings.get("pixels") or source.origin.get("pixels") or "quarantine"
    facts = [words.PIXELS.get(mode, "")]
    if mode == "clean":
        search = settings.get("text")
        if search:
            what = "all images" if search.get("objects") == "all" else "images at risk"
            facts.append(f"Models searched {what} for text. What they found was blanked. Some text may be missed.")
        else:
            facts.append("No model searched images for text.")
        if reviewed := settings.get("rectangles"):
            by = "" if source.is_release else f" Reviewers: {', '.join(reviewed.get('reviewers') or ())}."
            facts.append(f"Reviewers named areas to blank in {number(reviewed.get('lines', 0))} lines.{by}")
        labels = {"drop": "left out", "blank": "blanked", "quarantine": "refused"}.get(settings.get("slide_labels") or "", "")
        if labels:
            facts.append(f"Images of slide labels are {labels}.")
    facts.append(
        "Heads in CT, MR and PET are refused, as far as headers tell."
        if settings.get("faces") == "quarantine"
        else "Faces are not looked for. A face can be drawn from CT, MR or PET of a head."
    )
    by_risk = account.get("pixel_risks", {})
    outcomes = (source.counts(counts.get(name, 0) for counts in by_risk.values()) for name in ("quarantined", "passed", "kept"))
    risks = list(zip(map(words.reason_in_words, by_risk), *outcomes, strict=True))
    blocks: list[Block] = [*not_all(source), Items(tuple(filter(None, facts)))]
    blocks.append(
        table("Images at risk; one object may have several risks", _RISK_TITLES, risks)
        if risks
        else Text("No object was found to be at risk, as far as headers tell.")
    )
    if sources := account.get("pixel_sources"):
        ways = (source.counts(found.get(name, 0) for found in sources.values()) for name in ("blanked", "kept"))
        rows = list(zip((words.PIXEL_SOURCES.get(name, name) for name in sources), *ways, strict=True))
        titles = ("Who said what to blank", "#Something blanked", "#Nothing to blank")
        blocks.append(table("Objects that this run wrote, by who decided", titles, rows))
        blocks.append(Text("Every cleaned image was decoded again and compared with the original before it was written."))
    if not source.is_release and source.tally.pixels:
        blocks.append(_pixel_kinds(source))
    return section("pixels", "Images that may show who somebody is", blocks)


def _pixel_kinds(source: ReportSource) -> Block:
    tally = source.tally
    rows = [
        (
            words.PIXEL_SOURCES.get(kind.source, kind.source),
            kind.rule,
            {"verified": "blanked and proven", "kept": "nothing is to be blanked"}.get(kind.verdict, kind.verdict),
            kind.codec_path,
            count,
            tally.rectangles.get(kind, 0),
        )
        for kind, count in tally.pixels.items()
    ]
    titles = ("Who decided", "Rule", "Verdict", "Encoding", "#Objects", "#Rectangles")
    return table("What was blanked, by source and rule", titles, rows)


def checks(source: ReportSource) -> Section:
    """Return which checks were made, and what they found."""
    account, tally = source.account, source.tally
    counts, screened = account["counts"], tally.notes.get("identifier-screened", 0)
    by_reason = [count for status, _, count in refusal_rows(source) if status == "quarantined"]
    refused = source.total(by_reason) if by_reason else source.count(counts.get("quarantined", 0))
    is_screened = source.settings.get("screen") is not False
    rows = [
        ("Each object that was found ended in one outcome; the sums agree", "yes"),
        (
            "No new UID equals an original or another new one; nothing was written before that was proven",
            "yes" if account.get("uids", 0) else "no UID was replaced",
        ),
        (
            "Objects that this run searched, before it wrote them, for known names and numbers of the patient",
            number(counts.get("written", 0)) if is_screened else "not made",
        ),
        *_earlier_searches(source),
        (
            "Objects in which some were found in kept values, and removed",
            source.count(screened) if is_screened else "–",
        ),
        ("Objects in which values that were not legal were removed", source.count(tally.notes.get("illegal-value-removed", 0))),
        (
            "Objects whose pixels were cleaned, decoded again and compared, once for each source that had a say",
            source.total(found.get("blanked", 0) for found in account.get("pixel_sources", {}).values()),
        ),
        (
            "Objects that say PatientIdentityRemoved NO: a setting let something stay that identifies, or may",
            source.count(source.says_no),
        ),
        (
            "UIDs that lead to objects which are not in the archive, replaced all the same",
            source.count((account.get("references") or {}).get("outside", 0)),
        ),
        (
            "UIDs that objects of two patients share",
            source.count((account.get("references") or {}).get("joining_patients", 0)),
        ),
        ("Objects refused, because they could not be understood or were not safe", refused),
    ]
    if not source.is_release:
        # the UIDs of refused objects are among them
        rows.append(("UIDs that were replaced, those of refused objects among them", number(account.get("uids", 0))))
    blocks: list[Block] = [table("Checks", ("Check", "#Result"), rows)]
    if notes := {note: count for note, count in tally.notes.items() if count}:
        found = [(words.NOTES.get(note, note), source.count(count)) for note, count in notes.items()]
        blocks.append(table("Notes on objects of the output", ("What", "#Objects"), found))
    return section("checks", "Checks and what they found", blocks)


def _earlier_searches(source: ReportSource) -> list[tuple[str, str]]:
    """Return what is known of the search in objects that earlier runs wrote."""
    skipped = source.account["counts"].get("skipped", 0)
    if not skipped:
        return []
    what = "Objects that an earlier run wrote, with the same settings and version, and this one left as they are"
    if source.made_otherwise:
        what = "Objects that an earlier run wrote, some with other settings or by another version, and this one left as they are"
    return [(what, number(skipped))]


def classes(source: ReportSource) -> Section:
    """Return how small the classes of patients are."""
    subjects, size = source.tally.subjects, source.least_class
    told = subjects.values_told > 0
    if source.settings.get("patient_id") == "text":
        return section("classes", "Small classes of patients", Text("Not computed: all objects have the same patient ID."))
    if not subjects.cells:
        return section("classes", "Small classes of patients", Text("Not computed: no patient is known."))
    small = subjects.cells_below(size)
    by = "age band (5 years), sex and modality" if told else "modality (no age and no sex is released)"
    rows = [
        ("Patients in the smallest class", number(min(cell.subjects for cell in subjects.cells))),
        ("Classes", number(len(subjects.cells))),
        (f"Classes of fewer than {size} patients", number(len(small))),
        ("Patients in one of these, each counted once", number(subjects.subjects_below(size))),
    ]
    blocks: list[Block] = [
        Text(f"Patients are grouped by {by}, as the released objects give them. A patient in several classes counts in each."),
        table("Classes of patients", ("", "#Number"), rows),
    ]
    if not source.is_release:
        blocks += small_cells(source)
    return section("classes", "Small classes of patients", blocks)


def small_cells(source: ReportSource) -> list[Block]:
    """Return the table of small cells, and what it can't show."""
    small = source.tally.subjects.cells_below(source.least_class)
    rows = [
        (str(cell.band), words.SEX.get(cell.sex, cell.sex), cell.modality or NO_MODALITY, cell.subjects)
        for cell in small[:_MOST_ROWS]
    ]
    more = f"{number(len(small) - _MOST_ROWS)} more classes are left out." if len(small) > _MOST_ROWS else ""
    cant = (
        "It counts released values only: age, sex and modality.",
        "It does not see what images, descriptions and reports say, such as a rare disease or an unusual body.",
        "It does not combine them with dates, devices, institutions, size, weight or the number of studies.",
        "It does not know who else is known to be in the archive.",
        "Objects without a known patient are not in it.",
    )
    found: list[Block] = []
    if rows:
        titles = ("Age in years", "Sex", "Modality", "#Patients")
        found.append(table(f"Each class of fewer than {source.least_class} patients", titles, rows, more))
    return [*found, Text("What this table can't show:", Tone.NOTE), Items(cant)]


def refusal_rows(source: ReportSource) -> list[tuple[str, str, int]]:
    """Return status, reason code and number of objects that were not written."""
    counts: Counter[tuple[str, str]] = Counter()
    for refusal, count in source.tally.refusals.items():
        counts[refusal.status, refusal.reason] += count
    return [(*key, count) for key, count in sorted(counts.items(), key=lambda one: (one[0][0], -one[1]))]


def class_rows(source: ReportSource) -> list[tuple[str, str, str, int]]:
    """Return reason, modality, class and number of refused objects, for those who decide."""
    return [
        (words.reason_in_words(refusal.reason), refusal.modality or NO_MODALITY, class_name(refusal.sop_class), count)
        for refusal, count in source.tally.refusals.items()
        if refusal.status == "quarantined"
    ]
