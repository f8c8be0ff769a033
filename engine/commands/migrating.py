"""What new rules make of open cases: shown before, carried out case by case, answered by people, and taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from engine.core import migrating
from engine.core.case import Case, Event, micros, moment
from engine.core.corrections import Correction
from engine.core.errors import BadInput, Problem, Refused
from engine.core.judging import typed
from engine.core.migrations import ANSWERED, ASK, ASKED, KEEP, MIGRATED, MOVE, Migration
from engine.core.noting import title_of
from engine.core.org import SYSTEM, Actor
from engine.core.record import from_json
from engine.core.rulebook import Rulebook
from engine.core.values import midnight
from engine.ids import new_id
from engine.service import Office
from engine.step import Step
from engine.store import schema as s
from engine.store.changes import Change
from engine.store.store import Driver, Lost, Writer

PLANNED, APPLYING, APPLIED, SUPERSEDED = "planned", "applying", "applied", "superseded"
REVERTING, REVERTED = "reverting", "reverted"
SCHEDULED, CARRIED_OUT, TAKEN_BACK = "plan_scheduled", "plan_carried_out", "plan_taken_back"
"""What is on record of a plan: made with its release, at its end, and taken back."""
_PLANS = "SELECT number, release, day, entries, due, state, reached FROM migration"
_OPEN = "SELECT id, snapshot, seq FROM \"case\" WHERE final = '' ORDER BY id"
CHUNK = 500


class Plan(NamedTuple):
    """What a release makes of open cases on one day, as far as it is carried out."""

    number: int
    release: int
    day: date
    entries: tuple[str, ...]
    due: datetime
    state: str
    reached: str


class Forecast(NamedTuple):
    """What a plan would make of one case now: by which entry, why, what becomes of it, and what is overdue at once."""

    case: Case
    state: str
    """Where it stands, in words."""
    entry: Migration
    action: str
    why: str
    differences: tuple[tuple[str, str, str], ...]
    overdue: tuple[str, ...]


def plans(driver: Driver, where: str = "", values: Sequence[Any] = ()) -> list[Plan]:
    """The plans that are kept, the earliest first."""
    rows = driver.execute(f"{_PLANS} {where} ORDER BY due, number", values).fetchall()
    return [
        Plan(number, release, date.fromisoformat(day), tuple(orjson.loads(entries)), moment(due), state, reached)
        for number, release, day, entries, due, state, reached in rows
    ]


def plan_of(office: Office, number: int) -> Plan:
    """One plan."""
    with office.store.reading() as driver:
        found = plans(driver, "WHERE number = ?", (number,))
    if not found:
        raise BadInput(Problem("PLAN-001", f"没有计划 {number}", "bihuan rules plans 列出所有计划"))
    return found[0]


def listed(office: Office) -> list[dict[str, Any]]:
    """The plans with how many cases each touched, and of how many a person has yet to say what becomes of them."""
    counted = (
        "SELECT coalesce(sum(m.action NOT IN ('keep', 'ask')), 0),"
        " coalesce(sum(json_extract(c.snapshot, '$.asked[3]') IS m.event), 0)"
        ' FROM migrated AS m JOIN "case" AS c ON c.id = m.case_id WHERE m.plan = ?'
    )
    zone = office.book().zone
    with office.store.reading() as driver:
        return [
            {
                "plan": plan.number,
                "release": plan.release,
                "due": f"{plan.due.astimezone(zone):%Y-%m-%d %H:%M}",
                "entries": list(plan.entries),
                "state": plan.state,
                "touched": touched,
                "waiting": waiting,
            }
            for plan in plans(driver)
            for touched, waiting in [driver.execute(counted, (plan.number,)).fetchone()]
        ]


def fresh(driver: Driver, book: Rulebook) -> dict[date, list[Migration]]:
    """The entries of a pack that no plan has carried out yet, by their days."""
    over = {name for plan in plans(driver, "WHERE state NOT IN (?, ?)", (PLANNED, SUPERSEDED)) for name in plan.entries}
    left = sorted((entry for entry in book.migrations if entry.name not in over), key=lambda entry: entry.since)
    return {day: list(entries) for day, entries in groupby(left, key=lambda entry: entry.since)}


def schedule(writer: Writer, book: Rulebook, release: int, begins: int, account: str) -> list[int]:
    """Keep the plans that a release brings with it, in the transaction that publishes it; their numbers."""
    (last,) = writer.cursor.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
    made = []
    for day, entries in fresh(writer.driver, book).items():
        last += 1
        due = max(begins, micros(midnight(day, book.zone)))
        names = orjson.dumps([entry.name for entry in entries]).decode()
        row = {"release": release, "day": day.isoformat(), "entries": names, "due": due}
        writer.one(s.MigrationRow, {"number": last, **row, "state": PLANNED, "reached": ""})
        writer.system(Event(SCHEDULED, SYSTEM, moment(writer.now), {"plan": last, **row}, account))
        made.append(last)
    return made


def cases(rows: Any) -> Iterator[Case]:
    """The cases of these rows, a batch at a time."""
    while found := rows.fetchmany(CHUNK):
        for case_id, snapshot, seq in found:
            yield from_json(snapshot, case_id, seq)


def named_by(office: Office, entries: Iterable[Migration], case: Case) -> Migration | None:
    """The entry that is about a case as it stands."""
    return migrating.entry_of(entries, case, typed(office.book(case.release), case))


def forecast(office: Office, book: Rulebook, begins: datetime) -> Iterator[Forecast]:
    """What rules would make of every open case that an entry of theirs names, as it stands now; nothing is written."""
    actor, now = Actor(SYSTEM, account=office.account), office.now()
    with office.store.reading() as driver:
        for day, entries in fresh(driver, book).items():
            since = max(begins, midnight(day, book.zone))
            for case in cases(driver.execute(_OPEN)):
                entry = named_by(office, entries, case)
                if entry is None:
                    continue
                passage = migrating.Passage(office.book(case.release), book, since, entry)
                done = migrating.migrate(passage, case, actor, max(now, since), "")
                yield _told(passage, case, done, max(now, since))


def _told(passage: migrating.Passage, case: Case, done: Correction, now: datetime) -> Forecast:
    entry, events = passage.entry, done.events
    why = entry.reason
    action = entry.action
    if events and events[0].type == ASKED:
        action, why = ASK, events[0].data["why"]
    differences = tuple((each.what, each.before, each.after) for each in done.differences)
    armed = {name: due for event in events for name, (due, *_) in event.data.get("armed", {}).items()}
    before = {name for name, running in case.deadlines.items() if running.due < now}
    overdue = [name for name, due in armed.items() if due < micros(now) and name not in before]
    flow = passage.old.workflows[case.workflow]
    late = tuple(sorted(title_of(flow, name) for name in overdue))
    return Forecast(case, flow.states[case.state].title, entry, action, why, differences, late)


def entries_of(office: Office, plan: Plan) -> list[Migration]:
    """The entries that a plan carries out."""
    return [entry for entry in office.book(plan.release).migrations if entry.name in plan.entries]


def migrate_case(office: Office, plan: Plan, entries: Sequence[Migration], case_id: str) -> str:
    """Carry a plan out on one case, in a transaction of its own, once; what was done, or nothing."""
    actor = Actor(SYSTEM, account=office.account)
    found = office.store.load(case_id)
    if found is None or named_by(office, entries, found[0]) is None:
        return ""  # most cases: nothing is locked for them

    def decide(now: datetime) -> Step:
        loaded = office.store.load(case_id)
        if loaded is None or loaded[0].final or not _waits(office, plan, case_id):
            return Step([], {"action": ""})
        case, head = loaded
        entry = named_by(office, entries, case)
        if entry is None or case.release > plan.release:
            return Step([], {"action": ""})
        book = office.book(plan.release)
        passage = migrating.Passage(office.book(case.release), book, plan.due, entry, plan.number)
        done = migrating.migrate(passage, case, actor, now, new_id())
        if not done.events:
            return Step([], {"action": KEEP})
        action = ASK if done.events[0].type == ASKED else entry.action

        def keep(writer: Writer) -> None:
            if not _waits(office, plan, case_id):
                raise Lost(Problem("CASE-409", "计划已退回"))
            row = {"plan": plan.number, "case_id": case_id, "entry": entry.name, "action": action}
            writer.one(s.MigratedRow, row | {"event": case.seq + 1})

        return Step(_changes(passage, case, head, done), {"action": action}, before=keep)

    return str(office.act(decide)["action"])


def _waits(office: Office, plan: Plan, case_id: str) -> bool:
    """Whether a plan that is not taken back has yet to be carried out on a case."""
    with office.store.reading() as driver:
        sql = (
            "SELECT 1 FROM migration WHERE number = ?1 AND state NOT IN (?3, ?4)"
            " AND NOT EXISTS (SELECT 1 FROM migrated WHERE plan = ?1 AND case_id = ?2)"
        )
        return driver.execute(sql, (plan.number, case_id, REVERTING, REVERTED)).fetchone() is not None


def _changes(passage: migrating.Passage, case: Case, head: bytes, done: Correction) -> list[Change]:
    """What the events change: under the new rules where they move the case there, else under its own."""
    book = passage.new if any(event.type == MIGRATED for event in done.events) else passage.old
    changes = [Change.of(book, case, head, done.events, was=passage.old)]
    if done.successor is not None:
        successor, first = done.successor
        changes.append(Change.of(passage.new, None, b"", (first,), successor))
    return changes


def resolve(office: Office, case_id: str, action: str, actor: Actor, to: str = "") -> dict[str, Any]:
    """Somebody who answers for the case says what a change of rules makes of it: keep, recompute or move."""
    if action not in (KEEP, "recompute", MOVE) or bool(to) != (action == MOVE):
        raise BadInput(Problem("PLAN-004", f"不能这样决定：{action} {to}".rstrip(), "keep、recompute 或 move 环节"))

    def decide(now: datetime) -> Step:
        case, head = office.case(case_id, actor)
        if case.owner not in actor.units():  # whoever answers for the case is asked
            office.require(actor, "correct", of=case.involved)
        old = office.book(case.release)
        if action == KEEP or case.asked is None:
            change = Change.of(old, case, head, (migrating.kept(case, actor, now),))
            return Step([change], office.answer(old, change.case) | {"action": KEEP})
        new = office.book(case.asked.release)
        day = date.fromisoformat(case.asked.ruled_from) if case.asked.ruled_from else None
        moves = {case.state: to} if to else {}
        reason = "由人决定"
        known = next((entry for entry in new.migrations if entry.name == case.asked.entry), None)
        entry = Migration(case.asked.entry, known.reason if known else reason, action, case.workflow, day or date.min)
        since = _began(office, new, day) if day else now
        passage = migrating.Passage(old, new, since, replace(entry, moves=moves), ruled_from=case.asked.ruled_from)
        done = migrating.moved(passage, case, actor, now, new_id())
        changes = _changes(passage, case, head, done)
        told = [{"what": each.what, "before": each.before, "after": each.after} for each in done.differences]
        answer = office.answer(office.book(changes[-1].case.release), changes[-1].case)
        return Step(changes, answer | {"action": action, "changes": told})

    return office.act(decide)


def _began(office: Office, book: Rulebook, day: date) -> datetime:
    """When a day of a release's entries came into force."""
    with office.store.reading() as driver:
        sql = "SELECT effective_from FROM release WHERE number = ?"
        (begins,) = driver.execute(sql, (book.release,)).fetchone()
    return max(moment(begins), midnight(day, book.zone))


