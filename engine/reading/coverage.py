"""Coverage of a task: of every case that is asked for it, when it was last done, and which were left out since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from engine.core.case import micros, wall_time
from engine.core.conditions import from_json
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.core.units import home_of, units_of
from engine.core.workflows import Workflow
from engine.reading.names import named
from engine.reading.queries import VISIBLE, reach
from engine.service import Office

_PLANNED = (
    "FROM task AS t WHERE t.case_id = c.id AND t.schedule IN (SELECT value FROM json_each(?))"
    " AND t.due BETWEEN ? AND ? AND t.state NOT IN ('ended', 'skipped')"
)
"""What was planned and has come due: neither withdrawn nor waived."""
_CASES = (
    "SELECT c.id, c.release, c.category, c.owner, c.state, c.opened_at,"  # noqa: S608 - our own words
    " json_extract(c.snapshot, '$.outcome'), json_extract(c.snapshot, '$.facts'),"
    " (SELECT json_group_array(json_extract(r.value, '$[2]')) FROM json_each(c.snapshot, '$.results') AS r"
    " WHERE json_extract(r.value, '$[0]') = ?), json_extract(c.snapshot, '$.lead'),"
    " json_extract(c.snapshot, '$.stages'),"
    f" (SELECT count(*) {_PLANNED} AND t.state = 'done'), (SELECT count(*) {_PLANNED})"
    f" FROM \"case\" AS c WHERE c.final = '' AND c.workflow = ? AND {VISIBLE} ORDER BY c.opened_at, c.id"
)

_UNSEEN = f"SELECT count(*) FROM \"case\" AS c WHERE c.final = '' AND c.workflow = ? AND NOT {VISIBLE}"  # noqa: S608


class Covered(NamedTuple):
    """One case that is asked for the task, when it was last done, and how often of the times it was planned.

    `owner` is the unit whose work it is: that of the case, or another that the step names.
    """

    case: str
    category: str
    owner: str
    state: str
    opened_at: int
    last: int | None
    done: int
    planned: int


def coverage(
    office: Office, actor: Actor, task: str, *, workflow: str = "", since: datetime | None = None
) -> dict[str, Any]:
    """How many of the cases she sees had this task done since then (else ever), by owner, and which had not."""
    book = office.book()
    flow, zone = _flow(book, task, workflow), book.zone
    title, name = next((of.title, of.name) for of in flow.tasks.values() if task in (of.name, of.title))
    bound = micros(since) if since is not None else None
    counts: dict[str, list[int]] = {}
    missing: list[Covered] = []
    for each in _asked(office, actor, flow, name, bound or 0):
        count = counts.setdefault(each.owner, [0, 0, 0, 0])
        count[0] += 1
        count[2] += each.done
        count[3] += each.planned
        if each.last is None or (bound is not None and each.last < bound):
            missing.append(each)
        else:
            count[1] += 1
    missing.sort(key=lambda each: (each.last or 0, each.opened_at, each.case))
    return {
        "task": name,
        "title": title,
        "workflow": flow.name,
        "workflow_title": flow.title,
        "since": wall_time(bound, zone) if bound is not None else "",
        "asked": sum(count[0] for count in counts.values()),
        "covered": sum(count[1] for count in counts.values()),
        "done": sum(count[2] for count in counts.values()),
        "planned": sum(count[3] for count in counts.values()),
        "unseen": _unseen(office, actor, flow),
        "owners": [
            {"owner": owner, "asked": asked, "covered": covered, "done": done, "planned": planned}
            for owner, (asked, covered, done, planned) in sorted(counts.items())
        ],
        "missing": named(
            office,
            (
                each._asdict()
                | {"opened_at": wall_time(each.opened_at, zone)}
                | {"last": wall_time(each.last, zone) if each.last else ""}
                for each in missing
            ),
        ),
    }


def _unseen(office: Office, actor: Actor, flow: Workflow) -> int:
    """How many open cases of the workflow she may not see, and so hears nothing of."""
    with office.store.reading() as driver:
        (number,) = driver.execute(_UNSEEN, (flow.name, *reach(office, actor))).fetchone()
    return int(number)


def _flow(book: Rulebook, task: str, workflow: str) -> Workflow:
    """The workflow that has this task; where several do, the one that is named."""
    able = [
        flow
        for flow in book.workflows.values()
        if any(task in (of.name, of.title) for of in flow.tasks.values()) and workflow in ("", flow.name, flow.title)
    ]
    if len(able) == 1:
        return able[0]
    if able:
        expected = f"用 --workflow 指明：{listing([flow.name for flow in able])}"
        raise BadInput(Problem("TASK-001", f"有 {len(able)} 个流程有任务 {task}", expected))
    known = [of.name for flow in book.workflows.values() for of in flow.tasks.values()]
    named = f"流程 {workflow} " if workflow else ""
    raise BadInput(
        Problem("TASK-001", f"{named}没有任务 {task}", f"可用：{listing(sorted(set(known)), 30)}", nearest(task, known))
    )


def _asked(office: Office, actor: Actor, flow: Workflow, task: str, since: int) -> Iterator[Covered]:
    """The open cases that are asked for the task: where it came due in the period, or they stand where it belongs.

    A place that was never closed is not asked whether it is kept closed; one that waits to be put on file is already
    asked for what the rules gave it.
    """
    names = json.dumps([schedule.name for schedule in flow.schedules.values() if schedule.task == task])
    span = (names, since, micros(office.now()))
    with office.store.reading() as driver:
        rows = driver.execute(_CASES, (task, *span, *span, flow.name, *reach(office, actor)))
        for case_id, release, category, owner, state, opened_at, outcome, facts, results, lead, *rest in rows:
            stages, done, planned = rest
            book = office.book(release)
            of = book.workflows[flow.name]
            fields = book.kind_of(flow.name).fields
            last = max((micros(datetime.fromisoformat(at)) for at in json.loads(results)), default=None)
            known = {key: from_json(fields[key], value) for key, value in json.loads(facts).items() if key in fields}
            schedules = [schedule for schedule in of.schedules.values() if schedule.task == task]
            begun, stage = json.loads(stages), of.states[state].stage
            wanted = not schedules or any(
                schedule.asked(known, json.loads(outcome))
                and (stage in schedule.stages or (schedule.when and begun.keys().isdisjoint(schedule.stages)))
                for schedule in schedules
            )
            if planned or wanted:
                words = next((verb.of for verb in of.transitions.values() if verb.task == task), ())
                units = units_of(words, owner, lead, home_of(book, of, known), known)
                whose = owner if units is None or owner in units else min(units)
                yield Covered(
                    case_id,
                    category,
                    whose,
                    of.states[state].title,
                    opened_at,
                    last,
                    done,
                    planned,
                )
