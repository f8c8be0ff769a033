"""The rules an office runs: stored releases and drafts, each numbered, told by its digest and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.core.case import Event, micros
from engine.core.errors import BadInput, Damaged, Problem
from engine.core.org import SYSTEM
from engine.core.rulebook import Rulebook
from engine.packs.bounds import Bounds, no_bounds, read_bounds
from engine.packs.pack import bundle, digest_of_bundle, unbundle, unbundled
from engine.store import schema as s
from engine.store.store import Driver, Store, Writer

_IN_FORCE = (
    "SELECT number, (SELECT value FROM meta WHERE name = 'profile') FROM release WHERE withdrawn_at IS NULL"
    " AND effective_from <= coalesce(?, (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'rehearsal'))"
    " ORDER BY number DESC LIMIT 1"
)
_BOUNDS = "SELECT number, text, digest FROM bounds ORDER BY number DESC LIMIT 1"


class Releases:
    """The releases of one database, each compiled once a process; which is in force, the database is asked each time.

    In force at a moment is the greatest number that is effective by then and was not withdrawn.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.compiled: dict[int, Rulebook] = {}

    def book(self, number: int) -> Rulebook:
        """The rule book of a release; one whose digest differs from its text is refused."""
        if number not in self.compiled:
            with self.store.reading() as driver:
                self.compiled[number] = unbundle(_text(driver, "release", number), number)
        return self.compiled[number]

    def in_force(self, at: int | None) -> Rulebook:
        """The rule book in force at a moment, under the profile the office works in; None: by the rehearsal's clock."""
        with self.store.reading() as driver:
            number, profile = driver.execute(_IN_FORCE, (at,)).fetchone()
            return self.book(number).under(profile or "")

    def files(self, number: int) -> dict[str, bytes]:
        """The files of a release as they were published."""
        with self.store.reading() as driver:
            return unbundled(_text(driver, "release", number))

    def drafted(self, number: int) -> dict[str, bytes]:
        """The files of a draft as they were stored."""
        with self.store.reading() as driver:
            return unbundled(_text(driver, "draft", number))

    def bounds(self) -> tuple[int, Bounds]:
        """The bounds no pack may break that were set last, and their number; 0: none were."""
        with self.store.reading() as driver:
            row = driver.execute(_BOUNDS).fetchone()
        if row is None:
            return 0, no_bounds()
        number, text, digest = row
        if digest_of_bundle(text) != digest:
            raise Damaged(Problem("RULE-038", "规则的界限被改动过", "摘要与设定时不同，请从备份恢复"))
        return number, read_bounds(text.encode())


def newest(driver: Driver) -> int:
    """The number of the latest release, planned ones included; those withdrawn do not count."""
    return int(driver.execute("SELECT max(number) FROM release WHERE withdrawn_at IS NULL").fetchone()[0])


def publish(
    writer: Writer, text: str, digest: str, by: str, account: str, now: datetime, effective_from: int, draft: int = 0
) -> int:
    """Store a checked pack as the next release, in the caller's transaction; its number."""
    number = (writer.cursor.execute("SELECT max(number) FROM release").fetchone()[0] or 0) + 1
    told = {"digest": digest, "effective_from": effective_from, "draft": draft}
    row = {"number": number, **told, "published_by": by, "published_at": micros(now), "text": text}
    writer.one(s.Release, row)
    writer.system(Event("published", by, now, {"release": number, **told}, account))
    return number


def first(store: Store, files: Mapping[str, bytes], book: Rulebook, account: str, now: datetime) -> None:
    """Store the pack a database is made with as release 1, begun, and in force since ever: whatever the clock says."""
    with store.writing(micros(now)) as writer:
        publish(writer, bundle(files), book.digest, account, account, now, 0)
        writer.cursor.execute("UPDATE release SET begun_at = published_at")


def begun(writer: Writer, number: int, account: str, now: datetime) -> None:
    """Note, once, that what a release brings with it when it comes into force was done."""
    undone = "UPDATE release SET begun_at = ? WHERE number = ? AND begun_at IS NULL"
    if writer.cursor.execute(undone, (micros(now), number)).rowcount:
        writer.system(Event("begun", SYSTEM, now, {"release": number}, account))


def _text(driver: Driver, table: str, number: int) -> str:
    """What was stored under a number, as long as it is what it was."""
    name = {"release": f"第 {number} 版规则", "draft": f"草案 {number}"}[table]
    row = driver.execute(f"SELECT text, digest FROM {table} WHERE number = ?", (number,)).fetchone()  # noqa: S608 - our tables
    if row is None and table == "draft":
        raise BadInput(Problem("DRAFT-001", f"没有{name}", "bihuan rules drafts 列出所有草案"))
    if row is None:
        raise Damaged(Problem("RULE-038", f"没有{name}", "bihuan rules releases 列出各版；曾经有过的，请从备份恢复"))
    text, digest = row
    if digest_of_bundle(text) != digest:
        raise Damaged(Problem("RULE-038", f"{name}被改动过", "摘要与存入时不同，请从备份恢复"))
    return str(text)