def revert(office: Office, number: int, actor: Actor) -> int:
    """Take a plan back: each case it moved goes back under the rules it had; how many there are.

    Cases that have moved on where no way leads back are asked about. It is carried out by the sweep, like the plan.
    """
    office.require(actor, "approve")
    plan, now = plan_of(office, number), office.now()
    with office.store.writing(micros(now)) as writer:
        states = (APPLYING, APPLIED, REVERTING)
        sql = "UPDATE migration SET state = ?, reached = '' WHERE number = ? AND state IN (?, ?, ?)"
        if not writer.cursor.execute(sql, (REVERTING, number, *states)).rowcount:
            raise Refused(Problem("PLAN-003", f"计划 {number} 没有套用，或已退回", "只能退回套用了的计划"))
        told = {"plan": number, "release": plan.release}
        writer.system(Event(TAKEN_BACK, actor.user, now, told, office.account))
        sql = "SELECT count(*) FROM migrated WHERE plan = ? AND back IS NULL"
        return int(writer.cursor.execute(sql, (number,)).fetchone()[0])


def revert_case(office: Office, plan: Plan, case_id: str) -> str:
    """Put one case back under the rules it had before a plan, once."""
    actor = Actor(SYSTEM, account=office.account)

    def decide(now: datetime) -> Step:
        with office.store.reading() as driver:
            sql = "SELECT entry, event FROM migrated WHERE plan = ? AND case_id = ? AND back IS NULL"
            row = driver.execute(sql, (plan.number, case_id)).fetchone()
            if row is None:
                return Step([], {"action": ""})
            event = driver.execute("SELECT type, data FROM event WHERE case_id = ? AND seq = ?", (case_id, row[1]))
            kind, data = event.fetchone()
            sql = (
                "SELECT actor FROM event WHERE case_id = 'system' AND type = ? AND json_extract(data, '$.plan') = ?"
                " ORDER BY seq DESC LIMIT 1"
            )
            (by,) = driver.execute(sql, (TAKEN_BACK, plan.number)).fetchone()
        told = orjson.loads(data)
        loaded = office.store.load(told.get("successor", case_id))
        entry = next(entry for entry in entries_of(office, plan) if entry.name == row[0])
        entry = replace(entry, reason=f"计划 {plan.number} 由 {by} 退回")
        changes = _back(office, plan, entry, loaded, (row[1], kind, told), actor, now)
        seq = changes[0].case.seq if changes else row[1]

        def keep(writer: Writer) -> None:
            done = "UPDATE migrated SET back = ? WHERE plan = ? AND case_id = ? AND back IS NULL"
            if not writer.cursor.execute(done, (seq, plan.number, case_id)).rowcount:
                raise Lost(Problem("CASE-409", "案件已退回"))

        return Step(changes, {"action": "back"}, before=keep)

    return str(office.act(decide)["action"])


