"""What the measures leave undone: overdue or missed, by measure and unit, and standing duties that nobody runs."""

from __future__ import annotations

from typing import NamedTuple

from engine.core.case import micros
from engine.core.rulebook import Rulebook, Standing
from engine.core.values import local_day
from engine.service import Office
from engine.store import subjects
from engine.store.changes import MISSED
from engine.store.store import Driver

_OVERDUE = (
    "SELECT c.release, c.workflow, t.schedule, c.owner, count(*), 0 FROM task AS t"
    " JOIN \"case\" AS c ON c.id = t.case_id WHERE t.state IN ('open', 'claimed') AND t.ends <= ?"
    " GROUP BY c.release, c.workflow, t.schedule, c.owner"
)
_MISSED = (
    "SELECT c.release, c.workflow, t.schedule, (SELECT k.unit FROM custody AS k WHERE k.case_id = c.id AND k.unit <> ''"
    " ORDER BY k.event DESC LIMIT 1) AS unit, 0, count(*) FROM alert AS a"
    " JOIN \"case\" AS c ON c.id = a.case_id JOIN task AS t ON t.case_id = a.case_id AND t.state = 'missed'"
    " WHERE a.acknowledged_at IS NULL AND a.name = ? GROUP BY c.release, c.workflow, t.schedule, unit"
)
"""Until somebody has taken note of it: nobody can do it any more."""


class Undone(NamedTuple):
    """How much of a measure a unit has not done: overdue, and missed by cases that were closed over it."""

    measure: str
    unit: str
    overdue: int
    missed: int


def undone(office: Office) -> list[Undone]:
    """What is overdue, and what was missed and nobody has taken note of, by measure and unit."""
    with office.store.reading() as driver:
        rows = driver.execute(_OVERDUE, (micros(office.now()),)).fetchall()
        rows += driver.execute(_MISSED, (MISSED,)).fetchall()
    found: dict[tuple[str, str], list[int]] = {}
    for release, workflow, schedule, unit, overdue, missed in rows:
        flow = office.book(release).workflows[workflow]
        counts = found.setdefault((f"{flow.title}·{flow.schedules[schedule].title}", unit or ""), [0, 0])
        counts[0] += overdue
        counts[1] += missed
    return [Undone(*key, *counts) for key, counts in sorted(found.items(), key=lambda one: (-sum(one[1]), one[0]))]


def idle(office: Office) -> list[str]:
    """The standing duties that recur and that nobody runs any more, each by what its case is known by."""
    book = office.book()
    with office.store.reading() as driver:
        return [words for item in book.standing if (words := _idle(office, driver, book, item))]


def _idle(office: Office, driver: Driver, book: Rulebook, item: Standing) -> str:
    """What the duty is called where one was opened and none is open; empty where somebody runs it."""
    kind = book.subjects[item.subject]
    decision = book.decide(kind.name, dict(item.facts), local_day(office.now(), book.zone))
    if not book.flow_of(kind.name, decision.outcome).schedules:
        return ""  # nothing recurs: done once, it is done
    told = subjects.identities(office.master, kind, item.facts.get)
    known = set(subjects.find(driver, told).values())
    cases = [_open(driver, subject) for subject in known]
    return "、".join(dict.fromkeys(map(str, item.facts.values()))) if known and not any(cases) else ""


def _open(driver: Driver, subject: str) -> bool:
    return bool(driver.execute("SELECT 1 FROM \"case\" WHERE subject = ? AND final = ''", (subject,)).fetchone())
