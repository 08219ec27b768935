"""Sections of the review edition alone: settings, values, pictures, sample, places, the run before, signatures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import words
from .content import Block, Form, Heading, Items, KeptValue, Section, Text, Tone, number, section, table
from .source import ReportSource

#: distinct values that are listed, and characters of each
MOST_VALUES, _LONGEST = 3000, 300
_MOST_PATIENTS = 1000
#: changes that a plan lists
_MOST_CHANGES = 500
#: fields of the restricted settings that have words elsewhere, or say nothing to people
_NO_SETTING = {*words.PLACES, "mac", "run_id", "custom_rules", "files", "command", "made_by"}
_NO_CENSUS = "No census was made. A run with --census FOLDER lists each distinct value that stays, the rarest first."
_CENSUS_ELSEWHERE = (
    "A census was made, and is not at hand here: {} distinct values of {} objects. `dicom-deid report --census FOLDER` lists the "
    "rarest."
)
_NO_SHEETS = (
    "No pictures are embedded. If pixels are cleaned, give --contact-sheets FOLDER to the run, then "
    "`dicom-deid report --contact-sheets FOLDER`."
)


def settings(source: ReportSource) -> Section:
    """Return all settings, as the account has them, and those that name persons or places."""
    rows = [
        (name, words.SETTINGS.get(name, ""), _as_text(value))
        for name, value in sorted(source.settings.items())
        if name != "custom_rules"
    ]
    blocks: list[Block] = [table("Settings, as run.json has them", ("Setting", "In words", "Value"), rows)]
    if rules := source.rules:
        cells = []
        for rule, exact in rules:
            actions = ", ".join(f"{option}: {words.ACTIONS.get(action, action)}" for option, action in rule["actions"].items())
            value = exact.get("value") if exact else ("given" if rule["has_value"] else None)
            keeps = "yes" if rule["insists"] else "no"
            cells.append((exact.get("rule") or rule["pattern"], actions, _as_text(value), keeps))
        blocks.append(table("Custom rules", ("Rule", "Action", "Value", "Keeps more than the standard"), cells))
    if source.restricted is not None:
        files = [(file["option"], file["path"], file["sha256"]) for file in source.restricted.get("files") or ()]
        if files:
            blocks.append(table("Files of rules", ("Option", "File", "SHA-256"), files))
        more = [(name, _as_text(value)) for name, value in source.restricted.items() if name not in _NO_SETTING and value]
        if more:
            blocks.append(table("Restricted settings", ("Setting", "Value"), more))
    origin = [(name, _as_text(value)) for name, value in sorted(source.origin.items()) if name not in source.settings]
    blocks.append(table("Origin of the run", ("Field", "Value"), origin))
    return section("settings", "All settings", blocks)


def _as_text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False)


def places(source: ReportSource) -> Section:
    """Return where everything lies."""
    restricted = source.restricted
    title = "Where things lie"
    if restricted is None:
        said = source.settings.get("restricted")
        why = "They are in the encrypted run-restricted.json.p7m." if said else "No restricted settings were written."
        return section("places", title, Text(f"Places are not known to this report. {why}", Tone.NOTE))
    rows = [(name, _as_text(restricted.get(field))) for field, name in words.PLACES.items() if restricted.get(field)]
    command = " ".join(map(str, restricted.get("command") or ()))
    return section(
        "places",
        title,
        table("Places, machine and user", ("What", "Where"), rows),
        Text(f"Command line: {command}") if command else None,
    )


def keys(source: ReportSource) -> Section:
    """Return who can link the data to the patients."""
    account, origin, restricted = source.account, source.origin, source.restricted or {}
    facts = [
        f"Key id {account.get('key_id', '')}. Whoever holds the key and the archive can repeat the pseudonyms.",
        "A scope was given: results of the same key under another scope can't be linked to these."
        if source.settings.get("scope_digest")
        else "No scope was given: all releases made with this key and no scope can be linked.",
        "A crosswalk was written. It names the patients without the key."
        if origin.get("crosswalk")
        else "No crosswalk was written.",
        "A table of patients was used. It links new and original IDs." if origin.get("patients") == "table" else "",
        "UIDs of another run stay: the two outputs can be linked." if origin.get("uid_map") else "",
        "On object storage, objects have keyed ids as metadata." if source.settings.get("object_metadata") else "",
    ]
    if restricted.get("key"):
        facts.insert(1, f"Place of the key: {restricted['key']}")
    elif source.restricted is not None:
        facts.insert(1, "The run made its own key and kept it nowhere: nobody can repeat the pseudonyms.")
    return section("keys", "Keys, and who can undo it", Items(tuple(filter(None, facts))))


def before(source: ReportSource) -> Section:
    """Return the run before, and what changed."""
    account, title = source.account, "The run before"
    if (planned := account.get("diff")) is not None:
        return section("before", title, list(_planned_changes(planned)))
    previous = account.get("previous_run")
    if not previous:
        return section("before", title, Text("There was none in this audit: nothing to compare with."))
    rows = [
        ("Run before", str(previous.get("run_id"))),
        ("Continued by this run (--resume)", "yes" if source.origin.get("resumes") else "no"),
        ("Refused objects that are new", number(sum(account.get("new_quarantined", {}).values()))),
        ("Objects that are no longer listed", number(account.get("gone", 0))),
    ]
    blocks: list[Block] = [table("The run before", ("", "#Value"), rows)]
    if source.before is None:
        return section("before", title, blocks, Text("Its account is not at hand."))
    changed = list(_changes(source.before, account))
    if changed:
        blocks.append(table("What changed since", ("Setting or count", "Then", "Now"), changed))
    else:
        blocks.append(Text("No setting and no count changed."))
    return section("before", title, blocks)


def _planned_changes(diff: Mapping[str, Any]) -> Iterator[Block]:
    """Yield what a plan changes since the run that it was compared with."""
    yield Text(f"The plan was compared with run {diff['run_id']}. `diff.csv` beside plan.json has all changes.")
    rows = [(name.replace("_", " "), diff[name]) for name in ("only_before", "only_now", "unknown_actions")]
    rows.append(("other bytes, though no action differs", diff["other_bytes"]["instances"]))
    yield table("Objects", ("", "#Objects"), rows)
    if statuses := diff["statuses"]:
        ends = [(_end(one, "before"), _end(one, "now"), one["objects"]) for one in statuses[:_MOST_CHANGES]]
        yield table("Objects that end otherwise", ("Before", "Now", "#Objects"), ends, _left_out(statuses))
    if attributes := diff["attributes"]:
        changes = [
            (" ".join(filter(None, (one["keyword"], one["path"]))), one["before"], one["now"], one["instances"], one["studies"])
            for one in attributes[:_MOST_CHANGES]
        ]
        titles = ("Attribute", "Before", "Now", "#Instances", "#Studies")
        yield table("Attributes that are treated otherwise", titles, changes, _left_out(attributes))
    else:
        yield Text("No attribute is treated otherwise.")


def _end(change: Mapping[str, Any], when: str) -> str:
    return ", ".join(filter(None, (change[f"status_{when}"], change[f"reason_{when}"])))


def _left_out(rows: Sequence[object]) -> str:
    return f"{number(len(rows) - _MOST_CHANGES)} more are left out." if len(rows) > _MOST_CHANGES else ""


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    of_then, of_now = then.get("settings") or {}, now.get("settings") or {}
    for name in sorted({*of_then, *of_now}):
        if of_then.get(name) != of_now.get(name):
            yield name, _as_text(of_then.get(name)), _as_text(of_now.get(name))
    for name in ("version", "python", "apache-beam"):
        if (then.get("origin") or {}).get(name) != now["origin"].get(name):
            yield name, _as_text((then.get("origin") or {}).get(name)), _as_text(now["origin"].get(name))
    for status, count in now["counts"].items():
        if (then.get("counts") or {}).get(status) != count:
            yield f"objects: {status}", number((then.get("counts") or {}).get(status, 0)), number(count)


def values(source: ReportSource) -> Section:
    """Return the distinct values that stay."""
    title, made = "Distinct values that stay", source.account.get("census")
    if source.values is None:
        if made is None:
            return section("values", title, Text(_NO_CENSUS))
        said = _CENSUS_ELSEWHERE.format(number(made["values"]), number(made["objects"]))
        return section("values", title, Text(said, Tone.NOTE), _uncounted(source))
    groups: defaultdict[tuple[str, str], list[KeptValue]] = defaultdict(list)
    for value in source.values.rarest:
        groups[value.attribute, value.keyword].append(value)
    # the attribute with the rarest value comes first
    ordered = sorted(groups.items(), key=lambda one: (min(value.patients for value in one[1]), one[0]))
    blocks: list[Block] = []
    room = MOST_VALUES
    for (attribute, keyword), found in ordered:
        if room <= 0:
            break
        found.sort(key=lambda value: (value.patients, value.instances, value.value))
        shown, room = found[:room], room - len(found)
        rows = [
            (
                _cut(value.value),
                _before(value),
                value.patients if value.patients_exact else f"about {number(value.patients)}",
                value.instances,
            )
            for value in shown
        ]
        more = f"{number(len(found) - len(shown))} more values are left out." if len(found) > len(shown) else ""
        caption = " ".join(filter(None, (keyword, attribute, shown[0].vr)))
        blocks.append(table(caption, ("Value", "Before cleaning", "#Patients", "#Instances"), rows, more))
    listed = min(len(source.values.rarest), MOST_VALUES)
    lead = (
        f"{number(listed)} of {number(source.values.values)} values are listed, the rarest first. A value of one patient may "
        "name that patient."
    )
    return section("values", title, Text(lead), _uncounted(source), blocks)


def _uncounted(source: ReportSource) -> Text | None:
    """Return a sentence on objects in the output whose values the census of the run doesn't have; None: it has all."""
    counts = source.account["counts"]
    objects = counts["written"] + counts["skipped"]
    missing = objects - (source.account.get("census") or {}).get("objects", 0)
    if missing <= 0:
        return None
    return Text(
        f"The census does not have the values of {number(missing)} of {number(objects)} objects in the output: an earlier run, "
        "or one that was killed, wrote them. A plan (--plan --census, without --resume) counts all.",
        Tone.WARNING,
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({number(len(text))} characters)"


def _before(value: KeptValue) -> str:
    return "unchanged" if value.before is None else _cut(value.before)


def sheets(source: ReportSource) -> Section:
    """Return pictures of objects before and after cleaning."""
    title, found = "Pictures before and after cleaning", source.sheets
    blocks: list[Block] = []
    if counts := source.account.get("contact_sheets"):
        rows = [(name.replace("_", " "), value) for name, value in counts.items()]
        blocks.append(table("Contact sheets of this run", ("", "#Number"), rows))
    if found is None:
        return section("sheets", title, blocks, Text(_NO_SHEETS))
    blocks.append(
        Text("These pictures show patients as they were before cleaning. Keep this report where the originals are.", Tone.WARNING)
    )
    if found.left_out:
        blocks.append(
            Text(
                f"{number(found.left_out)} objects are left out: there is no room. Look at the contact sheets themselves.",
                Tone.NOTE,
            )
        )
    if found.unread:
        blocks.append(Text(f"{number(found.unread)} pages are encrypted or can't be read.", Tone.NOTE))
    return section("sheets", title, blocks, found.groups or Text("The contact sheets have no picture."))


def sample(source: ReportSource) -> Section:
    """Return the sample of patients and the statement that verdicts allow."""
    title, drawn = "Sample for a look at the images", source.sample
    if drawn is None:
        said = "No patients were drawn, and nobody's look is recorded. `dicom-deid report --sample 60 --key URI` draws some."
        return section("sample", title, Text(said))
    verdicts = drawn.verdicts or {}
    rows = []
    for place, patient in enumerate(drawn.patients[:_MOST_PATIENTS], 1):
        verdict = verdicts.get(patient.patient_id)
        judged = f"{verdict.verdict} ({verdict.reviewer})" if verdict else ""
        rows.append((str(place), patient.patient_id, "\n".join(patient.studies), judged))
    more = f"{number(len(drawn.patients) - _MOST_PATIENTS)} more are left out." if len(drawn.patients) > _MOST_PATIENTS else ""
    titles = ("Drawn", "New PatientID", "New StudyInstanceUIDs", "Verdict (reviewer)")
    left_out = Text(
        f"Objects in the output without a patient ID, from which none is drawn: {number(source.tally.subjects.without_patient)}."
        + (f" Nor is any from {source.uncounted} objects of earlier runs." if source.uncounted else "")
    )
    return section(
        "sample", title, Text(drawn.statement(), Tone.NOTE), left_out, table("Patients, in the order drawn", titles, rows, more)
    )


def agreements(source: ReportSource) -> Section:
    """Return lines for what no program knows."""
    fields = (
        ("Purpose", "Legal basis or approval"),
        ("Recipients", "Agreement (number, date)"),
        ("Kept until", "Who holds key and crosswalk"),
    )
    return section(
        "agreements",
        "Purpose, recipients and agreements",
        Text("No program knows these. Fill them in before you sign."),
        Form("To be filled in", fields),
    )


def sign(source: ReportSource) -> Section:
    """Return places for two signatures."""
    labels = ("Role", "Name", "Date", "Signature")
    return section(
        "sign",
        "Decision and signatures",
        Text("I have read this report. The data described here may be released to the recipients named above."),
        Form("Two signatures", (labels, labels)),
        Heading("Conditions or objections"),
        Form("", (("Remarks",),)),
    )
