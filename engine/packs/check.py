"""What a rule book lacks although every name resolves: gaps, overlaps, traps, ungated releases, silent ladders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from engine.core.conditions import Fact, Field, label
from engine.core.errors import Place, Problem, listing, nearest
from engine.core.findings import findings
from engine.core.guards import ClockGuard, Guard
from engine.core.ladders import climbs, silent
from engine.core.rulebook import Rulebook
from engine.core.stories import run
from engine.core.tables import Row, Table
from engine.core.workflows import PREVIOUS, SAME, Transition, Workflow

At = Callable[[str, tuple[str | int, ...]], Place]
"""The place of a path in the file of a named table or workflow, of `hand_over`, `unit X` or `story X`."""


def check_book(book: Rulebook, at: At) -> list[Problem]:
    """Every mistake of a rule book that can be built."""
    problems = _settling(book, at)
    for table in book.tables.values():
        problems += _overlaps(table, at)
        problems += _gaps(table, at)
    problems += _homeless(book, at)
    for flow in book.workflows.values():
        problems += _reach(flow, at)
        problems += _releases(flow, at)
        problems += _schedules(flow, at)
        problems += _results(flow, at)
        problems += _opened(book, flow, at)
        problems += _decisions(flow, at)
    nobody = silent(book, climbs(book)).items()
    problems += [replace(problem, place=at(f"unit {owner}", ())) for (_, owner), problem in nobody]
    problems += _examples(book, at)
    problems += _decided(book, at)
    return problems


def _settling(book: Rulebook, at: At) -> list[Problem]:
    """Whose a case is can be settled: somebody of the arbiter sees every case, and it may be given back first."""
    rules = book.hand_over
    problems = []
    if not book.organisation.sees_all(rules.arbiter):
        what = f"{rules.arbiter} 的人员只看得到本单位的案件，无人裁定"
        where = at("hand_over", ("arbiter",))
        problems.append(Problem("RULE-021", what, "给其中一人 scope: all 的角色，或换一个单位", place=where))
    if rules.most_returns < 1:
        where = at("hand_over", ("most_returns",))
        problems.append(Problem("RULE-029", "most_returns: 0，一次也不能退", "至少写 1", place=where))
    return problems


def _decided(book: Rulebook, at: At) -> list[Problem]:
    """What a pack has decided must still be open to decide."""
    found = [finding.key for finding in findings(replace(book, wording=replace(book.wording, findings={})))]
    return [
        Problem(
            "WORD-002",
            f"没有待定的 {key}",
            f"现有：{listing(found)}；自己列的写明 what 与 clause",
            nearest(key, found),
            at(f"finding {key}", ()),
        )
        for key, written in book.wording.findings.items()
        if key not in found and not (written.what and written.clauses)
    ]


def told(example: Mapping[str, Fact], inputs: Iterable[Field]) -> str:
    """An example of a table's inputs, in words."""
    fields = {of.name: of for of in inputs}
    return "，".join(
        f"{fields[key].title}={label(fields[key], value)}" if key in fields else f"日期={value}"
        for key, value in example.items()
    )


def _row_place(table: Table, row: Row, at: At) -> Place:
    return at(table.name, ("rules", table.rows.index(row)))


def _overlaps(table: Table, at: At) -> list[Problem]:
    problems = []
    for one, other, example, day in table.overlaps():
        when = f"（{day}）" if day else ""
        problems.append(
            Problem(
                "RULE-025",
                f"规则 {one.id}（{_row_place(table, one, at)}）与 {other.id} 会同时命中",
                f"例如 {told(example, table.inputs)}{when}；请改条件或写明 priority",
                place=_row_place(table, other, at),
            )
        )
    return problems


