"""One transaction per command: state under the version check, events in their chains, what is due, and the answer."""

from __future__ import annotations

import hmac
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import NullPool
from sqlmodel import SQLModel, create_engine

from engine.core.case import Case, Event
from engine.core.errors import BadInput, BihuanError, Damaged, Problem
from engine.core.org import ALSO
from engine.core.record import from_json
from engine.store import schema as s
from engine.store.changes import Ready, event_row, gathered, plain
from engine.store.plans import PLANNED
from engine.store.statements import (
    ALIGHT,
    BEGIN_CUSTODY,
    BOARD,
    END_CUSTODY,
    END_DEADLINE,
    INSERT_ALERT,
    INSERT_CASE,
    INSERT_EVENT,
    INSERT_OUTBOX,
    JOIN,
    LEAVE_PLACE,
    QUIET_DEADLINE,
    SHELVE_DEADLINE,
    TAKE_PLACE,
    UPDATE_CASE,
    UPSERT_DEADLINE,
    Prepared,
    inserting,
)

SYSTEM = "system"
Driver = sqlite3.Connection
"""The driver's own connection: what is hot runs on it as it is."""
BUSY_MS = 30_000
PRAGMAS: tuple[str, ...] = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
    "foreign_keys=ON",
    "cache_size=-32000",
)


class Lost(BihuanError):
    """The case had moved on when it was written; nothing was: load it and decide again."""


EFFECTS: dict[str, Prepared] = {
    "left": LEAVE_PLACE,
    "placed": TAKE_PLACE,
    "joined": JOIN,
    "ended": END_DEADLINE,
    "due": UPSERT_DEADLINE,
    "quiet": QUIET_DEADLINE,
    "shelved": SHELVE_DEADLINE,
}
"""How what changes do is written, in this order: what ends before what begins, alerts before what they keep loud."""
_GET_LINKED = itemgetter("n", "case_id", "seq", "type", "actor", "account", "occurred_at", "recorded_at")


