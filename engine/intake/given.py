"""What people state by hand, read by the same cleaners as lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.conditions import Fact, Field
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.judging import Stated
from engine.core.rulebook import Rulebook, Subject
from engine.intake.clean import Cleaner, ahead, cleaner, formula


def parse(book: Rulebook, kind: Subject, raw: Mapping[str, Any], now: datetime) -> tuple[Stated, dict[str, str]]:
    """Facts by their name or title → open values, and personal texts; every mistake at once."""
    facts: dict[str, Fact] = {}
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    local = now.astimezone(book.zone)
    for given, value in raw.items():
        name = given if given in kind.fields else kind.named(given)
        if not name:
            problems.append(_unknown(book, kind, given, told=any(each.code == "FACT-001" for each in problems)))
            continue
        of = kind.fields[name]
        done = formula(value) or cleaner_of(book, of, local)(value)
        done = ahead(of, done.value, local) or done
        if done.error:
            problems.append(Problem("FACT-002", f"{of.title}（{name}）：{done.why}"))
        elif done.value is not None and of.pii:
            texts[name] = str(done.value)
        elif done.value is not None:
            facts[name] = done.value
    if problems:
        raise BadInput(problems)
    return Stated(facts, frozenset(texts)), texts


def _unknown(book: Rulebook, kind: Subject, given: str, *, told: bool) -> Problem:
    """A fact that the kind does not have: which it has (said once), or which other kind has it."""
    titles = [of.title for of in kind.fields.values()]
    others = [
        f"{of.title}（--kind {of.name}）" for of in book.subjects.values() if given in of.fields or of.named(given)
    ]
    expected = f"这是{'、'.join(others)}的要素" if others else "" if told else f"可填：{listing(titles, len(titles))}"
    return Problem("FACT-001", f"{kind.title}没有要素 {given}", expected, nearest(given, [*kind.fields, *titles]))


def cleaner_of(book: Rulebook, of: Field, now: datetime, meanings: Mapping[str, str] | None = None) -> Cleaner:
    """How values of a fact are read in an office, by people's hands and from lists alike."""
    return cleaner(
        of,
        known_at=now.astimezone(book.zone),
        meanings=meanings,
        current=book.organisation.current_name,
        shown=of.values,
    )
