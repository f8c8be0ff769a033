"""The closed loop proved on a rule book: 责任 · 工作 · 流程 · 措施, and the tables that decide."""

from __future__ import annotations

from engine.core.proof.certificate import Broken, Certificate
from engine.core.proof.duty import duty
from engine.core.proof.flow import flow
from engine.core.proof.measures import measures
from engine.core.proof.rules import rules
from engine.core.proof.ways import ways
from engine.core.proof.work import work
from engine.core.rulebook import Rulebook

__all__ = ["Broken", "Certificate", "prove"]


def prove(book: Rulebook) -> tuple[Certificate, ...]:
    """The certificates of a rule book, each with what was proved and every counter-example."""
    led = ways(book)
    return duty(book, led), work(book, led), flow(book, led), measures(book, led), rules(book)
