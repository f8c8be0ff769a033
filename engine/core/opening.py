"""The cases that results open: of which kind, and what is known of each at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.core.case import Case, Event
from engine.core.conditions import Fact
from engine.core.judging import Stated, typed
from engine.core.org import LEAD, OWNER
from engine.core.rulebook import Rulebook
from engine.core.workflows import ChildType


def opened_by(book: Rulebook, case: Case, events: Iterable[Event]) -> tuple[ChildType, ...]:
    """The kinds of child that the results in these events open, one for each."""
    flow = book.workflows[case.workflow]
    results = [event.data["task"] for event in events if event.type == "advanced" and "task" in event.data]
    found = [flow.tasks[done["name"]].opens.get(str(done["result"])) for done in results]
    return tuple(flow.children[name] for name in found if name is not None)


def carried(book: Rulebook, kind: ChildType, case: Case, personal: Mapping[str, str]) -> tuple[Stated, dict[str, str]]:
    """What is known of a child at once, from the case that opens it; `personal`: its sealed values, in clear."""
    known: dict[str, Fact] = {**typed(book, case), OWNER: case.owner, LEAD: case.lead}
    facts = {to: known[of] for to, of in kind.carries.items() if known.get(of) is not None}
    texts = {to: personal[of] for to, of in kind.carries.items() if of in personal}
    return Stated({**facts, **kind.sets}, frozenset(texts)), texts
