"""Cases of which one is always open: work that recurs and belongs to no person, opened by the pack that declares it."""

from __future__ import annotations

from datetime import datetime

from engine.core.judging import Stated
from engine.core.org import SYSTEM, Actor
from engine.core.rulebook import Standing
from engine.service import Office
from engine.step import Step
from engine.store import subjects


def open_standing(office: Office) -> list[str]:
    """Open each case that the latest release declares and that is not open; their numbers, often none."""
    book = office.book()
    return [case for item in book.standing if (case := _open(office, item))]


def _open(office: Office, item: Standing) -> str:
    """Its number, or nothing when one is open already."""
    book = office.book()
    kind = book.subjects[item.subject]
    told = subjects.identities(office.master, kind, item.facts.get)
    actor = Actor(SYSTEM, (), office.account, engine=True)

    def decide(now: datetime) -> Step:
        if office.open_case_of(told) is not None:
            return Step([], {"case": ""})
        return office.opening(book, kind, Stated(item.facts), {}, actor, now)

    return str(office.act(decide)["case"])
