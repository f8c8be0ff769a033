"""The rules an office runs: stored releases, each numbered, told by its digest and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from engine.core.case import Event, micros
from engine.core.errors import Damaged, Problem
from engine.core.rulebook import Rulebook
from engine.packs.pack import bundle, digest_of_bundle, unbundle, unbundled
from engine.store import schema as s
from engine.store.store import Driver, Store

_LATEST = "SELECT max(number), (SELECT value FROM meta WHERE name = 'profile') FROM release"


class Releases:
    """The releases of one database, each compiled once a process."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.compiled: dict[int, Rulebook] = {}

    def book(self, number: int) -> Rulebook:
        """The rule book of a release; one whose digest differs from its text is refused."""
        if number not in self.compiled:
            with self.store.reading() as driver:
                self.compiled[number] = unbundle(_text(driver, number), number)
        return self.compiled[number]

    def latest(self) -> Rulebook:
        """The rule book of the latest release, under the profile the office works in."""
        with self.store.reading() as driver:
            number, profile = driver.execute(_LATEST).fetchone()
            return self.book(number).under(profile or "")

    def files(self, number: int = 0) -> dict[str, bytes]:
        """The files of a release as they were published; 0: the latest."""
        with self.store.reading() as driver:
            return unbundled(_text(driver, number or driver.execute(_LATEST).fetchone()[0]))

    def add(self, files: Mapping[str, bytes], book: Rulebook, by: str, account: str, now: datetime) -> Rulebook:
        """Store a checked pack as the next release."""
        with self.store.writing(micros(now)) as writer:
            number = (writer.cursor.execute(_LATEST).fetchone()[0] or 0) + 1
            told = {"number": number, "digest": book.digest, "text": bundle(files)}
            writer.one(s.Release, {**told, "published_by": by, "published_at": micros(now)})
            writer.system(Event("published", by, now, {"release": number, "digest": book.digest}, account))
        return replace(book, release=number)


def _text(driver: Driver, number: int) -> str:
    row = driver.execute("SELECT text, digest FROM release WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise Damaged(Problem("RULE-038", f"没有第 {number} 版规则", "请从备份恢复"))
    text, digest = row
    if digest_of_bundle(text) != digest:
        raise Damaged(Problem("RULE-038", f"第 {number} 版规则被改动过", "摘要与发布时不同，请从备份恢复"))
    return str(text)