def _gaps(table: Table, at: At) -> list[Problem]:
    if table.hit_policy == "collect" or table.gaps_policy == "default_owner":
        return []
    examples, proved = table.gaps()
    problems = [
        Problem(
            "RULE-024",
            f"规则表 {table.title} 没有规则覆盖",
            f"例如 {told(example, table.inputs)}",
            place=at(table.name, ()),
        )
        for example in examples
    ]
    if not proved:
        problems.append(
            Problem(
                "RULE-024",
                f"规则表 {table.title} 太大，未能证明没有缺口",
                "减少输入或合并规则",
                place=at(table.name, ()),
            )
        )
    return problems


def _homeless(book: Rulebook, at: At) -> list[Problem]:
    """Kinds of subject that no workflow receives where no rule covers them."""
    problems = []
    for kind in book.subjects.values():
        table = book.tables.get(kind.decided_by)
        flow = book.flow_of(kind.name, {})
        if table is not None and table.gaps_policy == "default_owner" and flow.subject != kind.name:
            what = f"{kind.title}没有规则覆盖时会进流程 {flow.name}，它办的是{book.subjects[flow.subject].title}"
            expected = f"对象 {kind.name} 写 default_workflow，或 gaps: refuse"
            problems.append(Problem("RULE-024", what, expected, place=at(table.name, ("gaps",))))
    return problems


def _reach(flow: Workflow, at: At) -> list[Problem]:
    forward: dict[str, set[str]] = {name: set() for name in flow.states}
    backward: dict[str, set[str]] = {name: set() for name in flow.states}
    for transition in flow.transitions.values():
        for source in transition.sources:
            for target in _targets(flow, transition, source):
                forward[source].add(target)
                backward[target].add(source)
    reached = _closure([flow.initial], forward)
    closing = _closure([name for name, state in flow.states.items() if state.final], backward)
    problems = []
    for name, state in flow.states.items():
        if name not in reached:
            problems.append(
                Problem(
                    "FLOW-004",
                    f"环节“{state.title}”（{name}）到不了",
                    "加一个通向它的动作，或删去",
                    place=at(flow.name, ("states", name)),
                )
            )
        if name not in closing and not state.final:
            near = sorted(forward[name] - {name}) or [name]
            problems.append(
                Problem(
                    "FLOW-003",
                    f"环节“{state.title}”（{name}）没有通向办结的路",
                    f"缺少从 {near[0]} 通向办结环节的动作",
                    place=at(flow.name, ("states", name)),
                )
            )
    return problems


def _targets(flow: Workflow, transition: Transition, source: str) -> set[str]:
    """Where a transition can lead from a state; `previous`: wherever its stage can be entered from."""
    if transition.to == SAME:
        return set()
    if transition.to != PREVIOUS:
        return {transition.to}
    stage = flow.states[source].stage
    return {
        before
        for other in flow.transitions.values()
        for before in other.sources
        if flow.states[before].stage != stage
        and other.to not in (SAME, PREVIOUS)
        and flow.states[other.to].stage == stage
    }


