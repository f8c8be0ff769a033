"""Whose an overdue deadline is: the units whose people may take a step that settles it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.core.case import Case, parts
from engine.core.lifecycle import steps
from engine.core.org import FACT, Actor
from engine.core.reckoning import CONFIRM, HAND_OVER
from engine.core.rulebook import Rulebook
from engine.core.units import home_of, units_of
from engine.core.workflows import SAME, Transition


class Doer(NamedTuple):
    """A unit that may settle a deadline, and the roles it takes where not everybody of the unit may."""

    unit: str
    roles: tuple[str, ...] = ()

    def words(self, book: Rulebook) -> str:
        """The unit, with the roles in brackets."""
        titles = "、".join(book.organisation.roles[role].title for role in self.roles)
        return f"{self.unit}（{titles}）" if titles else self.unit


def whose(book: Rulebook, case: Case, name: str) -> tuple[Doer, ...]:
    """Who may settle a deadline or an overdue task of a case: its owner, else its lead, else whoever takes part may.

    Where nobody of those may, whoever may act on every case; where nobody may at all, the owner answers for it.
    """
    if name == HAND_OVER and case.offer is not None:
        return (Doer(case.offer.to),)
    able: dict[str, dict[str, set[str]]] = {}
    for unit, user, role in _able(book, case, name):
        able.setdefault(unit, {}).setdefault(role, set()).add(user)
    first = next(([unit] for unit in (case.owner, case.lead) if unit in able), None)
    units = first or [unit for unit in able if unit in case.involved] or list(able)
    return tuple(_doer(book, unit, able[unit]) for unit in units) or (Doer(case.owner or case.lead),)


def _doer(book: Rulebook, unit: str, able: dict[str, set[str]]) -> Doer:
    people = {user for user, of in book.organisation.staff.items() if any(unit == held for _, held in of.roles)}
    return Doer(unit, () if set.union(*able.values()) == people else tuple(able))


def _able(book: Rulebook, case: Case, name: str) -> Iterator[tuple[str, str, str]]:
    """Unit, user and role of everybody who may settle it."""
    organisation = book.organisation
    home = home_of(book, book.workflows[case.workflow], case.facts)
    ways = [
        (step.by, units_of(step.of, case.owner, case.lead, home, case.facts)) for step in _settling(book, case, name)
    ]
    for user, person in organisation.staff.items():
        for role, unit in person.roles:
            alone = Actor(user, ((role, unit),))
            confirms = name == CONFIRM and "confirm" in organisation.roles[role].may
            if (confirms and organisation.concerns(alone, case.involved)) or any(
                organisation.acts_as(alone, by, case.owner, case.involved, only) for by, only in ways
            ):
                yield unit, user, role


def _settling(book: Rulebook, case: Case, name: str) -> list[Transition]:
    """The steps that settle it: that record its task; that bear its name or move what it counts from; that leave."""
    flow = book.workflows[case.workflow]
    schedule, due = parts(name)
    if due and schedule in flow.schedules:
        task = flow.schedules[schedule].task
        return [step for step in flow.transitions.values() if step.task == task]
    here = steps(book, case)
    since = next((item.since for item in flow.states[case.state].deadlines if item.name == name), "")
    base = since.removeprefix(FACT) if since.startswith(FACT) else ""
    meant = [step for step in here if step.name == name or base in {item.field for item in step.evidence}]
    return meant or [step for step in here if step.to != SAME]
