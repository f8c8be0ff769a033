"""Whose work a scheduled task is: the owner's of its case, or that of the units that its step names."""

from __future__ import annotations

import json
from collections.abc import Collection

from engine.core.org import COMMUNITY, FACT, LEAD, OWNER
from engine.core.rulebook import Rulebook

_UNITS = "(SELECT value FROM json_each(:units))"


def hers(schedule: str) -> str:
    """SQL: whether a task of this schedule of the case `c` is work of `:units`; with what `asked` gives.

    Lists are asked first whether they hold the schedule: SQLite makes them once, and what names others row by row.
    """
    key = f"c.workflow || ' ' || {schedule}"
    named = "json_extract(c.snapshot, json_extract(n.value, '$[1]'))"
    owners = f"{key} NOT IN (SELECT value FROM json_each(:not_owners))"  # noqa: S608 - our own words
    others = (
        f"{key} IN (SELECT value FROM json_each(:left_keys)) AND EXISTS (SELECT 1 FROM json_each(:left) AS n"  # noqa: S608
        f" WHERE json_extract(n.value, '$[0]') = {key} AND {named} IN {_UNITS})"
    )
    return f"((c.owner IN {_UNITS} AND {owners}) OR ({others}))"


def asked(book: Rulebook, units: Collection[str]) -> dict[str, str]:
    """What `hers` is asked with: her units, and the schedules whose task is the work of others than the owner.

    Of those, where a case names whose work it is, and which are none of the owner's at all.
    """
    left: set[tuple[str, str]] = set()
    not_owners: set[str] = set()
    for flow in book.workflows.values():
        home = book.subjects[flow.subject].jurisdiction
        places = {LEAD: "$.lead", COMMUNITY: f"$.facts.{home}"}
        doers = {verb.task: verb.of for verb in flow.transitions.values() if verb.task}
        for schedule in flow.schedules.values():
            key = f"{flow.name} {schedule.name}"
            words = doers.get(schedule.task, ())
            for word in words:
                place = f"$.facts.{word.removeprefix(FACT)}" if word.startswith(FACT) else places.get(word)
                left |= {(key, place)} if place else set()
            if words and OWNER not in words:
                not_owners.add(key)
    return {
        "units": json.dumps(sorted(units)),
        "left": json.dumps(sorted(left)),
        "left_keys": json.dumps(sorted({key for key, _ in left})),
        "not_owners": json.dumps(sorted(not_owners)),
    }
