"""Scheduled tasks at work: who takes one on, what came of it for one or many cases, and which are left undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.core import tasks
from engine.core.case import Case, Event, micros, moment
from engine.core.errors import BadInput, BihuanError, Place, Problem, listing
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.ids import read_id
from engine.intake.files import read_grid
from engine.service import Office, Step
from engine.store.changes import Change
from engine.store.subjects import Sealed

_OPEN = "SELECT schedule, due, ends FROM task WHERE case_id = ? AND state IN ('open', 'claimed') ORDER BY due"
Decide = Callable[[Rulebook, Case, str, int, datetime], Event]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one row of many: the case as it stands now, or why not."""

    case: str
    result: str
    told: dict[str, Any]
    refused: str = ""


def claim(
    office: Office, case_id: str, name: str, actor: Actor, *, due: datetime | None = None, give_up: bool = False
) -> dict[str, Any]:
    """Take an occurrence of a task on, or give it up again; somebody else who has it is named."""

    def decide(book: Rulebook, case: Case, schedule: str, at: int, now: datetime) -> Event:
        return tasks.claim(book, case, schedule, at, actor, now, give_up=give_up)

    return _on_one(office, case_id, name, actor, due, decide)


def skip(
    office: Office, case_id: str, name: str, actor: Actor, reason: str, *, due: datetime | None = None
) -> dict[str, Any]:
    """Leave an occurrence undone, with the reason sealed."""
    if not reason.strip():
        raise BadInput(Problem("CASE-019", "没有写明免做的理由", '用 --reason "…"'))

    def decide(book: Rulebook, case: Case, schedule: str, at: int, now: datetime) -> Event:
        return tasks.skip(book, case, schedule, at, actor, now)

    return _on_one(office, case_id, name, actor, due, decide, reason)


def _on_one(
    office: Office, case_id: str, name: str, actor: Actor, due: datetime | None, decided: Decide, reason: str = ""
) -> dict[str, Any]:
    """Do something with one occurrence: the named one, else the next whose time has not passed, else the last."""

    def decide(now: datetime) -> Step:
        case, head = office.case(case_id, actor)
        book = office.book(case.release)
        task = tasks.task_of(book.workflows[case.workflow], name)
        schedule, at = _chosen(office, book, case, task.name, due, micros(now))
        happened = decided(book, case, schedule, at, now)
        change = Change.of(book, case, head, (happened,))
        told = {"case": case.id, "task": task.name, "title": task.title, "due": _local(book, at)}
        return Step([change], told, office.reason(case, change.case.seq, reason) if reason else Sealed())

    return office.act(decide)


def _chosen(office: Office, book: Rulebook, case: Case, task: str, due: datetime | None, now: int) -> tuple[str, int]:
    with office.store.reading() as driver:
        rows = driver.execute(_OPEN, (case.id,)).fetchall()
    there = [(name, at, ends) for name, at, ends in rows if name in case.plans and case.plans[name].task == task]
    wanted = [row for row in there if due is None or row[1] == micros(due)]
    if not wanted:
        title = book.workflows[case.workflow].tasks[task].title
        known = listing([_local(book, at) for _, at, _ in there]) or "无"
        raise BadInput(Problem("TASK-004", f"案件 {case.id} 没有待办的{title}", f"待办：{known}"))
    name, at, _ = next((row for row in wanted if row[2] > now), wanted[-1])
    return name, at


def done(
    office: Office,
    name: str,
    results: Iterable[tuple[str, str]],
    actor: Actor,
    *,
    at: datetime | None = None,
    request_key: str = "",
) -> list[Answer]:
    """Record a result for each of these cases, every row on its own: a refused one holds up no other."""
    return [_recorded(office, name, case_id, result, actor, at, request_key) for case_id, result in results]


def _recorded(
    office: Office, name: str, case_id: str, result: str, actor: Actor, at: datetime | None, request_key: str
) -> Answer:
    try:
        case, _ = office.case(case_id, actor)
        flow = office.book(case.release).workflows[case.workflow]
        task = tasks.task_of(flow, name)
        verb = tasks.verb_of(flow, case, task)
        asked = {item.field for item in verb.evidence}
        raw = {task.result: result, task.at: (at or office.now()).isoformat()}
        key = f"{request_key}:{case.id}" if request_key else ""
        told = office.advance(
            case_id, verb.name, actor, {name: raw[name] for name in raw if name in asked}, request_key=key
        )
    except BihuanError as error:
        return Answer(case_id, result, {}, str(error))
    return Answer(case.id, result, told)


def results_of(path: Path) -> list[tuple[str, str]]:
    """Case numbers and results from the first two columns of a workbook or text table; a header is passed by."""
    grid = read_grid(path)
    rows = [[_text(cell) for cell in row[:2]] for row in (grid.tabs[0].rows if grid.tabs else [])]
    told = [(row[0], row[1] if len(row) > 1 else "") for row in rows if any(row)]
    found = told[1:] if told and read_id(told[0][0]) is None else told
    if not found:
        raise BadInput(Problem("SHEET-001", "表里没有案件号和结果", "第一列案件号，第二列结果", place=Place(path.name)))
    return found


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _local(book: Rulebook, at: int) -> str:
    return moment(at).astimezone(book.zone).strftime("%Y-%m-%d %H:%M")
