"""What steps need and set off: releases wait for their clocks, and what fires by itself can, and comes to an end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.core.guards import ClockGuard, Guard
from engine.core.proof.certificate import Broken
from engine.core.rulebook import Rulebook
from engine.core.workflows import PREVIOUS, SAME, Transition, Workflow


def steps(book: Rulebook, flow: Workflow) -> Iterator[Broken]:
    """Whatever a step of a workflow, a result or a new decision sets off that cannot be."""
    yield from _releases(flow)
    yield from _schedules(flow)
    yield from _results(flow)
    yield from _opened(book, flow)
    yield from _moves(book, flow)
    yield from _decisions(flow)
    yield from _loops(flow)


def _releases(flow: Workflow) -> Iterator[Broken]:
    """Nobody is released from a state that a clock runs in before that clock is done."""
    for index, transition in enumerate(flow.transitions.values()):
        if transition.to in (SAME, PREVIOUS) or flow.states[transition.to].final != "released":
            continue
        running = {
            deadline.since.removeprefix("clock ")
            for source in transition.sources
            for deadline in flow.states[source].deadlines
            if deadline.since.startswith("clock ")
        }
        each: list[set[str]] = [_awaited(flow, guards) for guards in transition.when]
        missing = sorted(running - _in_all(each))
        if missing:
            lacking = [str(number) for number, awaited in enumerate(each, 1) if missing[0] not in awaited]
            where = f" 的第 {'、'.join(lacking)} 项" if len(each) > 1 else " "
            yield Broken(
                "FLOW-014",
                f"动作 {transition.name}（{transition.title}）不等 {'、'.join(missing)} 期满就解除",
                f"在 when{where}里写 clock.{missing[0]}: done",
                flow.name,
                ("transitions", index, transition.name),
            )


def _schedules(flow: Workflow) -> Iterator[Broken]:
    """Whatever is planned in a stage can be done in every open state of it."""
    for schedule in flow.schedules.values():
        there = [state for state in flow.states.values() if state.stage in schedule.stages and not state.final]
        able = {source for item in flow.transitions.values() if item.task == schedule.task for source in item.sources}
        lacking = [state.title for state in there if state.name not in able]
        if lacking or not there:
            where = f"在“{'、'.join(lacking)}”不能办" if lacking else "在这些阶段没有未办结的环节"
            yield Broken(
                "FLOW-021",
                f"计划“{schedule.title}”的任务 {schedule.task} {where}",
                f"加一个 task: {schedule.task} 的动作从那里出发，或改 while",
                flow.name,
                ("schedules", schedule.name),
            )


def _results(flow: Workflow) -> Iterator[Broken]:
    """What a result fires asks for nothing that whoever records the result does not fill in, and waits for nobody."""
    for task in flow.tasks.values():
        recording = [item for item in flow.transitions.values() if item.task == task.name]
        given = [{asked.field for asked in item.evidence if asked.required} for item in recording]
        always = set.intersection(*given) if given else set()
        for result, name in task.on_result.items():
            fired = flow.transitions[name]
            lacking = sorted({asked.field for asked in fired.evidence if asked.required} - always)
            if lacking or fired.hand_over is not None:
                why = f"还要填 {'、'.join(lacking)}" if lacking else "要等对方签收"
                yield Broken(
                    "FLOW-022",
                    f"结果 {result} 引出的动作 {name} {why}，登记结果的人会被拒绝",
                    "结果引出的动作不另收必填佐证，也不交接",
                    flow.name,
                    ("tasks", task.name, "on_result", result),
                )


def _opened(book: Rulebook, flow: Workflow) -> Iterator[Broken]:
    """What a result or a step opens needs nothing besides, is always another subject, and waits for nobody."""
    places = list(flow.transitions)
    asked: list[tuple[str, str, tuple[str | int, ...], list[str]]] = [
        (f"结果 {result}", name, ("tasks", task.name, "on_result", result), [task.name])
        for task in flow.tasks.values()
        for result, name in task.opens.items()
    ]
    asked += [
        (f"动作 {item.name}", name, ("transitions", places.index(item.name), item.name, "opens", name), [])
        for item in flow.transitions.values()
        for name in item.opens
    ]
    asked += [
        (f"环节“{state.title}”", name, ("states", state.name), [])
        for state in flow.states.values()
        for name in dict.fromkeys([*state.opens, *(each.opens for each in state.deadlines if each.opens)])
    ]
    for what, name, path, tasks in asked:
        child = flow.children[name]
        kind = book.subjects[child.subject]
        given = {*child.sets, *child.carries}
        lacking = [of.title for of in kind.fields.values() if of.required and of.name not in given]
        why = [f"还缺 {'、'.join(lacking)}"] if lacking else []
        why += [] if kind.decided_by else [f"{kind.title}没有规则表来判定"]
        why += [f"{kind.title}有 identity，可能已在办"] if kind.identity else []
        handing = [item for item in flow.transitions.values() if item.task in tasks and item.hand_over]
        why += ["登记它的动作要等对方签收"] if handing else []
        if why:
            yield Broken(
                "FLOW-022",
                f"{what} 开不出{child.title}：{'，'.join(why)}",
                "sets 与 carries 给齐必填要素；对象由规则表判定、没有 identity；登记的动作不交接",
                flow.name,
                path,
            )


def _moves(book: Rulebook, flow: Workflow) -> Iterator[Broken]:
    """What a step takes with it in other cases is a step they have, is given all it asks for, and hands nothing over.

    Of the cases that this one hangs on those without such a step are left alone; somebody must have it.
    """
    above = {
        other.name
        for other in book.workflows.values()
        for child in other.children.values()
        if child.subject == flow.subject
    }
    for index, step in enumerate(flow.transitions.values()):
        for move in step.moves:
            others = [
                of for of in book.workflows.values() if of.subject == move.of or (not move.of and of.name in above)
            ]
            fired = [of.transitions[move.fires] for of in others if move.fires in of.transitions]
            given = {*move.gives, move.amount}
            lacking = sorted({each.field for one in fired for each in one.evidence if each.required} - given)
            why = [] if fired else ["那里的流程没有这个动作"]
            why += [f"没有给它 {'、'.join(lacking)}"] if lacking else []
            why += ["它要等对方签收"] if any(one.hand_over for one in fired) else []
            if why:
                yield Broken(
                    "FLOW-022",
                    f"动作 {step.name} 带不动别的案件的 {move.fires}：{'，'.join(why)}",
                    "of 写有这个动作的对象（或 parents），with 给齐它的必填佐证",
                    flow.name,
                    ("transitions", index, step.name, "moves", move.fires),
                )


def _decisions(flow: Workflow) -> Iterator[Broken]:
    """What a new decision fires starts where it says, asks for nothing, and waits for nobody."""
    for state in flow.states.values():
        if not state.on_decision:
            continue
        fired = flow.transitions[state.on_decision]
        why = [f"不从“{state.title}”出发"] if state.name not in fired.sources else []
        why += [f"还要填 {asked.field}" for asked in fired.evidence if asked.required]
        why += ["要等对方签收"] if fired.hand_over is not None else []
        if why:
            yield Broken(
                "FLOW-022",
                f"重新判定引出的动作 {fired.name} {'，'.join(why)}",
                "它引出的动作从本环节出发，不收必填佐证，也不交接",
                flow.name,
                ("states", state.name, "on_decision"),
            )


def _in_all(each: list[set[str]]) -> set[str]:
    return set.intersection(*each) if each else set()


def _awaited(flow: Workflow, guards: Iterable[Guard]) -> set[str]:
    """The clocks that are done whenever these hold; one that follows another is never done before it."""
    return {
        name
        for guard in guards
        if isinstance(guard, ClockGuard) and guard.day is None
        for name in flow.line(guard.clock)
    }


def _loops(flow: Workflow) -> Iterator[Broken]:
    """Steps that set each other off in a circle: with no person in between, it would never end."""
    index = list(flow.transitions)
    told: set[frozenset[str]] = set()
    for first in flow.transitions.values():
        line = [first]
        while (following := next((step for step in _set_off(flow, line[-1])), None)) is not None:
            if following in line:
                circle = [*line[line.index(following) :], following]
                if (names := frozenset(step.name for step in circle)) not in told:
                    told.add(names)
                    yield Broken(
                        "FLOW-024",
                        f"动作自己引出自己，没有人办也停不下来：{' → '.join(step.title for step in circle)}",
                        "让其中一步由人来办：去掉它的 task、on_result 或 on_decision",
                        flow.name,
                        ("transitions", index.index(following.name), following.name),
                    )
                break
            line.append(following)


def _set_off(flow: Workflow, step: Transition) -> Iterator[Transition]:
    """The steps that one sets off at once: by the result it registers, or by the decision it asks for."""
    there = step.sources if step.to == SAME else (step.to,)
    names = [*flow.tasks[step.task].on_result.values()] if step.task else []
    names += [flow.states[name].on_decision for name in there if name in flow.states and step.decides]
    for name in dict.fromkeys(names):
        if name and set(there) & set(flow.transitions[name].sources):
            yield flow.transitions[name]
