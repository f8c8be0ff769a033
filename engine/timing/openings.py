"""Cases that the coming of a time opens: a rung of a deadline is raised, and what is to be done about it begins."""

from __future__ import annotations

from datetime import datetime

import orjson

from engine.alongside import open_for
from engine.core.case import Case, micros
from engine.core.org import SYSTEM, Actor
from engine.core.workflows import ChildType
from engine.service import Office
from engine.step import Step
from engine.timing.setbacks import DEADLINE, Setback, set_aside

_DUE = (
    "SELECT d.case_id, d.name FROM deadline AS d WHERE d.next_at <= ?1 AND d.name IN (SELECT value FROM json_each(?2))"
    " AND NOT EXISTS (SELECT 1 FROM incident AS i WHERE i.kind = 'deadline' AND i.case_id = d.case_id"
    " AND i.name = d.name AND i.again_at > ?1) ORDER BY d.next_at"
)


def open_due(office: Office) -> int:
    """Open what the deadlines call for of which a rung has come; how many cases that were.

    It is done before the rung is raised: what is cut off in between is done by the next sweep. What cannot be opened
    sets its deadline aside, rung and all.
    """
    with office.store.reading() as driver:
        releases = [number for (number,) in driver.execute("SELECT number FROM release").fetchall()]
        names = sorted({name for number in releases for name in _opening(office, number)})
        found = driver.execute(_DUE, (micros(office.now()), orjson.dumps(names).decode())).fetchall() if names else []
    return sum(_open(office, case_id, name) for case_id, name in found)


def _opening(office: Office, release: int) -> set[str]:
    """The deadlines of a release that open something; one that cannot be read is told of when it is swept."""
    try:
        book = office.book(release)
    except Exception:  # noqa: BLE001 - whatever it is, it must not stop the others
        return set()
    states = (state for flow in book.workflows.values() for state in flow.states.values())
    return {deadline.name for state in states for deadline in state.deadlines if deadline.opens}


def _wanted(office: Office, case_id: str, name: str) -> tuple[Case, ChildType] | None:
    """The case as it stands and what its deadline opens, unless one of that kind is open."""
    found = office.store.load(case_id)
    if found is None:
        return None
    case, _ = found
    flow = office.book(case.release).workflows[case.workflow]
    opens = next((deadline.opens for deadline in flow.states[case.state].deadlines if deadline.name == name), "")
    if not opens or any(child.kind == opens and not child.final for child in case.children.values()):
        return None
    return case, flow.children[opens]


def _open(office: Office, case_id: str, name: str) -> bool:
    system = Actor(SYSTEM, (), office.account, engine=True)

    def decide(now: datetime) -> Step:
        wanted = _wanted(office, case_id, name)
        return Step([], {}) if wanted is None else open_for(office, *wanted, {}, system, now)

    try:
        return bool(office.act(decide).get("case")) if _wanted(office, case_id, name) else False
    except Exception as failed:  # noqa: BLE001 - whatever it is, it must not silence the other alerts
        with office.store.writing(micros(office.now())) as writer:
            set_aside(writer, office.book(), office.account, Setback(DEADLINE, case_id, name), type(failed).__name__)
        return False
