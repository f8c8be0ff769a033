"""The hot statements: compiled once from the declared tables, and run on the driver's own connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Executable,
    LargeBinary,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlmodel import SQLModel

from engine.store import schema as s


class Prepared:
    """A statement of the declared tables, compiled once and run on the driver's connection."""

    __slots__ = ("_values", "names", "sql")
    _values: Callable[[Mapping[str, Any]], tuple[Any, ...]]

    def __init__(self, statement: Executable) -> None:
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))  # type: ignore[attr-defined]
        self.sql = str(compiled)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())
        first, *more = self.names
        self._values = itemgetter(first, *more) if more else lambda row: (row[first],)

    def many(self, cursor: sqlite3.Cursor, rows: Iterable[Mapping[str, Any]]) -> int:
        """Run it for every row; how many rows of the database were touched."""
        cursor.executemany(self.sql, map(self._values, rows))
        return cursor.rowcount


def _table(model: type[SQLModel]) -> Any:
    return model.__table__  # type: ignore[attr-defined]


_case, _event, _deadline = _table(s.CaseRow), _table(s.EventRow), _table(s.DeadlineRow)


def _json(name: str) -> Any:
    """A column of JSON, given as the bytes that were made: text made of them would only be made into bytes again."""
    return cast(bindparam(name, type_=LargeBinary), Text)


def _named(*names: str) -> dict[str, Any]:
    return {name: _json(name) if name in ("snapshot", "data") else bindparam(name) for name in names}


INSERT_CASE = Prepared(insert(_case).values(_named(*_case.columns.keys())))
INSERT_EVENT = Prepared(insert(_event).values(_named(*_event.columns.keys())))
INSERT_OUTBOX = Prepared(insert(_table(s.OutboxRow)).values(_named("case_id", "told", "text", "created_at")))
MOVED = ("seq", "head", "release", "state", "owner", "category", "final", "snapshot")
UPDATE_CASE = Prepared(
    update(_case).where(_case.c.id == bindparam("case_id"), _case.c.seq == bindparam("before")).values(_named(*MOVED))
)
_upsert = sqlite.insert(_deadline)
UPSERT_DEADLINE = Prepared(
    _upsert.on_conflict_do_update(
        index_elements=["case_id", "name"],
        set_={
            name: _upsert.excluded[name] for name in ("armed_by", "due", "ladder", "rung", "next_at", "shelved_until")
        },
    )
)
END_DEADLINE = Prepared(
    delete(_deadline).where(_deadline.c.case_id == bindparam("case_id"), _deadline.c.name == bindparam("name"))
)
_this_deadline = (_deadline.c.case_id == bindparam("case_id"), _deadline.c.name == bindparam("name"))
_alert = _table(s.AlertRow)
_unheard = exists().where(
    _alert.c.case_id == _deadline.c.case_id,
    _alert.c.armed_by == _deadline.c.armed_by,
    _alert.c.name == _deadline.c.name,
    _alert.c.acknowledged_at.is_(None),
)
QUIET_DEADLINE = Prepared(
    update(_deadline)
    .where(*_this_deadline, ~_unheard)
    .values(next_at=func.max(func.coalesce(_deadline.c.next_at, literal_column("0")), bindparam("until")))
)
SHELVE_DEADLINE = Prepared(
    update(_deadline)
    .where(*_this_deadline)
    .values(next_at=func.max(_deadline.c.next_at, bindparam("until")), shelved_until=bindparam("until"))
)
_custody = _table(s.CustodyRow)
BEGIN_CUSTODY = Prepared(insert(_custody).values(_named("case_id", "event", "subject", "unit", "since")))
END_CUSTODY = Prepared(
    update(_custody)
    .where(_custody.c.case_id == bindparam("case_id"), _custody.c.until.is_(None))
    .values(until=bindparam("since"))
)
_aboard, _place = _table(s.TripCaseRow), _table(s.PlaceRow)
BOARD = Prepared(insert(_aboard).values(_named("trip", "case_id", "offered", "outcome")))
ALIGHT = Prepared(
    update(_aboard)
    .where(_aboard.c.trip == bindparam("trip"), _aboard.c.case_id == bindparam("case_id"))
    .values(_named("answered", "outcome"))
)
LEAVE_PLACE = Prepared(delete(_place).where(_place.c.case_id == bindparam("case_id")))
JOIN = Prepared(insert(_table(s.InvolvedRow)).values(_named("unit", "case_id")))
TAKE_PLACE = Prepared(insert(_place).prefix_with("OR REPLACE").values(_named("case_id", "site", "room", "shared_with")))
INSERT_ALERT = Prepared(
    sqlite.insert(_table(s.AlertRow))
    .values(_named("case_id", "armed_by", "name", "rung", "level", "told", "due", "raised_at"))
    .on_conflict_do_nothing()
)


@lru_cache
def inserting(model: type[SQLModel], names: tuple[str, ...], clash: str) -> str:
    """The statement that inserts these columns of a table; a `clash` with a known key: ABORT, IGNORE, REPLACE."""
    made = Prepared(insert(_table(model)).prefix_with(f"OR {clash}").values(_named(*names)))
    if made.names != names:
        raise AssertionError(f"columns are given in the order of the table: {made.names}")
    return made.sql
