"""The cases that results open: of which kind, and what is known of each at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import structs

from engine.core.case import Case, Event
from engine.core.conditions import Fact
from engine.core.judging import Stated, typed
from engine.core.org import LEAD, OWNER
from engine.core.rulebook import Rulebook
from engine.core.workflows import ChildType

_Value = TypeVar("_Value")


def opened_by(book: Rulebook, case: Case, events: Iterable[Event]) -> tuple[ChildType, ...]:
    """The kinds of child that the results in these events open, one for each, and those that their facts call for."""
    flow = book.workflows[case.workflow]
    found: list[str] = []
    facts = dict(case.facts)
    for event in events:
        if event.type != "advanced":
            continue
        facts |= event.data["facts"]
        if done := event.data.get("task"):
            found += [name for name in [flow.tasks[done["name"]].opens.get(str(done["result"]))] if name is not None]
        if opens := flow.transitions[event.data["transition"]].opens:
            still = {child.kind for child in case.children.values() if not child.final} | set(found)
            known = typed(book, structs.replace(case, facts=facts))
            found += [
                name
                for name, asked in opens.items()
                if (flow.children[name].several or name not in still)
                and all(guard.holds(known, case.outcome) for guard in asked)
            ]
    return tuple(flow.children[name] for name in found)


def called_for(book: Rulebook, case: Case) -> tuple[ChildType, ...]:
    """The kinds of child of which one must be open where the case stands, with what is known of it, and none is."""
    flow = book.workflows[case.workflow]
    opens = flow.states[case.state].opens
    if not opens or case.final:
        return ()
    still = {child.kind for child in case.children.values() if not child.final}
    known = typed(book, case)
    return tuple(
        flow.children[name]
        for name, asked in opens.items()
        if name not in still and all(guard.holds(known, case.outcome) for guard in asked)
    )


def unsaid(book: Rulebook, case: Case, events: Iterable[Event]) -> frozenset[str]:
    """What the steps in these events ask for and were not told: what an earlier one was told of it is not theirs."""
    steps = book.workflows[case.workflow].transitions
    fired = [event.data for event in events if event.type == "advanced"]
    asked = {item.field for data in fired for item in steps[data["transition"]].evidence}
    return frozenset(asked.difference(*(({*data["facts"], *data["personal"]}) for data in fired)))


def carried(
    book: Rulebook, kind: ChildType, case: Case, personal: Mapping[str, str], unsaid: frozenset[str] = frozenset()
) -> tuple[Stated, dict[str, str]]:
    """What is known of a child at once, from the case that opens it; `personal`: its sealed values, in clear."""
    known: dict[str, Fact] = {**typed(book, case), OWNER: case.owner, LEAD: case.lead}
    facts = {to: value for to, of in kind.carries.items() if (value := _first(known, of, unsaid)) is not None}
    texts = {to: text for to, of in kind.carries.items() if (text := _first(personal, of, unsaid)) is not None}
    return Stated({**facts, **kind.sets}, frozenset(texts)), texts


def _first(known: Mapping[str, _Value], names: Iterable[str], but: frozenset[str]) -> _Value | None:
    return next((value for name in names if name not in but and (value := known.get(name)) is not None), None)
