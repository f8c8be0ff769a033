"""责任: whatever waits, somebody named answers for it, and a named leader is told when nothing happens."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.ladders import climbs, endless, owners, silent
from engine.core.org import COMMUNITY, FACT, LEAD
from engine.core.proof.certificate import Broken, Certificate
from engine.core.proof.ways import Way, edges, entries, path, reached
from engine.core.rulebook import Rulebook
from engine.core.workflows import Workflow


def duty(book: Rulebook, led: list[Way]) -> Certificate:
    """Every open state, task and hand-over has a unit with a first responsible person; ladders end at a leader."""
    fired = list(climbs(book))
    broken = [
        Broken(problem.code, problem.what, problem.expected, f"unit {owner}")
        for (_, owner), problem in silent(book, fired).items()
    ]
    broken += [Broken(one.code, one.what, one.expected, f"ladder {name}") for name, one in endless(book).items()]
    broken += [*_settling(book), *_unnamed(book), *_receivers(book)]
    open_ = [state for flow in book.workflows.values() for state in flow.states.values() if not state.final]
    handed = [step for flow in book.workflows.values() for step in flow.transitions.values() if step.hand_over]
    proved = {
        "种情形": len(led),
        "个未办结环节": len(open_),
        "个单位": len({item.owner for item in fired}),
        "条催办阶梯": len(book.ladders),
        "种交接": len(handed),
    }
    return Certificate("责任", "每个环节、任务、交接都落到单位和第一责任人，催办最后到具名领导", proved, tuple(broken))


def _settling(book: Rulebook) -> Iterator[Broken]:
    """Whose a case is can be settled: somebody of the arbiter acts on every case, and it may be given back first."""
    rules = book.hand_over
    if not book.organisation.settles(rules.arbiter):
        what = f"{rules.arbiter} 的人员只办得了本单位的案件，无人裁定"
        yield Broken("RULE-021", what, "给其中一人 scope: all 的角色，或换一个单位", "hand_over", ("arbiter",))


def _unnamed(book: Rulebook) -> Iterator[Broken]:
    """States that a fact gives to a unit which nobody can name, for the fact lists none."""
    for flow in book.workflows.values():
        before = reached(entries(flow), edges(flow))
        for state in flow.states.values():
            if not state.final and not [*owners(book, flow, state)]:
                way = path(flow, before, state.name)
                what = f"环节“{state.title}”归 {state.owner}，但没有一个单位可选：{way}"
                yield Broken(
                    "LADDER-001", what, "给这个要素写 values: [单位]", flow.name, ("states", state.name, "owner")
                )


def _receivers(book: Rulebook) -> Iterator[Broken]:
    """Hand-overs to units that nobody answers for."""
    for flow in book.workflows.values():
        before = reached(entries(flow), edges(flow))
        for index, step in enumerate(flow.transitions.values()):
            for to in units_named(book, flow, step.hand_over.to) if step.hand_over else ():
                if to not in book.organisation.units or not book.organisation.units[to].head.strip():
                    where = path(flow, before, step.sources[0])
                    what = f"{where} → 交给 {to}，它不在单位里或没有第一责任人"
                    yield Broken(
                        "LADDER-001", what, "写一个现有的单位，并写 head", flow.name, ("transitions", index, step.name)
                    )


def units_named(book: Rulebook, flow: Workflow, owner: str) -> list[str]:
    """The units that an owner of the pack may mean."""
    if owner == COMMUNITY:
        return list(book.organisation.communities)
    if owner.startswith(FACT):
        return list(book.kind_of(flow.name).fields[owner.removeprefix(FACT)].values)
    return [] if owner == LEAD else [owner]
