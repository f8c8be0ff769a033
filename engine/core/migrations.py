"""What becomes of cases that are open when the rules change: one entry of a pack for each change and kind of case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from engine.core.case import Case
from engine.core.conditions import Cell, Fact, holds

KEEP, RECOMPUTE, MOVE, ASK = ACTIONS = ("keep", "recompute", "move", "ask")
MIGRATED, ASKED, ANSWERED = "migrated", "asked", "answered"
"""The events by which a case goes over to other rules, waits for a person to say whether, or stays."""
DECISION = "decision."
WORDS = {KEEP: "照旧规则办完", RECOMPUTE: "按新规则重算", MOVE: "转到新环节", ASK: "由人决定"}
"""What is done, as people are told."""


@dataclass(frozen=True, slots=True)
class Migration:
    """An entry: which open cases it is about, and what becomes of them on its day."""

    name: str
    reason: str
    action: str
    workflow: str
    since: date
    """The day from which it holds."""
    states: frozenset[str] = frozenset()
    """Of the release before; empty: any."""
    when: tuple[Mapping[str, Cell], ...] = ({},)
    """Any of these must hold whole: cells on facts, and on what was decided (`decision.X`)."""
    moves: Mapping[str, str] = field(default_factory=dict)
    """State before → state after."""
    clause: str = ""

    def names(self, case: Case, facts: Mapping[str, Fact]) -> bool:
        """Whether it is about a case as it stands, by the facts and the decision that it has."""
        if case.workflow != self.workflow or (self.states and case.state not in self.states):
            return False
        return any(
            all(holds(cell, _value(key, facts, case.outcome)) for key, cell in cells.items()) for cells in self.when
        )


def _value(key: str, facts: Mapping[str, Fact], outcome: Mapping[str, Any]) -> Fact:
    if not key.startswith(DECISION):
        return facts.get(key)
    given = outcome.get(key.removeprefix(DECISION))
    return None if given is None else str(given)
