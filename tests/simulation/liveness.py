"""The faults stop, and diligent people go on: does everything close? They know the pack, and no state by its name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from engine.commands import corrections, custody
from engine.core.case import Case, micros
from engine.core.conditions import Fact, Field, holds
from engine.core.custody import asked_of_receiver
from engine.core.guards import ClockGuard, DecisionGuard, FactGuard
from engine.core.judging import typed, who
from engine.core.org import SYSTEM
from engine.core.taskguards import DaysGuard, FirstGuard, LastGuard, TimesGuard
from engine.core.units import home_of, unit_of
from engine.core.workflows import PREVIOUS, SAME, Evidence, Transition, Workflow
from engine.intake.settling import settle
from engine.timing.sweep import sweep
from tests.simulation.safety import after_step, reckoning
from tests.simulation.world import REFUSALS, RESTED, Broken, World

DAYS = 30
DANGER_FROM = 20
TURNS = 4
"""How many steps a case may take on one morning."""


def finish(world: World) -> None:
    """Half a day after half a day until nothing is open, or say what is, and why it does not go on."""
    office = world.offices[0]
    world.staff.append(RESTED)
    refused: dict[str, list[str]] = {}
    for half in range(2 * DAYS):
        office.set_clock(micros(office.now() + timedelta(hours=12)))
        sweep(office)
        after_step(world)
        rows(world)
        for case_id in [case.id for case in world.cases.values() if not case.final]:
            refused[case_id] = []
            for _ in range(TURNS):
                if world.cases[case_id].final or not on(world, case_id, half // 2, refused[case_id]):
                    break
                after_step(world)
        after_step(world)
        if all(case.final for case in world.cases.values()):
            return
    left = [
        f"{case.id} {case.workflow} {case.state} {case.category} {case.owner} {case.offer}：{why}"
        for case in world.cases.values()
        if not case.final
        for why in [sorted(set(refused.get(case.id, [])))]
    ]
    raise Broken(f"{DAYS} 天后还没有办结：" + "\n".join(left))


def rows(world: World) -> None:
    """Rows of lists that wait are settled by hand."""
    with world.offices[0].store.reading() as driver:
        waiting = driver.execute(
            "SELECT file, row FROM intake_row WHERE answers = '' AND settled_at IS NULL"
            " AND outcome IN ('refused', 'ask')"
        ).fetchall()
    wanted = world.book.subjects["matter"].fields["settled_as"].values
    for file, row in waiting:
        for actor in map(world.actor, world.staff):
            if tried(partial(settle, world.offices[0], file, [row], wanted[1], actor), []):
                break


def tried(act: Any, refused: list[str]) -> bool:
    """Whether it could be done; if not, why not."""
    try:
        act()
    except REFUSALS as refusal:
        refused.append(str(refusal))
        return False
    return True


def on(world: World, case_id: str, day: int, refused: list[str]) -> bool:
    """One step of a case, by whoever may; whether there was one that changes where it stands."""
    case, office = world.cases[case_id], world.offices[0]
    if case.proposal is not None:
        anybody = (world.actor(user) for user in world.staff)
        any(tried(lambda actor=actor: corrections.confirm(office, case.id, actor), refused) for actor in anybody)
        after_step(world)
        case = world.cases[case_id]
        if case.final:
            return False
    if locate(world, case, refused) or bring_home(world, case, refused):
        return True
    if case.offer is not None:
        told = filled(world, case, asked_of_receiver(world.book, case))
        return any(
            tried(lambda user=user: custody.accept(office, case.id, world.actor(user), told), refused)
            for user in world.staff
            if world.actor(user).units() & {case.offer.to, case.owner}
        )
    work(world, case, refused)
    if world.cases[case_id].state != case.state:
        return not world.cases[case_id].final
    case = world.cases[case_id]
    return any(go(world, case, transition, refused) for transition in [*nearer(world, case, day), *anew(world, case)])


def locate(world: World, case: Case, refused: list[str]) -> bool:
    """The place of stay of somebody whose place nobody knows is found out and filled in."""
    named = world.book.kind_of(case.workflow).jurisdiction
    if not named or case.facts.get(named) is not None or case.offer is not None:
        return False
    office, told = world.offices[0], {named: world.book.organisation.communities[0]}
    return any(
        tried(lambda user=user: corrections.correct(office, case.id, told, "找到了", world.actor(user)), refused)
        for user in world.staff
    )


def bring_home(world: World, case: Case, refused: list[str]) -> bool:
    """A case that came to a unit it does not belong to is handed to the one that it does."""
    flow, facts = world.book.workflows[case.workflow], typed(world.book, case)
    home = unit_of(flow.states[case.state].owner, case.lead, home_of(world.book, flow, facts), facts)
    if case.offer is not None or home == case.owner or not world.book.organisation.staffed(home):
        return False
    office = world.offices[0]
    return any(
        tried(lambda user=user: custody.offer(office, case.id, home, world.actor(user)), refused)
        for user in world.staff
        if case.owner in world.actor(user).units()
    ) or any(
        tried(lambda user=user: custody.assign(office, case.id, home, world.actor(user), "裁定"), refused)
        for user in world.staff
        if world.book.hand_over.arbiter in world.actor(user).units()
    )


def work(world: World, case: Case, refused: list[str]) -> None:
    """Every task that can be recorded where the case stands, with the result that is hoped for."""
    flow = world.book.workflows[case.workflow]
    now = world.now()
    for task in flow.tasks.values():
        verb = next(
            (verb for verb in flow.transitions.values() if verb.task == task.name and case.state in verb.sources), None
        )
        if verb is None:
            continue
        hoped = wanted(flow, task.name)
        if hoped is None or lately(case, task.name, now):
            continue
        told = {item.field: value(world, case, field_of(world, case, item), verb) for item in verb.evidence}
        told[task.result] = hoped
        by_whoever_may(world, case, verb, told, refused)
        after_step(world)
        if world.cases[case.id].state != case.state:
            return


def lately(case: Case, task: str, now: int) -> bool:
    """Whether there is a result of the last half day."""
    return any(done.task == task and now - micros(done.at) < 11 * 3_600_000_000 for done in case.results)


def wanted(flow: Workflow, task: str) -> str | None:
    """The result that some guard of the workflow waits for; none of them does: nobody needs to ask."""
    for transition in flow.transitions.values():
        for guard in (guard for guards in transition.when for guard in guards):
            if isinstance(guard, LastGuard | TimesGuard | DaysGuard | FirstGuard) and guard.asked.task == task:
                return str(guard.last if isinstance(guard, LastGuard) else guard.result)
    return None


def nearer(world: World, case: Case, day: int) -> list[Transition]:
    """Transitions that lead nearer to a final state; dangerous ones only when nothing else has helped for long."""
    flow = world.book.workflows[case.workflow]
    verbs = [verb for verb in flow.transitions.values() if verb.by != (SYSTEM,) and meant(case, verb)]
    usual = [verb for verb in verbs if not verb.danger]
    for allowed in (usual, verbs) if day >= DANGER_FROM else (usual,):
        far = distances(flow, case, allowed)
        here = far.get(case.state)
        found = [
            (far[to], verb.danger, verb)
            for verb in allowed
            if case.state in verb.sources
            and (to := leads(flow, case, verb)) in far
            and (here is None or far[to] < here or verb.danger)
            and not waits(world, case, verb)
        ]
        if found:
            return [verb for _, _, verb in sorted(found, key=lambda one: one[:2])]
    return []


def anew(world: World, case: Case) -> list[Transition]:
    """Transitions that decide the case again, where nothing leads nearer to its end as it is."""
    verbs = world.book.workflows[case.workflow].transitions.values()
    return [verb for verb in verbs if verb.decides and case.state in verb.sources and meant(case, verb)]


def meant(case: Case, verb: Transition) -> bool:
    """Whether the transition is for cases that were decided like this one."""

    def fits(guard: object) -> bool:
        return not isinstance(guard, DecisionGuard) or guard.holds({}, case.outcome)

    return not verb.when or any(all(map(fits, guards)) for guards in verb.when)


def leads(flow: Workflow, case: Case, verb: Transition, state: str = "") -> str:
    if verb.to == PREVIOUS:
        return case.left.get(flow.states[state or case.state].stage, flow.initial)
    return (state or case.state) if verb.to == SAME else verb.to


def distances(flow: Workflow, case: Case, verbs: list[Transition]) -> dict[str, int]:
    """How many steps each state is from an end."""
    far = {name: 0 for name, state in flow.states.items() if state.final}
    while True:
        found = {
            source: min(far[to] + 1, far.get(source, 99))
            for verb in verbs
            for source in verb.sources
            if verb.to != SAME and (to := leads(flow, case, verb, source)) in far and far[to] + 1 < far.get(source, 99)
        }
        if not found:
            return far
        far |= found


def waits(world: World, case: Case, verb: Transition) -> bool:
    """Whether only time will tell: every way through waits for a clock."""
    found, now = reckoning(world, case), world.offices[0].now()

    def later(guard: object) -> bool:
        if not isinstance(guard, ClockGuard) or guard.day is not None:
            return False
        done = found.count(guard.clock).done_at
        return done is not None and done > now

    return bool(verb.when) and all(any(later(guard) for guard in guards) for guards in verb.when)


def go(world: World, case: Case, verb: Transition, refused: list[str]) -> bool:
    """Fire a transition with what it asks for."""
    return by_whoever_may(world, case, verb, filled(world, case, verb.evidence, verb), refused)


def by_whoever_may(world: World, case: Case, verb: Transition, told: dict[str, Any], refused: list[str]) -> bool:
    for user in world.staff:
        actor = world.actor(user)
        if who(world.book, case, verb.by, actor):
            continue
        if tried(lambda actor=actor: world.offices[0].advance(case.id, verb.name, actor, told), refused):
            return True
    return False


def field_of(world: World, case: Case, item: Evidence) -> Field:
    return world.book.kind_of(case.workflow).fields[item.field]


def filled(world: World, case: Case, asked: tuple[Evidence, ...], verb: Transition | None = None) -> dict[str, Any]:
    """What is required, and what is not known yet though a day count or a guard needs it."""
    flow = world.book.workflows[case.workflow]
    needed = flow.counted | {guard.field.name for guard in guards_of(verb)}
    known = {name for name, value in typed(world.book, case).items() if value is not None}
    return {
        item.field: value(world, case, field_of(world, case, item), verb)
        for item in asked
        if item.required or (item.field in needed and item.field not in known and item.field != "days_served")
    }


def guards_of(verb: Transition | None) -> Iterator[FactGuard]:
    for guards in verb.when if verb is not None else ():
        yield from (guard for guard in guards if isinstance(guard, FactGuard))


def value(world: World, case: Case, field: Field, verb: Transition | None) -> Any:
    """A value that a guard of the transition is content with, else the first that comes to mind."""
    now = world.offices[0].now()
    known: dict[str, tuple[Fact, ...]] = {
        "time": (now,),
        "date": (now.astimezone(world.book.zone).date(),),
        "integer": tuple(range(1, 10)),
        "yes_no": (True,),
        "unit": field.values or world.book.organisation.communities,
    }
    options = known.get(field.type, field.values)
    cell = next((guard.cell for guard in guards_of(verb) if guard.field.name == field.name), None)
    found = next((one for one in options if holds(cell, one)), None)
    if isinstance(found, datetime | date):
        return found.isoformat()
    return found if found is not None else f"{case.id[:4]}"
