"""Who could do what, for every way a case can go, every community it may lie in and every unit its facts may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from engine.core.guards import OutsideGuard
from engine.core.org import FACT, SYSTEM, Actor
from engine.core.proof.ways import Way, entries
from engine.core.rulebook import Rulebook
from engine.core.units import unit_of, units_of
from engine.core.workflows import State, Transition

MOST_NAMED = 500
"""So many combinations of units that facts name are looked at; beyond, each fact alone."""


class Where(NamedTuple):
    """A case on its way: in which community it lies, which units its facts name, who leads and who takes part."""

    way: Way
    community: str
    named: Mapping[str, str]
    lead: str
    supporting: tuple[str, ...]

    def owner(self, state: State) -> str:
        """Whose the case is in a state."""
        return unit_of(state.owner, self.lead, self.community, self.named) or self.lead


@dataclass
class People:
    """The staff of a rule book, asked who may do a step; answers are kept, for most are asked again and again."""

    book: Rulebook

    @cached_property
    def staff(self) -> list[Actor]:
        """Everybody who works here."""
        return [Actor(person.user, person.roles) for person in self.book.organisation.staff.values()]

    @cached_property
    def kin(self) -> dict[str, frozenset[str]]:
        """User → her units, and those above and below them."""
        return {actor.user: self.book.organisation.kin(actor.units()) for actor in self.staff}

    @cached_property
    def known(self) -> dict[tuple[Any, ...], frozenset[str]]:
        """What was asked before."""
        return {}

    def able(
        self, by: tuple[str, ...], owner: str, involved: frozenset[str], only: frozenset[str] | None = None
    ) -> frozenset[str]:
        """Who may act in one of these roles, in these units if it says which, on a case of this owner."""
        key = by, owner, involved, only
        if key not in self.known:
            acts_as = self.book.organisation.acts_as
            self.known[key] = frozenset(one.user for one in self.staff if acts_as(one, by, owner, involved, only))
        return self.known[key]

    def doers(self, step: Transition, where: Where, state: State, involved: frozenset[str]) -> frozenset[str]:
        """Who may do a step where the case stands, by at least one of the alternatives that its outcome leaves."""
        if step.by == (SYSTEM,):
            return frozenset((SYSTEM,))
        owner = where.owner(state)
        only = units_of(step.of, owner, where.lead, where.community, where.named)
        able = self.able(step.by, owner, involved | {owner}, only)
        found: set[str] = set()
        for guards in where.way.left[step.name]:
            outside = [where.named.get(guard.field.name) for guard in guards if isinstance(guard, OutsideGuard)]
            found |= {user for user in able if not any(unit in self.kin[user] for unit in outside if unit)}
            if found == able:
                break
        return frozenset(found)


def everywhere(book: Rulebook, led: list[Way]) -> Iterator[Where]:
    """Every way, in every community (or in none that is known) and with every unit that facts may name."""
    for way in led:
        kind = book.subjects[way.flow.subject]
        homes = dict.fromkeys([*(book.organisation.communities if kind.jurisdiction else ()), book.default_owner])
        for community, named in product(homes, _named(book, way)):
            lead = unit_of(str(way.outcome.get("lead", book.default_owner)), book.default_owner, community, named)
            supporting = tuple(unit_of(unit, lead, community, named) for unit in way.outcome.get("supporting", ()))
            yield Where(way, community, named, lead, supporting)


def _named(book: Rulebook, way: Way) -> list[dict[str, str]]:
    """The units that the facts which owners and conditions name may be, each with each."""
    flow = way.flow
    words = [*(state.owner for state in flow.states.values()), str(way.outcome.get("lead", ""))]
    words += [word for step in flow.transitions.values() for word in step.of]
    guards = (guard for step in flow.transitions.values() for guards in step.when for guard in guards)
    names = [word.removeprefix(FACT) for word in words if word.startswith(FACT)]
    names += [guard.field.name for guard in guards if isinstance(guard, OutsideGuard)]
    fields = book.subjects[flow.subject].fields
    values = {name: fields[name].values for name in dict.fromkeys(names) if name in fields and fields[name].values}
    several = 1
    for each in values.values():
        several *= len(each)
    if several > MOST_NAMED:
        return [{name: value} for name, each in values.items() for value in each]
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def held_before(where: Where) -> dict[str, frozenset[str]]:
    """State → the units that have held the case on every path that leads there, beside its owner there."""
    flow, way = where.way.flow, where.way
    starts = entries(flow)
    held: dict[str, frozenset[str]] = {name: frozenset() for name in starts}
    waiting = list(starts)
    while waiting:
        state = waiting.pop()
        here = held[state] | {where.owner(flow.states[state])}
        for target in way.edges[state]:
            now = here & held[target] if target in held else here
            if held.get(target) != now:
                held[target] = now
                waiting.append(target)
    return held
