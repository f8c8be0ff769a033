"""Trips (车次): one hand-over of several cases, ticked off at the gate; who is missing or extra becomes a matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine import vault
from engine.commands.custody import MOST_ROWS, accepted, sight
from engine.commands.privacy import record_reveal
from engine.core import custody as core
from engine.core import lifecycle
from engine.core.case import Event, micros, wall_time
from engine.core.errors import BadInput, Problem, Refused, listing
from engine.core.judging import NOTHING, Stated, at_no_time
from engine.core.org import Actor
from engine.ids import new_id, read_id
from engine.intake.clean import clean_name
from engine.service import Office
from engine.step import Step
from engine.store import schema as s
from engine.store import subjects
from engine.store.changes import Change
from engine.store.store import Driver, Writer

_TRIPS = (
    "SELECT id, vehicle, giver, receiver, opened_by, opened_at, received_by, received_at FROM trip"
    " WHERE (? OR giver IN (SELECT value FROM json_each(?)) OR receiver IN (SELECT value FROM json_each(?)))"
)
_DUE = (
    "SELECT min(d.due) FROM trip_case AS t JOIN deadline AS d ON d.case_id = t.case_id AND d.name = 'hand_over'"
    " WHERE t.trip = ? AND t.outcome = ''"
)
"""By when those still on their way must be received."""


def open_trip(
    office: Office,
    vehicle: str,
    driver: str,
    to: str,
    cases: Sequence[str],
    actor: Actor,
    *,
    occurred_at: datetime | None = None,
    request_key: str = "",
) -> dict[str, Any]:
    """Put cases on a vehicle to another unit: all of them are offered, or none, with the reasons for each."""
    lacks = [
        title for title, there in (("车辆", vehicle.strip()), ("驾驶员", driver.strip()), ("案件", cases)) if not there
    ]
    if lacks:
        raise BadInput([Problem("FACT-003", f"缺少{title}", "必填") for title in lacks])
    if not office.book().hand_over.matter:
        raise Refused(
            Problem("CASE-010", "规则包没有写少人、多人时立哪种事项，不能发车", "pack.yaml 的 hand_over.matter")
        )
    unclean = [done.why for done in (clean_name(driver),) if done.error]
    unclean += [] if vehicle.isprintable() else ["车牌不能换行或含控制字符"]
    if unclean:
        raise BadInput([Problem("FACT-002", why) for why in unclean])
    numbers = [read_id(case_id) or case_id for case_id in cases]
    if twice := [case_id for case_id in dict.fromkeys(numbers) if numbers.count(case_id) > 1]:
        raise BadInput([Problem("ARG-001", f"案件 {case_id} 写了两次", "每人写一次") for case_id in twice])
    wanted = {"vehicle": vehicle, "driver": driver, "to": to, "cases": " ".join(cases), "at": str(occurred_at or "")}
    digest = office.digest("trip", vehicle, actor.user, wanted) if request_key else ""

    def decide(now: datetime) -> Step:
        key = office.master.new_subject(new_id())
        trip, left = key.subject, occurred_at or now
        if problem := at_no_time(left, now):
            raise Refused(problem)

        def send(case_id: str) -> list[Change]:
            case, head = office.case(case_id, actor)
            book = office.book(case.release)
            return [Change.of(book, case, head, (core.send(book, case, to, actor, left, trip),))]

        changes = _each(numbers, send)
        giver, *others = sorted({change.case.owner for change in changes})
        if others:
            what = f"一车只有一个交出单位，这些案件归 {'、'.join([giver, *others])}"
            raise Refused(Problem("CASE-010", what, "分开发车"))
        sealed = subjects.Sealed()
        sealed.add(key, "trip", {"driver": driver.strip()}, new=True)
        told = {"trip": trip, "vehicle": vehicle.strip(), "giver": giver, "receiver": to, "cases": len(changes)}

        def write(writer: Writer) -> None:
            writer.system(Event("trip_opened", actor.user, left, told, actor.account))
            row = {key: told[key] for key in ("vehicle", "giver", "receiver")}
            writer.one(s.TripRow, {"id": trip, **row, "opened_by": actor.user, "opened_at": micros(left)})

        return Step(changes, told | {"cases": [change.case.id for change in changes]}, sealed, write)

    return office.act(decide, request_key, digest)


def receive(
    office: Office,
    trip: str,
    ticked: Mapping[str, Mapping[str, str]],
    actor: Actor,
    *,
    extra: Sequence[str] = (),
    occurred_at: datetime | None = None,
    request_key: str = "",
) -> dict[str, Any]:
    """Take over whoever is ticked; each one expected and not there, or there and not expected, becomes a matter.

    `ticked`: case → what the receiver fills in for it. A missing one stays with the giver, an extra one where it was.
    """
    wanted = {"extra": " ".join(extra), **{case: str(sorted(raw.items())) for case, raw in ticked.items()}}
    digest = office.digest("receive", trip, actor.user, wanted) if request_key else ""

    def decide(now: datetime) -> Step:
        with office.store.reading() as driver:
            row = _trip(office, driver, trip, actor)
            expected = _on_their_way(driver, row["trip"])
        here, strangers = _read(ticked), [_known(office, case_id) for case_id in dict.fromkeys(extra)]
        _refuse_unexpected(row["trip"], expected, here, strangers)
        missing = [case_id for case_id in expected if case_id not in here]
        sealed = subjects.Sealed()

        def answer(case_id: str) -> list[Change]:
            if case_id in here:
                changes, texts = accepted(office, case_id, actor, here[case_id], now, occurred_at)
                sealed.values += texts.values
                return changes
            case, head = office.case(case_id, actor)
            book = office.book(case.release)
            happened = core.give_back(book, case, actor, NOTHING, now, occurred_at, missing=True)
            return [Change.of(book, case, head, (happened,))]

        changes = _each(expected, answer)
        matters = {
            about: _matter(office, row, about, what, actor, now, sealed)
            for what, cases in (("missing", missing), ("extra", strangers))
            for about in cases
        }
        taken = [case_id for case_id in expected if case_id in here]
        told = {"trip": row["trip"], "accepted": taken, "missing": missing, "extra": strangers}

        def write(writer: Writer) -> None:
            writer.system(Event("trip_received", actor.user, now, told, actor.account))
            writer.cursor.execute(
                "UPDATE trip SET received_by = ?, received_at = ? WHERE id = ?", (actor.user, micros(now), row["trip"])
            )

        opened = {about: change.case.id for about, change in matters.items()}
        return Step([*changes, *matters.values()], told | {"matters": opened}, sealed, write)

    return office.act(decide, request_key, digest)


def _read(ticked: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """The ticked cases by their numbers, however they were written."""
    return {read_id(case_id) or case_id: raw for case_id, raw in ticked.items()}


def _known(office: Office, case_id: str) -> str:
    """The number of a case that exists; nothing else of it is told to whoever may not see it."""
    number = read_id(case_id) or ""
    if office.store.load(number) is None:
        raise BadInput(Problem("CASE-404", f"没有案件 {case_id}", "核对最后一位校验字符；没有案件的人先立案"))
    return number


def _refuse_unexpected(trip: str, expected: Sequence[str], here: Iterable[str], extra: Iterable[str]) -> None:
    """A trip is received once; whoever is ticked is on it, and whoever is extra is not."""
    if not expected:
        raise Refused(Problem("CASE-015", f"车次 {trip} 没有等待签收的案件", "见 bihuan trip show"))
    problems = [
        Problem("CASE-010", f"案件 {case_id} 不在车次 {trip} 上", f"车上有 {listing(expected)}；多出的人用 --extra")
        for case_id in here
        if case_id not in expected
    ]
    problems += [
        Problem("CASE-010", f"案件 {case_id} 在车次 {trip} 上，不是多出的人", "直接勾选")
        for case_id in extra
        if case_id in expected
    ]
    if problems:
        raise Refused(problems)


def _matter(
    office: Office,
    row: Mapping[str, Any],
    about: str,
    what: str,
    actor: Actor,
    now: datetime,
    sealed: subjects.Sealed,
) -> Change:
    """The matter about somebody who was missing or extra, for the giver to clear up."""
    book = office.book()
    flow = book.workflows[book.hand_over.matter]
    key = office.master.new_subject(new_id())
    facts = {"trip": row["trip"], "about": about, "giver": row["giver"], "discrepancy": what}
    happened, _ = lifecycle.open_case(
        book,
        flow.subject,
        key.subject,
        Stated(facts),
        actor,
        now,
        workflow=flow.name,
        origin={"trip": row["trip"]},
    )
    sealed.add(key, flow.subject, {}, new=True)
    return Change.of(book, None, b"", (happened,), new_id())


def trip_list(office: Office, actor: Actor, most: int = MOST_ROWS) -> list[dict[str, Any]]:
    """The trips of her units, the latest first, with how many cases are still on their way."""
    with office.store.reading() as driver:
        rows = driver.execute(f"{_TRIPS} ORDER BY opened_at DESC, id LIMIT ?", (*sight(office, actor), most)).fetchall()
        return [_told(office, driver, row) for row in rows]


def trip_show(office: Office, trip: str, actor: Actor, reveal: str = "") -> dict[str, Any]:
    """One trip: its vehicle, its driver (masked; in full with a reason), and each case with how it ended."""
    with office.store.reading() as driver:
        told = _trip(office, driver, trip, actor)
        cases = driver.execute(
            'SELECT t.case_id, c.category, t.outcome FROM trip_case AS t JOIN "case" AS c ON c.id = t.case_id'
            " WHERE t.trip = ? ORDER BY t.case_id",
            (told["trip"],),
        ).fetchall()
        key = subjects.keys(driver, office.master, [told["trip"]]).get(told["trip"])
        name = subjects.opened(driver, key).get("driver", "") if key else ""
    if reveal:
        record_reveal(office, actor, reveal, {"trip": told["trip"]}, frozenset({told["giver"], told["receiver"]}))
    listed = [{"case": case_id, "category": category, "outcome": outcome} for case_id, category, outcome in cases]
    return told | {"driver": name if reveal else vault.mask("name", name), "cases": listed}


def _trip(office: Office, driver: Driver, trip: str, actor: Actor) -> dict[str, Any]:
    """A trip of one of her units; any other is as if it did not exist."""
    row = driver.execute(f"{_TRIPS} AND id = ?", (*sight(office, actor), read_id(trip) or "")).fetchone()
    if row is None:
        raise BadInput(Problem("CASE-404", f"没有车次 {trip}", "编号见 bihuan trip list"))
    return _told(office, driver, row)


def _told(office: Office, driver: Driver, row: Sequence[Any]) -> dict[str, Any]:
    trip, vehicle, giver, receiver, opened_by, opened_at, received_by, received_at = row
    outcomes = dict(
        driver.execute("SELECT outcome, count(*) FROM trip_case WHERE trip = ? GROUP BY outcome", (trip,)).fetchall()
    )
    (due,), zone = driver.execute(_DUE, (trip,)).fetchone(), office.book().zone
    return {
        "trip": trip,
        "vehicle": vehicle,
        "giver": giver,
        "receiver": receiver,
        "opened_by": opened_by,
        "opened_at": wall_time(opened_at, zone),
        "received_by": received_by or "",
        "received_at": wall_time(received_at, zone) if received_at else "",
        "due": wall_time(due, zone) if due else "",
        "overdue": bool(due) and due <= micros(office.now()),
        "on_their_way": outcomes.pop("", 0),
        "outcomes": outcomes,
    }


def _on_their_way(driver: Driver, trip: str) -> list[str]:
    rows = driver.execute("SELECT case_id FROM trip_case WHERE trip = ? AND outcome = '' ORDER BY case_id", (trip,))
    return [case_id for (case_id,) in rows]


def _each(cases: Iterable[str], change: Callable[[str], list[Change]]) -> list[Change]:
    """The changes of each case; whatever refuses any of them is told with its case, all at once."""
    changes: list[Change] = []
    problems: list[Problem] = []
    unreadable = False
    for case_id in cases:
        try:
            changes += change(case_id)
        except (BadInput, Refused) as refused:
            unreadable |= isinstance(refused, BadInput)
            problems += [replace(problem, what=f"案件 {case_id}：{problem.what}") for problem in refused.problems]
    if problems:
        raise (BadInput if unreadable else Refused)(problems)
    return changes
