"""Reference lists taken in from files, with every row that cannot be."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.core.case import Event, micros
from engine.core.errors import BadInput, Place, Problem, listing, nearest
from engine.core.org import Actor
from engine.core.reference import SEPARATOR, Column, Reference
from engine.core.values import parse_time, same_name
from engine.service import Office
from engine.store.references import hashed
from engine.store.store import Writer
from engine.timing import lookback
from engine.vault import MasterKey

MOST_BYTES = 300_000_000
_KEPT = ("reference", "natural", "level", "listed_from", "listed_until", "k1", "k2", "k3")
_COMING = f"CREATE TEMP TABLE coming ({','.join(_KEPT)}, PRIMARY KEY (natural)) WITHOUT ROWID"
_COME = "INSERT OR REPLACE INTO coming VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGED = (
    f"INSERT INTO entry ({','.join(_KEPT)}, load) SELECT {','.join('c.' + name for name in _KEPT)}, ? FROM coming AS c"  # noqa: S608 - our own columns
    " LEFT JOIN entry AS e ON e.reference = c.reference AND e.natural = c.natural"
    " WHERE e.natural IS NULL OR e.listed_until IS NOT c.listed_until OR e.level <> c.level"
    " ON CONFLICT (reference, natural) DO UPDATE SET listed_until = excluded.listed_until, level = excluded.level,"
    " load = excluded.load"
)


class _OnlyShown(Exception):
    """Nothing is to be written: what was done is taken back."""


def load(office: Office, path: Path, actor: Actor, name: str = "areas", *, dry_run: bool = False) -> dict[str, int]:
    """Take a list in (.csv or .csv.gz), all of it or none, and look back on every known stay with what is new in it.

    Entries already there are brought up to date. `dry_run` writes nothing and counts what would be changed.
    """
    office.require(actor, "areas")
    reference = reference_of(office, name)
    rows = list(_rows(office.master, reference, path))
    now = office.now()
    told: dict[str, int] = {}
    try:
        with office.store.writing(micros(now)) as writer:
            told, number = _take(writer, name, rows)
            if dry_run:
                told |= lookback.count(office, name, number)
                raise _OnlyShown
            writer.system(Event("listed", actor.user, now, {"reference": name, **told}, actor.account))
            lookback.begin(writer, name, number)
    except _OnlyShown:
        return told
    return told | lookback.look_back(office)


def _take(writer: Writer, name: str, rows: list[tuple[Any, ...]]) -> tuple[dict[str, int], int]:
    """Bring the stored list up to date; what there was, and the number of this loading."""
    execute = writer.cursor.execute
    before, number = execute(
        "SELECT count(*), coalesce(max(load), 0) + 1 FROM entry WHERE reference = ?", (name,)
    ).fetchone()
    execute("DROP TABLE IF EXISTS coming")
    execute(_COMING)
    writer.cursor.executemany(_COME, rows)
    changed = execute(_CHANGED, (number,)).rowcount
    execute("DROP TABLE coming")
    after = execute("SELECT count(*) FROM entry WHERE reference = ?", (name,)).fetchone()[0]
    return {"rows": len(rows), "new": after - before, "changed": changed - (after - before), "total": after}, number


def reference_of(office: Office, name: str) -> Reference:
    """A reference list the rules declare."""
    lists = office.book().references
    if name not in lists:
        raise BadInput(Problem("AREA-001", f"没有参照表 {name}", f"可用：{listing(list(lists))}", nearest(name, lists)))
    return lists[name]


def _rows(master: MasterKey, reference: Reference, path: Path) -> Iterator[tuple[Any, ...]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    header = next(reader, [])
    spots = _spots(reference, header, path)
    keys = reference.keys
    problems: list[Problem] = []
    times = lru_cache(100_000)(lambda text: micros(parse_time(text)))
    names = lru_cache(200_000)(same_name)
    for line, row in enumerate(reader, 2):
        values = {name: names(row[spot]) if spot < len(row) else "" for name, spot in spots.items()}
        try:
            since = times(values[reference.listed_from])
            until = times(values[reference.listed_until]) if values.get(reference.listed_until) else None
        except ValueError as error:
            problems.append(Problem("AREA-004", str(error), place=Place(path.name, line)))
            continue
        lacks = _lacks(reference, values)
        if lacks:
            problems.append(Problem("AREA-004", lacks, place=Place(path.name, line)))
            continue
        spread = hashed(master, reference.name, [SEPARATOR.join(values[name] for name in same) for same in keys])
        natural = SEPARATOR.join(values[name] for name in reference.natural_key)
        yield reference.name, natural, values[reference.rank], since, until, *spread
    if problems:
        raise BadInput(problems)


def _lacks(reference: Reference, values: Mapping[str, str]) -> str:
    """What is missing or not allowed in a row."""
    for name, column in reference.columns.items():
        value = values.get(name, "")
        if column.required and not value:
            return f"{column.title}是空的"
        if value and column.values and value not in column.values:
            return f"{column.title}没有选项 {value}，可用：{listing(list(column.values))}"
    return ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, EOFError):
        raise BadInput(Problem("AREA-002", "参照表读不出来", "用 .csv 或 .csv.gz", place=Place(path.name))) from None
    if len(raw) > MOST_BYTES:
        raise BadInput(
            Problem("AREA-002", f"参照表超过 {MOST_BYTES // 1_000_000} MB", "请分成几份", place=Place(path.name))
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(Problem("AREA-002", "参照表不是 UTF-8", "请另存为 UTF-8", place=Place(path.name))) from None


def _spots(reference: Reference, header: Sequence[str], path: Path) -> dict[str, int]:
    """Where each column stands, by its name, title or alias."""
    shown = [same_name(text) for text in header]

    def spot(column: Column) -> int | None:
        wanted = {same_name(text) for text in (column.name, column.title, *column.aliases)}
        return next((index for index, text in enumerate(shown) if text in wanted), None)

    spots = {name: index for name, column in reference.columns.items() if (index := spot(column)) is not None}
    missing = [column.title for name, column in reference.columns.items() if column.required and name not in spots]
    if missing:
        raise BadInput(
            [
                Problem("AREA-003", f"缺少列 {title}", f"现有：{listing(list(header))}", place=Place(path.name, 1))
                for title in missing
            ]
        )
    return spots