def link(chain: hmac.HMAC, previous: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash that ties an event to the one before it in its chain, under a key kept outside the database."""
    found = chain.copy()
    found.update(previous + orjson.dumps(_GET_LINKED(row)) + row["data"])
    return found.digest()


@dataclass(slots=True)
class Writer:
    """A write transaction: opened under the write lock, so that chains and the count of events never fork."""

    driver: Driver
    chain: hmac.HMAC
    now: int
    cursor: sqlite3.Cursor = field(init=False)
    last: int = field(init=False)

    def __post_init__(self) -> None:
        self.cursor = self.driver.cursor()
        self.last = self.cursor.execute("SELECT coalesce(max(n), 0) FROM event").fetchone()[0]

    def append(self, changes: Sequence[Ready]) -> None:
        """Write cases with their events; raises `Lost` when one of them had moved on."""
        events: list[dict[str, Any]] = []
        for change in changes:
            change.row["head"] = self.chain_on(change.head, change.events)
            events += change.events
        new = [change.row for change in changes if not change.row["before"]]
        moved = [change.row for change in changes if change.row["before"]]
        if new:
            INSERT_CASE.many(self.cursor, new)
        if moved and UPDATE_CASE.many(self.cursor, moved) != len(moved):
            raise Lost(Problem("CASE-409", "案件已被别人推进"))
        INSERT_EVENT.many(self.cursor, events)
        rows = gathered([change.rows for change in changes])
        if "held" in rows:
            self._hold(changes)
        if "aboard" in rows:
            self._carry(rows["aboard"])
        self._plan(changes)
        if "raised" in rows:
            self.alert(rows["raised"])
        for name, statement in EFFECTS.items():
            if name in rows:
                statement.many(self.cursor, rows[name])

    def _hold(self, changes: Sequence[Ready]) -> None:
        """Who is responsible from now on; whoever was before is so until then."""
        every = [held for change in changes if (held := change.rows.get("held"))]
        turn = 0  # one case may change hands twice in one change
        while rows := [held[turn] for held in every if len(held) > turn]:
            if ends := [row for row in rows if row["event"] > 1]:
                END_CUSTODY.many(self.cursor, ends)
            if begins := [row for row in rows if row["unit"]]:
                BEGIN_CUSTODY.many(self.cursor, begins)
            turn += 1

    def _carry(self, rows: Sequence[dict[str, Any]]) -> None:
        """Who got on a trip or off it."""
        if begun := [row for row in rows if row["answered"] is None]:
            BOARD.many(self.cursor, begun)
        if ended := [row for row in rows if row["answered"] is not None]:
            ALIGHT.many(self.cursor, ended)

    def _plan(self, changes: Sequence[Ready]) -> None:
        """Schedules and tasks as each event leaves them, event after event."""
        turn = 0
        while ops := [op for change in changes if len(change.planned) > turn for op in change.planned[turn]]:
            for verb, statements in PLANNED.items():
                if rows := [row for name, row in ops if name == verb]:
                    for statement in statements:
                        self.cursor.executemany(statement, rows)
            turn += 1

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of the transaction that is written whole or not at all."""
        last = self.last
        self.driver.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.driver.execute("ROLLBACK TO part")
            self.last = last
            raise
        finally:
            self.driver.execute("RELEASE part")

    def chain_on(self, head: bytes, events: Iterable[dict[str, Any]]) -> bytes:
        """Give events of one chain their numbers and hashes; the head of the chain after them."""
        for row in events:
            self.last += 1
            row["n"], row["recorded_at"] = self.last, self.now
            head = row["hash"] = link(self.chain, head, row)
        return head

    def alert(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write alerts and the messages that tell of them."""
        for row in rows:
            row["raised_at"] = row["created_at"] = self.now
        INSERT_ALERT.many(self.cursor, rows)
        INSERT_OUTBOX.many(self.cursor, [row | {"told": each} for row in rows for each in row["told"].split(ALSO)])

    def message(self, case_id: str, told: str, text: str) -> None:
        """Write a message to be delivered."""
        INSERT_OUTBOX.many(self.cursor, [{"case_id": case_id, "told": told, "text": text, "created_at": self.now}])

    def system(self, happened: Event) -> None:
        """Append to the chain of what belongs to no case: publishing, areas, reveals, erasures."""
        found = self.cursor.execute(
            "SELECT seq, hash FROM event WHERE case_id = ? ORDER BY seq DESC LIMIT 1", (SYSTEM,)
        ).fetchone()
        seq, head = found or (0, b"")
        row = event_row(SYSTEM, seq + 1, happened)
        self.chain_on(head, [row])
        INSERT_EVENT.many(self.cursor, [row])

    def insert(
        self, model: type[SQLModel], names: Sequence[str], rows: Iterable[tuple[Any, ...]], *, clash: str = "ABORT"
    ) -> None:
        """Insert rows of a table, given in the order of these columns; a `clash` with a known key: IGNORE, REPLACE."""
        self.cursor.executemany(inserting(model, tuple(names), clash), rows)

    def one(self, model: type[SQLModel], row: Mapping[str, Any]) -> None:
        """Insert one row of a table."""
        names = tuple(name for name in model.model_fields if name in row)
        self.insert(model, names, [tuple(row[name] for name in names)])

    def answered(self, key: str) -> bool:
        """Whether a request key has its answer already; no key: no."""
        return bool(key) and self.cursor.execute("SELECT 1 FROM request WHERE key = ?", (key,)).fetchone() is not None

    def request(self, key: str, digest: str, answer: Mapping[str, Any]) -> None:
        """Keep the answer under its request key, in the same transaction."""
        self.one(s.RequestRow, {"key": key, "digest": digest, "answer": plain(answer).decode(), "at": self.now})


class Store:
    """The database of one office."""

    def __init__(self, path: Path, chain: hmac.HMAC) -> None:
        s.require_classes(SQLModel.metadata)
        self.path = path
        self.chain = chain
        self._own = threading.local()
        self._made: list[Driver] = []

    @classmethod
    def create(cls, path: Path, chain: hmac.HMAC, meta: Mapping[str, str]) -> Store:
        """A new database; an existing file is never touched."""
        if path.exists():
            raise BadInput(Problem("STORE-003", f"数据库已存在：{path}", "换一个路径，或直接使用它"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError:
            raise BadInput(Problem("STORE-007", f"这里建不了数据库：{path}", "换一个可以写的文件夹")) from None
        store = cls(path, chain)
        SQLModel.metadata.create_all(create_engine("sqlite://", creator=store.connect, poolclass=NullPool))
        with store.writing(0) as writer:
            writer.insert(s.Meta, ("name", "value"), meta.items())
        return store

    def connect(self) -> Driver:
        """A connection as every one of them is: nothing is acknowledged before it is on the disk."""
        try:
            driver = sqlite3.connect(self.path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
            self._made.append(driver)
            for pragma in PRAGMAS:
                driver.execute(f"PRAGMA {pragma}")
        except sqlite3.DatabaseError as error:
            raise _in_words(self.path, error) from None
        return driver

    def connection(self) -> Driver:
        """This thread's connection: what it writes, it need not read from the file again."""
        driver: Driver | None = getattr(self._own, "driver", None)
        if driver is None:
            driver = self._own.driver = self.connect()
        return driver

    def reading(self) -> AbstractContextManager[Driver]:
        """One consistent view of the database; inside a transaction of the same thread it is that one."""
        driver: Driver | None = getattr(self._own, "driver", None)
        if driver is not None and driver.in_transaction:
            return nullcontext(driver)
        return _Transaction(self.path, self.connection(), "BEGIN", lambda driver: driver)

    def writing(self, now: int) -> AbstractContextManager[Writer]:
        """One transaction under the write lock: all of it, or nothing."""
        begun = partial(Writer, chain=self.chain, now=now)
        return _Transaction(self.path, self.connection(), "BEGIN IMMEDIATE", begun)

    def forget(self) -> None:
        """Let nothing that was deleted linger in the write-ahead log."""
        try:
            self.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.DatabaseError as error:
            raise _in_words(self.path, error) from None

    def meta(self) -> dict[str, str]:
        """The single values."""
        with self.reading() as driver:
            return dict(driver.execute("SELECT name, value FROM meta").fetchall())

    def rehearsal_clock(self) -> int:
        """What time a rehearsal says it is, in microseconds since 1970."""
        with self.reading() as driver:
            return int(driver.execute("SELECT value FROM meta WHERE name = 'rehearsal'").fetchone()[0])

    def load(self, case_id: str) -> tuple[Case, bytes] | None:
        """A case and the head of its chain."""
        with self.reading() as driver:
            return load_case(driver, case_id)

    def answered(self, key: str, digest: str) -> dict[str, Any] | None:
        """The answer already given under a request key; the same key for another request is refused."""
        with self.reading() as driver:
            found = driver.execute("SELECT digest, answer FROM request WHERE key = ?", (key,)).fetchone()
        if found is None:
            return None
        if found[0] != digest:
            raise BadInput(Problem("REQ-001", f"请求号 {key} 已用于另一个请求", "每个请求用自己的请求号"))
        answer: dict[str, Any] = orjson.loads(found[1])
        return answer

    def close(self) -> None:
        """Let go of every connection."""
        for driver in self._made:
            driver.close()
        self._made.clear()
        self._own = threading.local()


_Given = TypeVar("_Given")


class _Transaction(Generic[_Given]):
    """A transaction of one connection; written out, for two are opened and closed at every step."""

    __slots__ = ("begin", "driver", "gives", "path")

    def __init__(self, path: Path, driver: Driver, begin: str, gives: Callable[[Driver], _Given]) -> None:
        self.path = path
        self.driver = driver
        self.begin = begin
        self.gives = gives

    def __enter__(self) -> _Given:
        try:
            self.driver.execute(self.begin)
            return self.gives(self.driver)
        except BaseException as error:
            self._take_back(error)
            raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._take_back(error)
            return
        try:
            self.driver.execute("COMMIT")
        except BaseException as failed:
            self._take_back(failed)
            raise

    def _take_back(self, error: BaseException) -> None:
        """Nothing of it stays; what the database itself says is told in words."""
        if self.driver.in_transaction:
            with suppress(sqlite3.DatabaseError):  # a disk that fails takes it back by itself
                self.driver.execute("ROLLBACK")
        if isinstance(error, sqlite3.DatabaseError):
            raise _in_words(self.path, error) from None


def load_case(driver: Driver, case_id: str) -> tuple[Case, bytes] | None:
    """A case and the head of its chain, inside a transaction."""
    # as bytes: text made of them would only be made into bytes again
    found = driver.execute('SELECT CAST(snapshot AS BLOB), seq, head FROM "case" WHERE id = ?', (case_id,)).fetchone()
    return None if found is None else (from_json(found[0], case_id, found[1]), found[2])


def of_a_record(error: sqlite3.OperationalError) -> bool:
    """Whether it is what was asked that failed, a damaged record, and not the disk, a lock or the file."""
    return error.sqlite_errorcode == sqlite3.SQLITE_ERROR


def _in_words(path: Path, error: sqlite3.DatabaseError) -> Damaged:
    """The database's own failures in words, without the statement or its values."""
    if isinstance(error, sqlite3.OperationalError) and of_a_record(error):
        expected = "bihuan audit verify 指出是哪一件；请从备份恢复"
        return Damaged(Problem("STORE-004", f"数据库 {path.name} 里有记录已损坏：{error}", expected))
    if isinstance(error, sqlite3.OperationalError):
        expected = "检查磁盘空间与权限；没有确认的操作都没有写入"
        return Damaged(Problem("STORE-001", f"数据库 {path.name} 不能读写：{error}", expected))
    return Damaged(Problem("STORE-004", f"数据库 {path.name} 已损坏或不是数据库：{error}", "请从备份恢复"))
