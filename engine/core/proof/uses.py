"""What names each dated value and each bound term: those that nothing names, and days on which there is no value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from engine.core.proof.certificate import Broken
from engine.core.rulebook import Rulebook
from engine.core.taskguards import DaysGuard, LastGuard
from engine.core.values import Parameter
from engine.core.workflows import Transition, Workflow


class Use(NamedTuple):
    """Who names a value, and between which days she may need it."""

    by: str
    since: date | None = None
    until: date | None = None


def uses(book: Rulebook) -> dict[str, list[Use]]:
    """Parameter or term → who names it; a term hands what it is used for on to its parameter."""
    made: dict[str, list[Use]] = {name: [] for name in (*book.parameters, *book.terms)}
    named = [("交接 hand_over", book.hand_over.within)]
    named += [(f"来源 {source.name}", source.silent_after) for source in book.sources.values()]
    for flow in book.workflows.values():
        named += _in_flow(flow)
    for by, name in named:
        if name in made:
            made[name].append(Use(by))
    for table in book.tables.values():
        for row in table.rows:
            for value in row.then.values():
                if isinstance(value, str) and value in made:
                    made[value].append(Use(f"规则 {row.id}", row.since, row.until))
    for term in book.terms.values():
        if term.parameter:
            made[term.parameter] += made[term.name]
            made[term.name] = made[term.parameter]
    return made


def idle(book: Rulebook) -> Iterator[Broken]:
    """Values and bound words that nothing goes by: whoever changes one would change nothing."""
    used = uses(book)
    for name, parameter in book.parameters.items():
        if not used[name]:
            what = f"参数 {name}（{parameter.title}）没有规则、时限或计划用到"
            yield Broken("RULE-044", what, "在用它的地方写上它的名字，或删去", f"parameter {name}")
    for name, term in book.terms.items():
        if not used[name] and not term.waived:
            what = f"用语 {name} 定了却没有时限或计划照它办"
            yield Broken(
                "RULE-044", what, "在时限的 within、计划的 every 里写它，或写 waived 说明为何不用", f"term {name}"
            )


def holes(book: Rulebook) -> Iterator[Broken]:
    """Dated values that are not there on a day on which somebody needs them, in any profile."""
    begins = min((document.effective for document in book.documents.values()), default=None)
    for name, named in uses(book).items():
        for profile in book.profiles or ("",) if name in book.parameters else ():
            parameter = book.under(profile).parameters[name]
            lacking = next(((use, day) for use in named for day in _lacking(parameter, use, begins)), None)
            if lacking:
                use, day = lacking
                what = f"{name}（{parameter.title}）在 {day} 没有值，{use.by} 那天要用"
                expected = "补一个那天已生效的值；不再用的，规则写 until"
                null = next((at for at, dated in enumerate(parameter.values) if dated.since == day), 0)
                yield Broken("RULE-043", what, expected, f"parameter {name}", ("values", null))
                break


def _lacking(parameter: Parameter, use: Use, begins: date | None) -> Iterator[date]:
    """The days on which a value begins to be missing while it may be needed."""
    since = max((day for day in (use.since, begins) if day), default=None)
    for day in sorted({*(dated.since for dated in parameter.values), *([since] if since else [])}):
        needed = (since is None or since <= day) and (use.until is None or day < use.until)
        dated = parameter.at(day)
        if needed and (dated is None or dated.value is None):
            yield day


def _in_flow(flow: Workflow) -> Iterator[tuple[str, str]]:
    """Whoever of a workflow names a length of time or days."""
    for state in flow.states.values():
        yield from ((f"{flow.title}·{state.title}·{each.title}", each.within) for each in state.deadlines)
    for clock in flow.clocks.values():
        yield f"{flow.title}·{clock.title}", clock.days
    for task in flow.tasks.values():
        yield f"{flow.title}·{task.title}", task.within
    for schedule in flow.schedules.values():
        yield from ((f"{flow.title}·{schedule.title}", name) for name in (schedule.days, schedule.every))
    for step in flow.transitions.values():
        yield from ((f"{flow.title}·{step.title}", name) for name in _in_step(step))


def _in_step(step: Transition) -> Iterator[str]:
    if step.hand_over is not None:
        yield step.hand_over.within
    for guard in (guard for guards in step.when for guard in guards):
        if isinstance(guard, LastGuard):
            yield guard.from_day
        elif isinstance(guard, DaysGuard) and isinstance(guard.days, str):
            yield guard.days