def _closure(start: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    seen = set(start)
    waiting = list(seen)
    while waiting:
        for name in edges[waiting.pop()] - seen:
            seen.add(name)
            waiting.append(name)
    return seen


def _releases(flow: Workflow, at: At) -> list[Problem]:
    """Nobody is released from a state that a clock runs in before that clock is done."""
    problems = []
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
            problems.append(
                Problem(
                    "FLOW-014",
                    f"动作 {transition.name}（{transition.title}）不等 {'、'.join(missing)} 期满就解除",
                    f"在 when{where}里写 clock.{missing[0]}: done",
                    place=at(flow.name, ("transitions", index, transition.name)),
                )
            )
    return problems


def _schedules(flow: Workflow, at: At) -> list[Problem]:
    """Whatever is planned in a stage can be done in every open state of it."""
    problems = []
    for schedule in flow.schedules.values():
        there = [state for state in flow.states.values() if state.stage in schedule.stages and not state.final]
        able = {source for item in flow.transitions.values() if item.task == schedule.task for source in item.sources}
        lacking = [state.title for state in there if state.name not in able]
        if lacking or not there:
            where = f"在“{'、'.join(lacking)}”不能办" if lacking else "在这些阶段没有未办结的环节"
            problems.append(
                Problem(
                    "FLOW-021",
                    f"计划“{schedule.title}”的任务 {schedule.task} {where}",
                    f"加一个 task: {schedule.task} 的动作从那里出发，或改 while",
                    place=at(flow.name, ("schedules", schedule.name)),
                )
            )
    return problems


def _results(flow: Workflow, at: At) -> list[Problem]:
    """What a result fires asks for nothing that whoever records the result does not fill in, and waits for nobody."""
    problems = []
    for task in flow.tasks.values():
        recording = [item for item in flow.transitions.values() if item.task == task.name]
        given = [{asked.field for asked in item.evidence if asked.required} for item in recording]
        always = set.intersection(*given) if given else set()
        for result, name in task.on_result.items():
            fired = flow.transitions[name]
            lacking = sorted({asked.field for asked in fired.evidence if asked.required} - always)
            if lacking or fired.hand_over is not None:
                why = f"还要填 {'、'.join(lacking)}" if lacking else "要等对方签收"
                problems.append(
                    Problem(
                        "FLOW-022",
                        f"结果 {result} 引出的动作 {name} {why}，登记结果的人会被拒绝",
                        "结果引出的动作不另收必填佐证，也不交接",
                        place=at(flow.name, ("tasks", task.name, "on_result", result)),
                    )
                )
    return problems


def _opened(book: Rulebook, flow: Workflow, at: At) -> list[Problem]:
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
    problems = []
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
            problems.append(
                Problem(
                    "FLOW-022",
                    f"{what} 开不出{child.title}：{'，'.join(why)}",
                    "sets 与 carries 给齐必填要素；对象由规则表判定、没有 identity；登记的动作不交接",
                    place=at(flow.name, path),
                )
            )
    return problems


def _decisions(flow: Workflow, at: At) -> list[Problem]:
    """What a new decision fires starts where it says, asks for nothing, and waits for nobody."""
    problems = []
    for state in flow.states.values():
        if not state.on_decision:
            continue
        fired = flow.transitions[state.on_decision]
        why = [f"不从“{state.title}”出发"] if state.name not in fired.sources else []
        why += [f"还要填 {asked.field}" for asked in fired.evidence if asked.required]
        why += ["要等对方签收"] if fired.hand_over is not None else []
        if why:
            problems.append(
                Problem(
                    "FLOW-022",
                    f"重新判定引出的动作 {fired.name} {'，'.join(why)}",
                    "它引出的动作从本环节出发，不收必填佐证，也不交接",
                    place=at(flow.name, ("states", state.name, "on_decision")),
                )
            )
    return problems


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


def _examples(book: Rulebook, at: At) -> list[Problem]:
    problems = []
    for example in book.examples:
        decision = book.tables[example.table].decide(example.facts, example.as_of)
        given = dict(decision.outcome)
        wrong = {key: given.get(key) for key, value in example.expect.items() if given.get(key) != value}
        if wrong:
            shown = "，".join(f"{key} 应为 {example.expect[key]}，得到 {value}" for key, value in wrong.items())
            rule = "、".join(decision.rules) or "没有规则"
            problems.append(
                Problem(
                    "RULE-026", f"例子“{example.name}”不成立：{shown}", f"命中的是 {rule}", place=at(example.name, ())
                )
            )
    return problems


def check_stories(book: Rulebook, at: At) -> list[Problem]:
    """Stories that do not come out as told; asked only of a book without other mistakes, for each may spoil many."""
    problems = []
    for story in book.stories:
        failure = run(book, story)
        if failure is not None:
            path = ("steps", failure.step - 1) if failure.step else ("open",)
            step = f"第 {failure.step} 步" if failure.step else "立案"
            what = f"故事“{story.name}”{step}不成立：{failure.what}"
            problems.append(Problem("RULE-026", what, "改规则，或改故事", place=at(f"story {story.name}", path)))
    return problems
