"""Plans for open cases are carried out when they are due, case by case, and go on where they were broken off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from engine.commands.migrating import (
    APPLIED,
    APPLYING,
    CARRIED_OUT,
    CHUNK,
    PLANNED,
    REVERTED,
    REVERTING,
    SUPERSEDED,
    Plan,
    entries_of,
    migrate_case,
    plan_of,
    plans,
    revert_case,
)
from engine.core.case import Event, micros
from engine.core.errors import Damaged
from engine.core.org import SYSTEM
from engine.service import Office
from engine.timing.setbacks import CASE, Setback, recovered, set_aside

_DUE = (
    "WHERE state IN (?, ?, ?) AND due <= ? AND NOT EXISTS"
    " (SELECT 1 FROM release AS r WHERE r.number = release AND r.withdrawn_at IS NOT NULL)"
)
_BATCH = "SELECT id FROM \"case\" WHERE final = '' AND id > ? ORDER BY id LIMIT ?"
_TOUCHED = "SELECT case_id FROM migrated WHERE plan = ? AND case_id > ? ORDER BY case_id LIMIT ?"
_AGAIN = "SELECT case_id, name FROM incident WHERE kind = ? AND again_at <= ? ORDER BY case_id"
_LATER = "SELECT 1 FROM release WHERE number > ? AND withdrawn_at IS NULL AND effective_from <= ?"


def carry_out(office: Office) -> int:
    """Carry out what is due of all plans, the earliest first; how many cases were touched."""
    touched = _again(office)
    now = micros(office.now())
    with office.store.reading() as driver:
        due = plans(driver, _DUE, (PLANNED, APPLYING, REVERTING, now))
    for plan in due:
        if plan.state == REVERTING:
            touched += _batches(office, plan, _TOUCHED, (plan.number,), partial(revert_case, office, plan), REVERTED)
        elif not (plan.state == PLANNED and _overtaken(office, plan, now)):
            touched += _apply(office, plan)
    return touched


def _overtaken(office: Office, plan: Plan, now: int) -> bool:
    """Whether a later release is in force already: it has a plan of its own for what is left of this one."""
    with office.store.reading() as driver:
        if driver.execute(_LATER, (plan.release, now)).fetchone() is None:
            return False
    _state(office, plan, SUPERSEDED, "")
    return True


def _apply(office: Office, plan: Plan) -> int:
    """Carry out those of its entries that no earlier plan has carried out meanwhile."""
    earlier = "WHERE number < ? AND state NOT IN (?, ?)"
    with office.store.reading() as driver:
        before = plans(driver, earlier, (plan.number, PLANNED, SUPERSEDED))
    over = {name for other in before for name in other.entries}
    entries = [entry for entry in entries_of(office, plan) if entry.name not in over]
    return _batches(office, plan, _BATCH, (), partial(migrate_case, office, plan, entries), APPLIED)


def _batches(
    office: Office, plan: Plan, sql: str, first: tuple[int, ...], work: Callable[[str], str], over: str
) -> int:
    """Case after case; how far it came is kept after each batch, and what is broken is set aside alone."""
    touched, reached = 0, plan.reached
    while batch := _next(office, sql, (*first, reached, CHUNK)):
        touched += sum(bool(_one(office, plan, case_id, work)) for case_id in batch)
        reached = batch[-1]
        _state(office, plan, _RUNNING[over], reached)
    _state(office, plan, over, reached)
    return touched


def _next(office: Office, sql: str, values: Sequence[object]) -> list[str]:
    with office.store.reading() as driver:
        return [case_id for (case_id,) in driver.execute(sql, values)]


def _one(office: Office, plan: Plan, case_id: str, work: Callable[[str], str]) -> str | None:
    """What was done with a case; None: it is broken, and was set aside."""
    try:
        return work(case_id)
    except Damaged:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the others
        with office.store.writing(micros(office.now())) as writer:
            found = Setback(CASE, case_id, str(plan.number))
            set_aside(writer, office.book(), office.account, found, type(error).__name__)
        return None


def _again(office: Office) -> int:
    """Try again what was set aside; how many cases something was done for."""
    now, touched = micros(office.now()), 0
    with office.store.reading() as driver:
        waiting = driver.execute(_AGAIN, (CASE, now)).fetchall()
    for case_id, number in waiting:
        plan = plan_of(office, int(number))
        if plan.state in (REVERTING, REVERTED):
            done = _one(office, plan, case_id, partial(revert_case, office, plan))
        else:
            done = _one(office, plan, case_id, partial(migrate_case, office, plan, entries_of(office, plan)))
        if done is not None:
            touched += bool(done)
            with office.store.writing(now) as writer:
                recovered(writer, office.account, Setback(CASE, case_id, number))
    return touched


_RUNNING = {APPLIED: APPLYING, REVERTED: REVERTING, SUPERSEDED: PLANNED}
"""What a plan is before it is over."""


def _state(office: Office, plan: Plan, state: str, reached: str) -> None:
    """How far a plan came, unless it was taken back meanwhile; that it is over is on record."""
    now = office.now()
    before = (PLANNED, _RUNNING.get(state, state))
    sql = "UPDATE migration SET state = ?, reached = ? WHERE number = ? AND state IN (?, ?)"
    with office.store.writing(micros(now)) as writer:
        told = {"plan": plan.number, "release": plan.release, "state": state}
        if writer.cursor.execute(sql, (state, reached, plan.number, *before)).rowcount and state in _RUNNING:
            writer.system(Event(CARRIED_OUT, SYSTEM, now, told, office.account))
