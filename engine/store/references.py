"""Reference lists in the database: the entries for many stays are fetched at once, and each stay matched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from engine.core.case import moment
from engine.core.conditions import Fact
from engine.core.reference import Entry, Matcher, Reference, Stay
from engine.core.rulebook import Rulebook
from engine.store.store import Driver
from engine.store.subjects import MOST_PARAMETERS


def derived(
    driver: Driver, book: Rulebook, told: Sequence[Callable[[str], Fact]], known_at: datetime
) -> list[dict[str, Fact]]:
    """What the reference lists say of each stay, as they were known then; nothing where a stay is not told."""
    given: list[dict[str, Fact]] = [{} for _ in told]
    for reference in book.references.values():
        asked = [reference.stay_of(facts) for facts in told]
        different = list(dict.fromkeys(stay for stay in asked if stay is not None))
        matcher = Matcher(reference, _candidates(driver, reference, different), known_at, book.zone)
        found = {stay: matcher.of(stay) for stay in different}
        for stay, facts in zip(asked, given, strict=True):
            if stay is not None:
                facts.update(found[stay])
    return given


def _candidates(
    driver: Driver, reference: Reference, stays: Sequence[Stay]
) -> dict[tuple[str, ...], dict[str, list[Entry]]]:
    found = {}
    for number, same in enumerate(reference.keys, 1):
        wanted = dict.fromkeys(key for stay in stays if (key := reference.key_of(same, stay)))
        found[same] = _entries(driver, reference.name, f"k{number}", list(wanted))
    return found


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
