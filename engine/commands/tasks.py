"""Scheduled tasks at work: who takes one on, what came of it for one or many cases, and which are left undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from engine.core import tasks
from engine.core.case import Case, Event, micros, wall_time
from engine.core.errors import BadInput, BihuanError, Place, Problem, listing
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.ids import read_id
from engine.intake.files import read_grid
from engine.service import Office
from engine.step import Step
from engine.store.changes import Change
from engine.store.subjects import Sealed

_OPEN = "SELECT schedule, due, ends FROM task WHERE case_id = ? AND state IN ('open', 'claimed') ORDER BY due"
Decide = Callable[[Rulebook, Case, str, int, datetime], Event]


class Row(NamedTuple):
    """One result to record, and what else is told with it: title or name of a fact → its text."""

    case: str
    result: str
    more: Mapping[str, str] = {}


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
        told = {"case": case.id, "task": task.name, "title": task.title, "due": wall_time(at, book.zone)}
        return Step([change], told, office.reason(case, change.case.seq, reason) if reason else Sealed())

    return office.act(decide)


def _chosen(office: Office, book: Rulebook, case: Case, task: str, due: datetime | None, now: int) -> tuple[str, int]:
    with office.store.reading() as driver:
        rows = driver.execute(_OPEN, (case.id,)).fetchall()
    there = [(name, at, ends) for name, at, ends in rows if name in case.plans and case.plans[name].task == task]
    wanted = [row for row in there if due is None or row[1] == micros(due)]
    if not wanted:
        title = book.workflows[case.workflow].tasks[task].title
        known = listing([wall_time(at, book.zone) for _, at, _ in there]) or "无"
        raise BadInput(Problem("TASK-004", f"案件 {case.id} 没有待办的{title}", f"待办：{known}"))
    name, at, _ = next((row for row in wanted if row[2] > now), wanted[-1])
    return name, at


def done(
    office: Office,
    name: str,
    results: Iterable[tuple[str, str] | Row],
    actor: Actor,
    *,
    at: datetime | None = None,
    request_key: str = "",
) -> list[Answer]:
    """Record a result for each of these cases, every row on its own: a refused one holds up no other."""
    rows = [Row(*row) for row in results]
    numbers = [read_id(row.case) or row.case for row in rows]
    if twice := [case for case in dict.fromkeys(numbers) if numbers.count(case) > 1]:
        raise BadInput(
            [Problem("ARG-001", f"案件 {case} 写了两次", "每件写一次，另一次的结果另行登记") for case in twice]
        )
    return [_recorded(office, name, row, actor, at, request_key) for row in rows]


def _recorded(office: Office, name: str, row: Row, actor: Actor, at: datetime | None, request_key: str) -> Answer:
    try:
        case, _ = office.case(row.case, actor)
        book = office.book(case.release)
        flow, kind = book.workflows[case.workflow], book.kind_of(case.workflow)
        task = tasks.task_of(flow, name)
        verb = tasks.verb_of(flow, case, task)
        asked = {item.field for item in verb.evidence}
        raw = {task.result: row.result, task.at: (at or office.now()).isoformat()}
        names = {kind.fields[name].title: name for name in asked} | {TIME: task.at}
        more = {names.get(title, title): text for title, text in row.more.items()}
        key = f"{request_key}:{case.id}" if request_key else ""
        told = office.advance(
            row.case, verb.name, actor, {name: raw[name] for name in raw if name in asked} | more, request_key=key
        )
    except BihuanError as error:
        return Answer(row.case, row.result, {}, str(error))
    return Answer(case.id, row.result, told)


TIME = "时间"
"""What a column may be called that says when each result was taken, whatever the fact is called."""


def results_of(path: Path) -> list[Row]:
    """Case numbers and results from the first two columns of a workbook or text table, and what its other columns say.

    What a further column holds is said by its header; one without is refused, for nobody would know what was left out.
    """
    grid = read_grid(path)
    cells = [[_text(cell) for cell in row] for row in (grid.tabs[0].rows if grid.tabs else [])]
    rows = [row + [""] * (2 - len(row)) for row in cells if any(row)]
    header = rows.pop(0) if rows and read_id(rows[0][0]) is None else []
    if not rows:
        raise BadInput(Problem("SHEET-001", "表里没有案件号和结果", "第一列案件号，第二列结果", place=Place(path.name)))
    titles = header[2:] + [""] * max(len(row) for row in rows)
    nameless = sorted({number for row in rows for number, cell in enumerate(row[2:]) if cell and not titles[number]})
    if nameless:
        wrong = [
            Problem("SHEET-001", f"第 {number + 3} 列没有表头", "写明是什么，如 时间", place=Place(path.name))
            for number in nameless
        ]
        raise BadInput(wrong)
    return [Row(row[0], row[1], {titles[n]: cell for n, cell in enumerate(row[2:]) if cell}) for row in rows]


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()
