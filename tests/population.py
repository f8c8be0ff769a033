"""Cases as an office might have them, made up: any kind, any facts, anywhere on their way, opened over a season."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from msgspec import structs

from engine.core.case import Case, Entry
from engine.core.conditions import Fact, Field
from engine.core.errors import Refused
from engine.core.evolving import evolve
from engine.core.judging import Stated
from engine.core.lifecycle import open_case
from engine.core.org import SYSTEM, Actor
from engine.core.rulebook import Rulebook
from engine.core.values import local_day

ENGINE = Actor(SYSTEM)


def population(
    book: Rulebook, number: int, now: datetime, days: int, seed: int, kinds: Sequence[str] = ()
) -> Iterator[Case]:
    """So many cases, opened within so many days before now; of these kinds, else of all that a table decides."""
    chance = random.Random(seed)
    kinds = kinds or [kind.name for kind in book.subjects.values() if kind.decided_by]
    made = 0
    while made < number:
        kind = book.subjects[chance.choice(kinds)]
        at = now - timedelta(minutes=chance.randrange(1, days * 1440))
        facts = {
            field.name: value
            for field in kind.fields.values()
            if not field.pii and (field.required or chance.random() < 0.5)
            for value in [_value(book, field, at, chance)]
            if value is not None
        }
        try:
            first, _ = open_case(book, kind.name, f"S{made}", Stated(facts), ENGINE, at)
        except Refused:
            continue
        yield _later(book, evolve(None, first, f"C{made:07d}"), now, chance)
        made += 1


def _later(book: Rulebook, case: Case, now: datetime, chance: random.Random) -> Case:
    """The case where it may have come to since."""
    flow = book.workflows[case.workflow]
    if chance.random() < 0.3:
        return case
    state = flow.states[chance.choice([*flow.states])]
    entered = Entry(case.opened_at + (now - case.opened_at) * chance.random(), 2)
    changed = local_day(entered.at, book.zone).isoformat() if chance.random() < 0.2 else ""
    stages = {**case.stages, state.stage: entered}
    owner = case.owner if state.final else book.default_owner
    return structs.replace(
        case,
        state=state.name,
        final=state.final,
        entered=entered,
        stages=stages,
        owner=owner,
        held=entered,
        seq=2,
        ruled_from=changed,
    )


def _value(book: Rulebook, field: Field, at: datetime, chance: random.Random) -> Fact:
    if field.type in ("enum", "unit"):
        units = [unit.name for unit in book.organisation.units.values() if unit.kind == "community"]
        return chance.choice([*field.values] or units)
    if field.type == "yes_no":
        return chance.random() < 0.5
    if field.type in ("integer", "number"):
        low = int(field.low or 0)
        return chance.randint(low, int(field.high if field.high is not None else low + 20))
    day: date = local_day(at, book.zone) - timedelta(days=chance.randrange(10))
    if field.type == "date":
        return day
    return at - timedelta(hours=chance.randrange(100)) if field.type == "time" else None
