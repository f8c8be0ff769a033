"""Documents as printed paper: what a paper says, of which cases, and what it may ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.case import Case
from engine.core.conditions import Cell, Fact, Field, holds, words
from engine.core.org import Actor, Organisation

TRIP, ANY = "trip", "any"
"""What a paper may be of beside named workflows: a trip, or a case of any workflow."""
COMMON = ("authority", "document", "today", "number")
CASE = (
    "case",
    "category",
    "workflow",
    "state",
    "owner",
    "head",
    "leader",
    "lead",
    "supporting",
    "opened",
    "entered",
)
CLOCK = ("from", "until", "days")
"""What is told of a clock: `clock.X.from` is its day 0, `until` the day it is done."""
OF_TRIP = ("trip", "vehicle", "driver", "giver", "receiver", "opened", "received", "count")
ROWS = {"case": ("n", "outcome"), "overdue": ("n", "deadline", "due", "late", "level", "told", "doer")}
"""What the lines of a paper may be, and what each line tells beside the facts of its case."""
OF_OVERDUE = ("doers", "doers_head")
"""What is told of all overdue deadlines together: the units that may settle them, and their heads."""
_ASKED = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Rows:
    """The table of a paper: one line for each case of a trip, or for each overdue deadline of a case."""

    each: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper: of which cases, who may print and serve it, and its texts, in which `{name}` stands for a value."""

    name: str
    title: str
    number: str
    of: tuple[str, ...]
    by: tuple[str, ...]
    seal: str
    states: tuple[str, ...] = ()
    when: Mapping[str, Cell] = field(default_factory=dict)
    to: str = ""
    fields: Mapping[str, str] | None = None
    body: tuple[str, ...] = ()
    rows: Rows | None = None
    after: tuple[str, ...] = ()
    sign: tuple[str, ...] = ()
    by_sight: bool = False
    """Whether who sees a case prints it too, without what is personal."""
    by_others: bool = False
    """Whether nobody prints it of what her own unit is to settle."""

    def suits(self, case: Case, facts: Mapping[str, Fact]) -> bool:
        """Whether it is a paper of such a case, standing where it stands, with what is known of it."""
        ours = self.of == (ANY,) or case.workflow in self.of
        stands = not self.states or case.state in self.states
        return ours and stands and all(holds(cell, facts.get(name)) for name, cell in self.when.items())

    def lacks(self, fields: Mapping[str, Field]) -> str:
        """What must be known of a case, in words."""
        return "，".join(words(fields[name], cell) for name, cell in self.when.items() if name in fields)

    def may(self, organisation: Organisation, actor: Actor, units: frozenset[str]) -> bool:
        """Whether one of her roles prints and serves it: of any case, or of one that her unit has or had to do with."""
        held = [(role, unit) for role, unit in actor.roles if role in self.by]
        return any(unit in units or self.everywhere(organisation, role) for role, unit in held)

    def everywhere(self, organisation: Organisation, role: str) -> bool:
        """Whether whoever has this role prints it of any case."""
        held = organisation.roles[role]
        return held.acts_on_all or (self.by_sight and held.sees_all)


def asked(text: str) -> Iterator[tuple[str, bool]]:
    """What a text asks for, as written between braces, and whether it is one of several."""
    for found in _ASKED.findall(text):
        names = found.split("|")
        yield from ((name.strip(), len(names) > 1) for name in names)


def unclosed(text: str) -> bool:
    """Whether a brace of a text stands alone."""
    return bool(set(_ASKED.sub("", text)) & {"{", "}"})


def filled(text: str, known: Mapping[str, str], blank: str = "") -> str:
    """A text with its values put in, of several the first that is known; what is not is left blank for the pen."""

    def value(found: re.Match[str]) -> str:
        return next((told for name in found[1].split("|") if (told := known.get(name.strip(), ""))), blank)

    return _ASKED.sub(value, text)
