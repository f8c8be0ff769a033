"""Hand-overs between units, who was responsible when, and where there is room."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from engine import refusals
from engine.core import custody as core
from engine.core.case import Case, Event, micros, wall_time
from engine.core.errors import Problem, Refused
from engine.core.judging import NOTHING, Stated
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.intake.given import parse
from engine.service import Office
from engine.step import Step
from engine.store.changes import Change
from engine.store.store import Driver
from engine.store.subjects import Sealed

MOST_ROWS = 200
Decide = Callable[[Rulebook, Case, datetime], tuple[Event, ...]]
_WAITING = (
    "SELECT c.id, c.category, c.owner, json_extract(c.snapshot, '$.offer[0]') AS receiver,"
    " json_extract(c.snapshot, '$.offer[2]'), json_extract(c.snapshot, '$.offer[3]'), d.due"
    " FROM deadline AS d JOIN \"case\" AS c ON c.id = d.case_id WHERE d.name = 'hand_over'"
    " AND (? OR c.owner IN (SELECT value FROM json_each(?)) OR receiver IN (SELECT value FROM json_each(?)))"
    " ORDER BY d.due LIMIT ?"
)


def offer(
    office: Office,
    case_id: str,
    to: str,
    actor: Actor,
    *,
    occurred_at: datetime | None = None,
    request_key: str = "",
) -> dict[str, Any]:
    """Offer a case to another unit as it stands; the holder stays responsible until it accepts."""

    def decide(book: Rulebook, case: Case, now: datetime) -> tuple[Event, ...]:
        return (core.offer(book, case, to, actor, NOTHING, now, occurred_at),)

    return _act(office, case_id, actor, decide, request_key=request_key, asked=("offer", to))


def decline(
    office: Office, case_id: str, to: str, actor: Actor, reason: str, *, request_key: str = ""
) -> dict[str, Any]:
    """Say that a case is not one's own, and whose it is instead (退单)."""

    def decide(book: Rulebook, case: Case, now: datetime) -> tuple[Event, ...]:
        return (core.offer(book, case, to, actor, NOTHING, now, declined=True),)

    return _act(office, case_id, actor, decide, reason=reason, request_key=request_key, asked=("decline", to))


def give_back(
    office: Office,
    case_id: str,
    actor: Actor,
    reason: str,
    *,
    occurred_at: datetime | None = None,
    request_key: str = "",
) -> dict[str, Any]:
    """Not take over what is offered; the giver stays responsible."""

    def decide(book: Rulebook, case: Case, now: datetime) -> tuple[Event, ...]:
        return (core.give_back(book, case, actor, NOTHING, now, occurred_at),)

    return _act(office, case_id, actor, decide, reason=reason, request_key=request_key, asked=("return", ""))


def assign(
    office: Office, case_id: str, to: str, actor: Actor, reason: str, *, request_key: str = ""
) -> dict[str, Any]:
    """Settle whose case it is: the arbiter's word, which nobody has to accept."""

    def decide(book: Rulebook, case: Case, now: datetime) -> tuple[Event, ...]:
        return (core.assign(book, case, to, actor, NOTHING, now),)

    return _act(office, case_id, actor, decide, reason=reason, request_key=request_key, asked=("assign", to))


def accept(
    office: Office,
    case_id: str,
    actor: Actor,
    raw: Mapping[str, Any] | None = None,
    *,
    occurred_at: datetime | None = None,
    request_key: str = "",
) -> dict[str, Any]:
    """Take a case over, with what the receiver has to fill in."""
    digest = office.digest("accept", case_id, actor.user, raw or {}) if request_key else ""

    def decide(now: datetime) -> Step:
        changes, sealed = accepted(office, case_id, actor, raw or {}, now, occurred_at)
        return Step(changes, office.answer(office.book(changes[-1].case.release), changes[-1].case), sealed)

    return office.act(decide, request_key, digest)


