"""A small office per seed that costs milliseconds: one template a process, copied, with its compiled rule book shared.

Durability is switched off here and nowhere else: what a power cut or a killed process leaves is tested in
tests/faults. A crash is a connection closed in the middle of a transaction.
"""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import ids
from engine.core.case import Case, Event, micros
from engine.core.errors import BadInput, BihuanError, Conflict, Refused
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.core.values import parse_time
from engine.intake import child, files, take
from engine.packs.pack import read_folder, shipped
from engine.service import Office
from engine.store import store
from engine.store.store import Writer

START = parse_time("2022-05-26T08:00+08:00")
RESTED = "shenpi2"
"""Has no hand in anything while faults go on: four eyes close a case only while there is somebody who has not."""
FAST = ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON")
REFUSALS = (BadInput, Refused, Conflict)
"""What an office says to somebody who may not, or is too late; anything else is a fault of ours."""


class Broken(AssertionError):
    """An invariant does not hold."""


class Crash(Exception):
    """The process ends in the middle of an act."""


def shared_memory() -> Path | None:
    """A folder in memory, where there is one."""
    found = Path("/dev/shm")
    return found if os.access(found, os.W_OK) else None


@cache
def template() -> tuple[Path, Path, dict[int, Rulebook], Path]:
    """The database every seed begins with, its key, and its compiled rules; made once a process."""
    base = Path(tempfile.mkdtemp(dir=shared_memory(), prefix="simulation-"))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    office = Office.create(base / "db" / "office.db", base / "keys" / "key", read_folder(shipped()), START)
    office.book()
    office.close()
    return base / "db" / "office.db", base / "keys" / "key", office.releases.compiled, base


def in_this_process(path: Path) -> files.Grid:
    """A list read without a child process of its own: how files are read is tested elsewhere."""
    raw = path.read_bytes()
    told: Any = child._text(raw)  # noqa: SLF001 - what the child process runs
    tabs = tuple(files.Tab(name, rows) for name, rows in told["tabs"])
    return files.Grid(tabs, tuple(told["notes"]), str(hash(raw)))


@contextmanager
def simulated(seed: int) -> Iterator[World]:
    """A fresh office, whose numbers follow from the seed too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "PRAGMAS", FAST)
        database, key, books, folder = template()
        rng = random.Random(seed)
        drawn = random.Random(seed + 1)
        patch.setattr(ids, "os", SimpleNamespace(urandom=drawn.randbytes))
        patch.setattr(ids.new_id, "__defaults__", (drawn.randbytes,))
        patch.setattr(take, "read_grid", in_this_process)
        own = Path(tempfile.mkdtemp(dir=folder))
        shutil.copyfile(database, own / "office.db")
        world = World(seed, rng, own, key, books)
        try:
            yield world
        finally:
            for office in world.offices:
                office.close()
            shutil.rmtree(own)


class World:
    """Two offices on one database, what was done there, and every case as its events alone lead to it."""

    def __init__(self, seed: int, rng: random.Random, folder: Path, key: Path, books: dict[int, Rulebook]) -> None:
        self.seed = seed
        self.rng = rng
        self.folder = folder
        self.key = key
        self.books = books
        self.offices = [self.open(), self.open()]
        self.book = books[1]
        self.staff = [user for user in self.book.organisation.staff if user != RESTED]
        self.told: list[str] = []
        self.canaries: list[str] = []
        self.persons: list[dict[str, str]] = []
        self.cases: dict[str, Case] = {}
        self.logs: dict[str, list[Event]] = {}
        self.alerted: set[tuple[Any, ...]] = set()
        self.last = 1
        self.requests: list[tuple[Callable[[Office], Any], Any]] = []
        self.errors: list[str] = []
        self.listed = 0
        self.messages = 0
        self.crashed = False

    def open(self) -> Office:
        """One more office at work on the same database."""
        office = Office.open(self.folder / "office.db", self.key)
        office.releases.compiled = self.books  # once a process
        return office

    @property
    def office(self) -> Office:
        """Whichever of the two is asked."""
        return self.offices[self.rng.random() < 0.3]

    def actor(self, user: str = "") -> Actor:
        """Somebody, or a certain member of staff."""
        found = self.book.organisation.actor(user or self.rng.choice(self.staff), "simulated")
        assert found is not None
        return found

    def tell(self, text: str) -> None:
        """What is done next, for whoever replays the seed."""
        self.told.append(text)

    def tried(self, act: Callable[[], Any]) -> Any:
        """Do it; a refusal is an answer, and says nothing personal."""
        try:
            return act()
        except REFUSALS as refusal:
            self.refused(str(refusal))
            return None
        except BihuanError as error:
            if self.crashed:
                raise
            raise Broken(f"不是退回而是失败：{error!r}") from error

    def refused(self, text: str) -> None:
        """A refusal that somebody reads."""
        self.told[-1] += f"  ✗ {text}"
        self.errors.append(text)

    @contextmanager
    def crash(self, office: Office, where: str) -> Iterator[None]:
        """The process ends in the middle of an act: before it wrote anything, half-way, or just before the commit."""
        writing = office.store.writing

        def ends(*_: Any) -> None:
            self.crashed = True
            for driver in office.store._made:  # noqa: SLF001 - whoever opens the file next would do it
                driver.rollback()
            office.store.close()
            raise Crash

        @contextmanager
        def ending(now: int) -> Iterator[Writer]:
            with writing(now) as writer:
                if where == "commit":
                    yield writer
                ends()

        with pytest.MonkeyPatch.context() as patch:
            if where == "append":
                patch.setattr(Writer, "_plan", ends)
            else:
                patch.setattr(office.store, "writing", ending)
            try:
                yield
            except Exception:
                if not self.crashed:
                    raise
        self.crashed = False
        office.close()

    @contextmanager
    def overtaken(self, office: Office, rival: Callable[[], None]) -> Iterator[None]:
        """Somebody else acts after an office has decided and before it writes."""
        writing = office.store.writing

        @contextmanager
        def late(now: int) -> Iterator[Writer]:
            office.store.__dict__.pop("writing", None)
            rival()
            with writing(now) as writer:
                yield writer

        office.store.writing = late  # type: ignore[method-assign]
        try:
            yield
        finally:
            office.store.__dict__.pop("writing", None)

    def now(self) -> int:
        """The rehearsal's clock, in microseconds."""
        return micros(self.offices[0].now())
