"""Reference lists in the database: the entries for many stays are fetched at once, and each stay matched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.core.case import moment
from engine.core.conditions import Fact
from engine.core.reference import Entry, Matcher, Reference
from engine.core.rulebook import Rulebook
from engine.store.store import Driver
from engine.store.subjects import MOST_PARAMETERS


def derived(
    driver: Driver, book: Rulebook, stays: Sequence[Mapping[str, Fact]], known_at: datetime
) -> list[dict[str, Fact]]:
    """What the reference lists say of each stay, as they were known then; nothing where a stay is not told."""
    given: list[dict[str, Fact]] = [{} for _ in stays]
    for reference in book.references.values():
        matcher = Matcher(reference, _candidates(driver, reference, stays), known_at, book.zone)
        for facts, told in zip(stays, given, strict=True):
            told.update(matcher.of(facts))
    return given


def _candidates(
    driver: Driver, reference: Reference, stays: Sequence[Mapping[str, Fact]]
) -> dict[tuple[str, ...], dict[str, list[Entry]]]:
    wanted: dict[tuple[str, ...], dict[str, None]] = {same: {} for same in reference.keys}
    for facts in stays:
        stay = reference.stay_of(facts)
        for same in reference.keys if stay else ():
            if stay and (key := reference.key_of(same, stay[0])):
                wanted[same][key] = None
    return {
        same: _entries(driver, reference.name, f"k{number}", list(wanted[same]))
        for number, same in enumerate(reference.keys, 1)
    }


def _entries(driver: Any, reference: str, column: str, keys: list[str]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for start in range(0, len(keys), MOST_PARAMETERS):
        part = keys[start : start + MOST_PARAMETERS]
        marks = ",".join("?" * len(part))
        where = f"reference = ? AND {column} IN ({marks})"
        sql = f"SELECT {column}, level, listed_from, listed_until FROM entry WHERE {where}"  # noqa: S608 - our own column
        for key, level, since, until in driver.execute(sql, [reference, *part]):
            entry = Entry(level, moment(since), None if until is None else moment(until))
            found.setdefault(key, []).append(entry)
    return found
