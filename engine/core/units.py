"""Which unit a word of the pack means for a case: its lead, that of its community, or one that a fact names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.core.case import Case
from engine.core.conditions import Fact
from engine.core.org import COMMUNITY, FACT, LEAD, OWNER
from engine.core.rulebook import Rulebook
from engine.core.workflows import Workflow


def community_of(book: Rulebook, jurisdiction: str, facts: Mapping[str, Fact]) -> str:
    """The unit of the place of stay; unknown: the default owner, whose first deadline is to fill it in."""
    value = facts.get(jurisdiction) if jurisdiction else None
    return str(value) if value is not None else book.default_owner


def home_of(book: Rulebook, flow: Workflow, facts: Mapping[str, Fact]) -> str:
    """The community of a case of this workflow."""
    return community_of(book, book.subjects[flow.subject].jurisdiction, facts)


def seat_of(book: Rulebook, case: Case) -> str:
    """The community a case is in; empty while nobody has said it, or where its subject has none."""
    return str(case.facts.get(book.kind_of(case.workflow).jurisdiction) or "")


def unit_of(owner: str, lead: str, community: str, facts: Mapping[str, Fact]) -> str:
    """The unit that an `owner:` of the pack means for a case."""
    if owner == COMMUNITY:
        return community
    if owner.startswith(FACT):
        return str(facts.get(owner.removeprefix(FACT)) or lead)
    return lead if owner == LEAD else owner


def units_of(
    of: Sequence[str], owner: str, lead: str, community: str, facts: Mapping[str, Fact]
) -> frozenset[str] | None:
    """The units that an `of:` of the pack means for a case of this owner; None: any that take part."""
    return frozenset(owner if word == OWNER else unit_of(word, lead, community, facts) for word in of) if of else None