def _back(
    office: Office,
    plan: Plan,
    entry: Migration,
    loaded: tuple[Case, bytes] | None,
    told: tuple[int, str, Mapping[str, Any]],
    actor: Actor,
    now: datetime,
) -> list[Change]:
    """The way back of one case; none for what is closed, or stayed as it was."""
    if loaded is None or loaded[0].final:
        return []
    (case, head), (seq, kind, data) = loaded, told
    old = office.book(case.release)
    if kind == ASKED:
        if case.asked is None or case.asked.event != seq:
            return []
        return [Change.of(old, case, head, (migrating.kept(case, actor, now, entry.reason),))]
    if kind == ANSWERED:
        return []
    before = office.book(data["was"]["release"] if "was" in data else plan.release)
    passage = migrating.Passage(old, before, now, entry, plan.number, back=True)
    try:
        if kind != MIGRATED:
            raise Refused(Problem("PLAN-003", "案件已改归另一流程", "由人决定"))
        passage = migrating.returning(passage, case, seq, data)
        done = migrating.moved(passage, case, actor, now, new_id())
    except (Refused, BadInput) as refusal:
        why = "；".join(problem.what for problem in refusal.problems)
        done = migrating.asked(passage, case, actor, now, f"计划 {plan.number} 已退回：{why}")
    return _changes(passage, case, head, done)
