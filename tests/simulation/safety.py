"""What must hold after every step, asked of the database and of the events alone."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from engine.core.case import AT, WORK, Case, Event, micros, moment, occurrence
from engine.core.evolving import evolve
from engine.core.guards import ActorGuard
from engine.core.judging import typed, who
from engine.core.reckoning import HAND_OVER, MICRO, Reckoning
from engine.core.record import from_json
from engine.core.why import misreckoned
from engine.core.workflows import Workflow
from engine.proof import audit
from engine.store.store import SYSTEM
from engine.timing import loop
from tests.simulation.world import Broken, World


def require(holds: object, what: str) -> None:
    """Stop where an invariant does not hold."""
    if not holds:
        raise Broken(what)


def after_step(world: World) -> None:
    """Every new event is one that may be, and every case it touched stands as it must."""
    touched = read(world)
    with world.offices[0].store.reading() as driver:
        for case_id in touched:
            stands(world, driver, world.cases[case_id])
    for text in world.errors:
        told_nothing(world, text)
    world.errors.clear()


def read(world: World) -> dict[str, None]:
    """Take the new events in; the cases they touched."""
    with world.offices[0].store.reading() as driver:
        rows = driver.execute(
            "SELECT n, case_id, seq, type, actor, account, occurred_at, data FROM event WHERE n > ? ORDER BY n",
            (world.last,),
        ).fetchall()
        texts = driver.execute("SELECT id, text FROM outbox WHERE id > ?", (world.messages,)).fetchall() if rows else []
    for number, text in texts:
        told_nothing(world, text)
        world.messages = number
    touched: dict[str, None] = {}
    first: dict[str, int] = {}
    for n, case_id, seq, kind, actor, account, occurred_at, data in rows:
        require(n == world.last + 1, f"事件 {n} 之前有缺口")
        world.last = n
        told_nothing(world, data)
        if case_id == SYSTEM:
            continue
        happened = Event(kind, actor, moment(occurred_at), json.loads(data), account)
        before = world.cases.get(case_id)
        require(seq == (before.seq + 1 if before else 1), f"案件 {case_id} 事件序号不连续")
        after = evolve(before, happened, case_id)
        world.cases[case_id] = after
        log = world.logs.setdefault(case_id, [])
        first.setdefault(case_id, len(log))
        log.append(happened)
        touched[case_id] = None
        if before is not None:
            lawful(world, before, happened, after)
    for case_id, start in first.items():
        moved_by_result(world.book.workflows[world.cases[case_id].workflow], world.logs[case_id][start:])
    return touched


def lawful(world: World, before: Case, happened: Event, after: Case) -> None:
    """Whether this may happen to the case as it was."""
    flow, data = world.book.workflows[before.workflow], happened.data
    where = f"案件 {before.id} 第 {after.seq} 条 {happened.type}"
    require(not before.final or happened.type not in WORK, f"{where}：已办结的案件还在办理")
    if happened.type == "returned" or data.get("declined"):
        keep_time(world, before, after, where)
    if happened.type == "accepted" or data.get("accepted"):
        accepted_by_receiver(world, before, happened, where)
    if happened.type == "corrected" and "confirms" in data:
        proposer = world.logs[before.id][data["confirms"] - 1].actor
        require(proposer != happened.actor, f"{where}：{proposer} 自己确认了自己的更正")
    told = data.get("task", {}) if happened.type == "advanced" else data
    if "due" in told and happened.type in ("advanced", "claimed", "skipped"):
        mark = before.marks.get(occurrence(told["schedule"], told["due"]))
        require(mark is None or mark.state == "claimed", f"{where}：同一次任务办了两回")
        if happened.type == "claimed" and mark is not None and not data.get("given_up"):
            require(gone(world, before, told["schedule"], mark.by), f"{where}：任务已有人认领")
    if happened.type == "alerted":
        alert = (before.id, data["armed"], data["deadline"], data["rung"])
        require(alert not in world.alerted, f"{where}：预警发了两次 {alert}")
        world.alerted.add(alert)
        armed = before.deadlines.get(data["deadline"])
        require(AT in data["deadline"] or (armed and armed.event == data["armed"]), f"{where}：预警不属于现在的时限")
    if happened.type == "advanced" and data.get("final"):
        by_another(flow, world.logs[before.id][:-1], happened, where)


def keep_time(world: World, before: Case, after: Case, where: str) -> None:
    """No return moves a deadline of the person, or its clock."""

    def running(case: Case) -> dict[str, Any]:
        return {name: armed for name, armed in case.deadlines.items() if name != HAND_OVER}

    require(running(before) == running(after), f"{where}：退回改了时限")
    require(before.plans == after.plans and before.cut_short == after.cut_short, f"{where}：退回改了计划")
    flow = world.book.workflows[before.workflow]
    for clock in flow.clocks:
        require(count(world, before, clock) == count(world, after, clock), f"{where}：退回改了计时")


def reckoning(world: World, case: Case) -> Reckoning:
    """What follows from the facts of a case by its rules."""
    flow = world.book.workflows[case.workflow]
    return Reckoning(world.book, flow, case.outcome, case.opened_at, typed(world.book, case), case.cut_short)


def count(world: World, case: Case, clock: str) -> object:
    return reckoning(world, case).count(clock)


def accepted_by_receiver(world: World, before: Case, happened: Event, where: str) -> None:
    """Whoever accepts works for the receiver; for one without staff here, the giver does."""
    offer, units = before.offer, world.actor(happened.actor).units()
    if offer is None:  # settled by the arbiter
        require(world.book.hand_over.arbiter in units, f"{where}：没有交接却被签收")
        return
    giver = before.owner in units and not world.book.organisation.staffed(offer.to)
    arbiter = happened.type == "accepted" and world.book.hand_over.arbiter in units
    require(offer.to in units or giver or arbiter, f"{where}：{happened.actor} 替 {offer.to} 签收")


def by_another(flow: Workflow, log: list[Event], happened: Event, where: str) -> None:
    """Whoever closes a case where another person is asked for has not worked on it since it entered that stage."""
    transition = flow.transitions[happened.data["transition"]]
    asked = [{guard.not_since for guard in guards if isinstance(guard, ActorGuard)} for guards in transition.when]
    for stage in set.intersection(*asked) if asked else set():
        entries = [
            place
            for place, event in enumerate(log)
            if event.data.get("stage") == stage
            and (place == 0 or (event.data.get("entered") and event.data["stage_before"] != stage))
            and "back" not in event.data
        ]
        since = log[entries[-1] :] if entries else []
        worked = [event for place, event in enumerate(since) if event.type in WORK or place == 0]
        require(
            all(event.actor != happened.actor for event in worked), f"{where}：{happened.actor} 经办又审批（{stage}）"
        )


def moved_by_result(flow: Workflow, events: list[Event]) -> None:
    """A result that leads somewhere leads there at once."""
    for happened, then in pairwise([*events, None]):
        if happened is None or happened.type != "advanced" or "task" not in happened.data:
            continue
        task = happened.data["task"]
        wanted = flow.tasks[task["name"]].on_result.get(str(task["result"]))
        if wanted and happened.data["to"] in flow.transitions[wanted].sources:
            led = then is not None and then.data.get("transition") == wanted
            require(led, f"结果 {task['result']} 没有引出 {wanted}")


def stands(world: World, driver: Any, case: Case) -> None:
    """A case and its rows, after something happened to it."""
    book, where = world.book, f"案件 {case.id}（{case.workflow} {case.state}）"
    row = driver.execute(
        'SELECT seq, state, owner, final, snapshot, opened_at FROM "case" WHERE id = ?', (case.id,)
    ).fetchone()
    require(row is not None and row[0] == case.seq, f"{where}：案件记录落后于事件")
    require(from_json(row[4], case.id, case.seq) == case, f"{where}：案件记录与事件推出的不符")
    require((row[1], row[2], row[3]) == (case.state, case.owner, case.final), f"{where}：列与快照不符")
    flow = book.workflows[case.workflow]
    state = flow.states[case.state]
    require(case.final in (state.final, "reclassified"), f"{where}：结局与环节不符")
    require((case.owner in book.organisation.units) is not bool(case.final), f"{where}：责任单位 {case.owner}")
    rows = driver.execute("SELECT name, due, armed_by FROM deadline WHERE case_id = ?", (case.id,)).fetchall()
    own = {name: (due, armed_by) for name, due, armed_by in rows if AT not in name}
    require(bool(own) is not bool(case.final), f"{where}：时限 {sorted(own)}")
    told = {name: (micros(armed.due), armed.event) for name, armed in case.deadlines.items()}
    require(own == told, f"{where}：时限与事件不符")
    require(not misreckoned(case), f"{where}：时限与它自己的算法不符")
    line = driver.execute(
        "SELECT unit, since, until FROM custody WHERE case_id = ? ORDER BY event", (case.id,)
    ).fetchall()
    require(line and line[0][1] == row[5], f"{where}：责任不从立案起")
    for one, other in pairwise(line):
        require(one[2] == other[1] >= one[1] and one[0] != other[0], f"{where}：责任有空缺或重叠 {line}")
    require((line[-1][2] is not None) is bool(case.final), f"{where}：责任没有止于办结")
    require(case.final or line[-1][0] == case.owner, f"{where}：责任与责任单位不符")
    if not case.final:
        in_time(world, case, where)
    tasks_stand(driver, case, {name for name, _, _ in rows if AT in name}, where)
    tied(world, case, where)


def in_time(world: World, case: Case, where: str) -> None:
    """Deadlines and listed schedules are those that follow from what is known now."""
    found = reckoning(world, case)
    for deadline in found.flow.states[case.state].deadlines:
        word, _, name = deadline.since.partition(" ")
        base = {
            "opened": case.opened_at,
            "state": case.entered.at,
            "stage": case.stages[name].at if name in case.stages else None,
            "clock": found.count(name).done_at if word == "clock" else None,
        }.get(word)
        length = world.book.within(deadline.within, found.facts, case.opened_at)
        if base is None or length is None:
            continue
        delay = case.postponed.get(deadline.name)
        extended = delay.extended if delay is not None and delay.base == micros(base) else 0
        due = micros(base) + length // MICRO + extended
        require(micros(case.deadlines[deadline.name].due) == due, f"{where}：时限 {deadline.name} 不是 {moment(due)}")
    for name, plan in case.plans.items():
        schedule = found.flow.schedules[name]
        if schedule.days and plan.due:
            zero, days = found.count(schedule.clock).day_zero, found.days(schedule.days)
            require(zero and days, f"{where}：计划 {name} 没有起算日")
            if zero and days:
                asked = {zero.toordinal() + day for day in days}
                there = {moment(due).astimezone(world.book.zone).toordinal() for due in plan.due}
                require(there <= asked, f"{where}：计划 {name} 还按原来的日子")


def tasks_stand(driver: Any, case: Case, timed: set[str], where: str) -> None:
    """Every occurrence is in one state, and an open one has its deadline."""
    for schedule, due, state in driver.execute(
        "SELECT schedule, due, state FROM task WHERE case_id = ?", (case.id,)
    ).fetchall():
        name = occurrence(schedule, due)
        waits = state in ("open", "claimed")
        require(state in ("open", "claimed", "done", "skipped", "missed", "ended"), f"{where}：任务 {name} {state}")
        require(waits is (name in timed), f"{where}：任务 {name} {state} 的时限")
        mark = case.marks.get(name)
        told = mark.state if mark is not None else ""
        require(not told or told == state, f"{where}：任务 {name} 记为 {state}，事件说 {told}")
        require(not case.final or not waits, f"{where}：办结后还有任务 {name}")


def tied(world: World, case: Case, where: str) -> None:
    """Parents and children know of each other, and of the end."""
    for name, standing in case.children.items():
        require(name in world.cases and case.id in world.cases[name].parents, f"{where}：{name} 不认上级案件")
        require(world.cases[name].final == standing.final, f"{where}：不知道 {name} 已 {world.cases[name].final}")
    for parent in case.parents:
        if parent in world.cases and case.follows == "":
            known = world.cases[parent].children.get(case.id)
            require(known is not None and known.final == case.final, f"{where}：上级案件 {parent} 不知道")


def whole(world: World, *, closing: bool = False) -> None:
    """The four closures, and at the end everything derived again."""
    office = world.offices[0]
    breaches = loop.check(office).breaches
    require(not breaches, f"未闭环：{breaches}")
    with office.store.reading() as driver:
        for site, taken in driver.execute("SELECT site, count(*) FROM place GROUP BY site"):
            require(taken <= (world.book.organisation.units[site].places or 0), f"{site} 住了 {taken} 人")
        (alerts,) = driver.execute("SELECT count(*) FROM alert WHERE name NOT IN ('unmatched')").fetchone()
        require(alerts >= len(world.alerted), "有预警没有记下")
        (incidents,) = driver.execute("SELECT count(*) FROM incident").fetchone()
        require(not incidents, "有办不成而搁置的事")
    if closing:
        problems = audit.verify(office).problems
        require(not problems, f"审计：{problems}")


def told_nothing(world: World, text: str) -> None:
    """No personal text outside the vault."""
    if "金" in text or "139" in text:
        for canary in world.canaries:
            # A moment in microseconds may hold the digits of a telephone number.
            require(not re.search(rf"(?<!\d){re.escape(canary)}(?!\d)", text), f"个人信息外泄：{text}")


def gone(world: World, case: Case, schedule: str, user: str) -> bool:
    """Whether whoever claimed a task may act on the case no more, so that her claim binds nobody."""
    flow = world.book.workflows[case.workflow]
    verbs = (verb for verb in flow.transitions.values() if verb.task == flow.schedules[schedule].task)
    return all(who(world.book, case, verb.by, world.actor(user)) for verb in verbs)
