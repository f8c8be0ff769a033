"""Reference lists in the database: the entries for many stays are fetched at once, and each stay matched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from engine.core.case import moment
from engine.core.conditions import Fact
from engine.core.reference import Entry, Key, Matcher, Reference
from engine.core.rulebook import Rulebook
from engine.store import schema as s
from engine.store.store import Driver, Writer
from engine.store.subjects import MOST_PARAMETERS
from engine.vault import MasterKey

NO_KEYS = (b"", b"", b"")


class Stay(NamedTuple):
    """A stay as it is stored: which list it is matched to, the day it ended, and keyed hashes of where it was."""

    reference: str
    day: date
    keys: tuple[bytes, ...]


def hashed(master: MasterKey, reference: str, keys: Iterable[str]) -> tuple[bytes, ...]:
    """Keys as they are stored; of what is not told, none."""
    found = [master.hashed(f"stay {reference}", key) if key else b"" for key in keys]
    return (*found, *NO_KEYS[len(found) :])


def stays_of(master: MasterKey, book: Rulebook, told: Callable[[str], Fact]) -> list[Stay]:
    """The stays somebody tells of, one a list at most."""
    found = []
    for reference in book.references.values():
        stay = reference.stay_of(told)
        if stay is not None:
            keys = hashed(master, reference.name, reference.keys_of(stay))
            found.append(Stay(reference.name, reference.day_of(stay), keys))
    return found


def derived(
    driver: Driver, master: MasterKey, book: Rulebook, told: Sequence[Callable[[str], Fact]], known_at: datetime
) -> tuple[list[dict[str, Fact]], list[list[Stay]]]:
    """What the reference lists say of each stay, as they were known then; nothing where a stay is not told."""
    given: list[dict[str, Fact]] = [{} for _ in told]
    stays: list[list[Stay]] = [[] for _ in told]
    for reference in book.references.values():
        asked = [reference.stay_of(facts) for facts in told]
        different = {
            stay: Stay(reference.name, reference.day_of(stay), hashed(master, reference.name, reference.keys_of(stay)))
            for stay in dict.fromkeys(asked)
            if stay is not None
        }
        matcher = Matcher(reference, candidates(driver, reference, different.values()), known_at, book.zone)
        found = {stay: matcher.of(it.keys, it.day) for stay, it in different.items()}
        for stay, facts, listed in zip(asked, given, stays, strict=True):
            if stay is not None:
                facts.update(found[stay])
                listed.append(different[stay])
    return given, stays


def candidates(
    driver: Driver, reference: Reference, stays: Iterable[Stay]
) -> dict[tuple[str, ...], dict[Key, list[Entry]]]:
    """The entries that these stays may meet, under each of their keys."""
    asked = list(stays)
    found = {}
    for place, same in enumerate(reference.keys):
        wanted = dict.fromkeys(stay.keys[place] for stay in asked if stay.keys[place])
        found[same] = _entries(driver, reference.name, f"k{place + 1}", list(wanted))
    return found


def _entries(driver: Any, reference: str, column: str, keys: list[bytes]) -> dict[Key, list[Entry]]:
    found: dict[Key, list[Entry]] = {}
    for start in range(0, len(keys), MOST_PARAMETERS):
        part = keys[start : start + MOST_PARAMETERS]
        marks = ",".join("?" * len(part))
        where = f"reference = ? AND {column} IN ({marks})"
        sql = f"SELECT {column}, level, listed_from, listed_until FROM entry WHERE {where}"  # noqa: S608 - our own column
        for key, level, since, until in driver.execute(sql, [reference, *part]):
            entry = Entry(level, moment(since), None if until is None else moment(until))
            found.setdefault(key, []).append(entry)
    return found


Kept = tuple[str, str, int, bytes, bytes, bytes, str]


def rows(book: Rulebook, case_id: str, stays: Iterable[Stay], level: Callable[[str], Any]) -> list[Kept]:
    """Stays as they are stored with a case, each with the level that its facts hold."""
    found = []
    for stay in stays:
        k1, k2, k3 = stay.keys
        known = str(level(book.references[stay.reference].level_fact()) or "")
        found.append((case_id, stay.reference, stay.day.toordinal(), k1, k2, k3, known))
    return found


def keep(writer: Writer, kept: Sequence[Kept]) -> None:
    """Write stays; one that was corrected replaces what was known."""
    if kept:
        writer.insert(s.StayRow, ("case_id", "reference", "day", "k1", "k2", "k3", "level"), kept, clash="REPLACE")


def move(writer: Writer, before: str, after: str) -> None:
    """The stays of a case belong to the one that goes on in its stead."""
    writer.cursor.execute("UPDATE stay SET case_id = ? WHERE case_id = ?", (after, before))
