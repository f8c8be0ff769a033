"""流程: every state can be reached and left, every result, child and hand-over has a way on."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.errors import listing
from engine.core.guards import ChildrenGuard, FactGuard
from engine.core.proof.certificate import Broken, Certificate, Path
from engine.core.proof.duty import units_named
from engine.core.proof.steps import steps
from engine.core.proof.traps import traps
from engine.core.proof.ways import Way, closing, edges, entries, path, reached
from engine.core.rulebook import Rulebook
from engine.core.taskguards import DaysGuard, FirstGuard, LastGuard, TaskGuard, TimesGuard
from engine.core.workflows import TaskType, Transition, Workflow


def flow(book: Rulebook, led: list[Way]) -> Certificate:
    """Every state is reached and leads to closure, nothing goes round by itself, children join, hand-overs return."""
    broken = [*_returns(book), *_misled(book, led)]
    for each in book.workflows.values():
        broken += [*_reach(each), *steps(book, each), *_children(each), *_results(book, each), *_answered(book, each)]
    trapped = {(one.of, one.path) for one in broken if one.code == "FLOW-003"}
    broken += [one for one in _traps(led) if (one.of, one.path) not in trapped]
    flows = book.workflows.values()
    tasks = [(each, task) for each in flows for task in each.tasks.values()]
    proved = {
        "个流程": len(flows),
        "个环节": sum(len(each.states) for each in flows),
        "个动作": sum(len(each.transitions) for each in flows),
        "条出路": sum(len(targets) for way in led for targets in way.edges.values()),
        "种结果": sum(len(book.kind_of(each.name).fields[task.result].values) for each, task in tasks),
        "种子案件": sum(len(each.children) for each in flows),
    }
    promise = "每个环节到得了、办得结，每个结果、子案件、交接都有下文"
    return Certificate("流程", promise, proved, tuple(broken))


def _returns(book: Rulebook) -> Iterator[Broken]:
    """A hand-over that nobody may give back is a sentence."""
    if book.hand_over.most_returns < 1:
        yield Broken("RULE-029", "most_returns: 0，一次也不能退", "至少写 1", "hand_over", ("most_returns",))


def _misled(book: Rulebook, led: list[Way]) -> Iterator[Broken]:
    """Rules that lead a subject into a workflow of another, and subjects that no workflow receives."""
    for kind in book.subjects.values():
        table = book.tables.get(kind.decided_by)
        if table is None:
            continue
        default = book.flow_of(kind.name, {})
        if table.gaps_policy == "default_owner" and default.subject != kind.name:
            what = f"{kind.title}没有规则覆盖时会进流程 {default.name}，它办的是{book.subjects[default.subject].title}"
            yield Broken(
                "RULE-024", what, f"对象 {kind.name} 写 default_workflow，或 gaps: refuse", table.name, ("gaps",)
            )
        for way in led:
            if way.of == table.name and way.path and way.flow.subject != kind.name:
                other = book.subjects[way.flow.subject].title
                what = f"规则 {way.rule} 把{kind.title}带进流程 {way.flow.name}，它办的是{other}"
                yield Broken("FLOW-028", what, "写办这种对象的流程", table.name, (*way.path, "then", "workflow"))


def _reach(flow: Workflow) -> Iterator[Broken]:
    leading = edges(flow)
    before = reached(entries(flow), leading)
    ends = closing(flow, leading)
    for name, state in flow.states.items():
        place: Path = ("states", name)
        if name not in before:
            what = f"环节“{state.title}”（{name}）到不了"
            yield Broken("FLOW-004", what, "加一个通向它的动作，或删去", flow.name, place)
        if name not in ends and not state.final:
            near = sorted(set(leading[name]) - {name}) or [name]
            what = f"环节“{state.title}”（{name}）没有通向办结的路"
            told = f"，案件这样走进来：{path(flow, before, name)}" if name in before else ""
            yield Broken("FLOW-003", what, f"缺少从 {near[0]} 通向办结环节的动作{told}", flow.name, place)


def _traps(led: list[Way]) -> Iterator[Broken]:
    """States that cases of one kind cannot leave: all that leads on is meant for others."""
    told: set[tuple[str, str]] = set()
    for way in led:
        for name, walked in traps(way):
            if (way.flow.name, name) not in told:
                told.add((way.flow.name, name))
                title = way.flow.states[name].title
                what = f"{way.words}的案件走到这里就办不结：{walked}"
                expected = f"从“{title}”往后的动作都只给别的情形：给这种情形加一条 when，或改规则的 workflow"
                yield Broken("FLOW-003", what, expected, way.flow.name, ("states", name))


def _children(flow: Workflow) -> Iterator[Broken]:
    """Ways to close a case while one that it has opened still waits to be heard of."""
    leading = edges(flow)
    before = reached(entries(flow), leading)
    for child in flow.children.values():
        if child.outlives:
            continue
        opening = {*child.states, *_openers(flow, child.name)}
        open_in = reached(opening, leading)
        for index, step in enumerate(flow.transitions.values()):
            ends = flow.states[step.to].final if step.to in flow.states else ""
            sources = [name for name in step.sources if name in open_in and name in before]
            if ends and sources and not all(_waits(guards, child.name) for guards in step.when or ((),)):
                way = f"{path(flow, before, sources[0])} → {flow.states[step.to].title}"
                what = f"{way}：{step.title}（{step.name}）不等{child.title}办结"
                expected = "在 when 里写 children: none_open；不必等的，给这种子案件写 outlives: true"
                yield Broken("FLOW-025", what, expected, flow.name, ("transitions", index, step.name))


def _openers(flow: Workflow, child: str) -> Iterator[str]:
    """The states in which a step, a result, the state itself or a time of it opens a child."""
    for state in flow.states.values():
        if child in state.opens or child in {deadline.opens for deadline in state.deadlines}:
            yield state.name
    for step in flow.transitions.values():
        if child in step.opens or (step.task and child in flow.tasks[step.task].opens.values()):
            yield from step.sources


def _waits(guards: tuple[object, ...], child: str) -> bool:
    return any(isinstance(one, ChildrenGuard) and not one.any_one and one.kind in ("", child) for one in guards)


def _results(book: Rulebook, flow: Workflow) -> Iterator[Broken]:
    """Results that fire nothing, open nothing, are asked for by nothing, and are not said to be only noted."""
    for task in flow.tasks.values():
        of = book.kind_of(flow.name).fields[task.result]
        followed = {*task.on_result, *task.opens, *of.noted}
        followed |= {value for step in flow.transitions.values() for value in _asked(step, task, of.values)}
        for value in of.values:
            if value not in followed:
                what = f"“{task.title}”的结果“{of.titles.get(value, value)}”没有下文：不引出动作，也没有哪一步问到它"
                expected = f"在 on_result 里写 {value}: 动作；只登记的，在要素 {of.name} 里写 noted: [{value}]"
                yield Broken("FLOW-027", what, expected, flow.name, ("tasks", task.name))


def _asked(step: Transition, task: TaskType, values: tuple[str, ...]) -> Iterator[str]:
    """The results of a task that a step asks for."""
    for guard in (guard for guards in step.when for guard in guards):
        if isinstance(guard, FactGuard) and guard.field.name == task.result:
            yield from (value for value in values if guard.holds({task.result: value}, {}))
        elif isinstance(guard, TaskGuard) and guard.asked.task == task.name and not guard.asked.index:
            if isinstance(guard, LastGuard):
                yield guard.last
            elif isinstance(guard, TimesGuard | DaysGuard | FirstGuard):
                yield guard.result


def _answered(book: Rulebook, flow: Workflow) -> Iterator[Broken]:
    """Hand-overs that nobody could accept or give back: the receiver has no people here, nor has the giver."""
    staffed = book.organisation.staffed
    before = reached(entries(flow), edges(flow))
    for index, step in enumerate(flow.transitions.values()):
        if step.hand_over is None:
            continue
        receivers = [to for to in units_named(book, flow, step.hand_over.to) if not staffed(to)]
        for source in step.sources:
            givers = units_named(book, flow, flow.states[source].owner)
            lost = [giver for giver in givers if not staffed(giver)]
            if receivers and lost:
                way = path(flow, before, source)
                what = f"{way}：{listing(lost, 2)} 交给 {listing(receivers, 2)}，两边都没有人员，没有人能签收或退回"
                expected = "给其中一方写上人员，或改 hand_over.to"
                yield Broken("FLOW-026", what, expected, flow.name, ("transitions", index, step.name, "hand_over"))