def accepted(
    office: Office, case_id: str, actor: Actor, raw: Mapping[str, Any], now: datetime, occurred_at: datetime | None
) -> tuple[list[Change], Sealed]:
    """The changes that an acceptance makes, with its personal facts sealed."""
    case, head = office.case(case_id, actor)
    book = office.book(case.release)
    kind = book.kind_of(case.workflow)
    if case.offer is not None:
        refusals.unasked(kind, core.asked_of_receiver(book, case), "签收", raw)
    stated, texts = parse(book, kind, raw, now) if case.offer is not None else (Stated(), {})
    happened = core.accept(book, case, actor, stated, now, occurred_at)
    changes = office.following(book, Change.of(book, case, head, happened), actor)
    return changes, office.seal(case.subject, kind, texts)


def _act(
    office: Office,
    case_id: str,
    actor: Actor,
    decide: Decide,
    *,
    asked: tuple[str, str],
    reason: str | None = None,
    request_key: str = "",
) -> dict[str, Any]:
    """One event of one case, with its reason sealed where one is asked for."""
    verb, to = asked
    digest = office.digest(verb, f"{case_id} {to}", actor.user, {"reason": reason or ""}) if request_key else ""

    def step(now: datetime) -> Step:
        case, head = office.case(case_id, actor)
        book = office.book(case.release)
        sealed = Sealed() if reason is None else office.reason(case, case.seq + 1, reason)
        change = Change.of(book, case, head, decide(book, case, now))
        return Step([change], office.answer(book, change.case), sealed)

    return office.act(step, request_key, digest)


def waiting(office: Office, actor: Actor, most: int = MOST_ROWS) -> list[dict[str, Any]]:
    """Hand-overs that wait to be answered, given by or to her units, those due first."""
    with office.store.reading() as driver:
        rows = driver.execute(_WAITING, (*sight(office, actor), most)).fetchall()
    now, zone = micros(office.now()), office.book().zone
    return [
        {
            "case": case_id,
            "category": category,
            "giver": owner,
            "receiver": receiver,
            "trip": trip,
            "offered_at": wall_time(micros(datetime.fromisoformat(at)), zone),
            "due": wall_time(due, zone),
            "overdue": due <= now,
            "mine": receiver in actor.units(),
        }
        for case_id, category, owner, receiver, trip, at, due in rows
    ]


def sight(office: Office, actor: Actor) -> tuple[bool, str, str]:
    """Whether she sees everything, and the units whose giving and taking she sees."""
    units = json.dumps(sorted(actor.units()))
    return office.book().organisation.sees_all(actor), units, units


def line(office: Office, case_id: str, actor: Actor, at: datetime | None = None) -> list[dict[str, str]]:
    """Who was responsible from when until when, over all cases of the same subject; `at`: at that moment only."""
    case, _ = office.case(case_id, actor)
    if at is not None and at > office.now():
        raise Refused(Problem("CASE-012", "那一刻还没有到，没有人知道那时由谁负责", "现在或以前的时间"))
    with office.store.reading() as driver:
        rows = held(driver, case.subject, None if at is None else micros(at))
    zone = office.book().zone
    return [
        {"case": of, "unit": unit, "since": wall_time(since, zone), "until": wall_time(until, zone) if until else ""}
        for of, unit, since, until in rows
    ]


def held(driver: Driver, subject: str, at: int | None = None) -> list[tuple[str, str, int, int | None]]:
    """The line of a subject: case, unit, since, until; `at`: who was responsible then, in microseconds since 1970."""
    moment_ = "" if at is None else " AND since <= :at AND (until IS NULL OR until > :at)"
    found: list[tuple[str, str, int, int | None]] = driver.execute(
        f"SELECT case_id, unit, since, until FROM custody WHERE subject = :subject{moment_}"  # noqa: S608 - our own words
        " ORDER BY since, until IS NULL, until, event",
        {"subject": subject, "at": at},
    ).fetchall()
    return found


def sites(office: Office) -> list[dict[str, Any]]:
    """The sites with how many places they have and how many are free."""
    with office.store.reading() as driver:
        taken = dict(driver.execute("SELECT site, count(*) FROM place GROUP BY site").fetchall())
    return [
        {
            "site": unit.name,
            "places": unit.places,
            "taken": taken.get(unit.name, 0),
            "free": None if unit.places is None else unit.places - taken.get(unit.name, 0),
        }
        for unit in office.book().organisation.units.values()
        if unit.kind == "site"
    ]
