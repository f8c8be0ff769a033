"""The steps that a case can take now: what each asks for, what it still lacks, and who may; told alike everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import structs

from engine.core.case import Case
from engine.core.judging import NOTHING, Attempt, asked, who
from engine.core.lifecycle import steps
from engine.core.org import SYSTEM, Actor
from engine.core.rulebook import Rulebook, Subject
from engine.core.workflows import Evidence, Transition
from engine.service import Office


def ways(
    office: Office, book: Rulebook, case: Case, actors: Iterable[Actor]
) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Each step as it is told, with those of the actors who would not be refused for who they are."""
    kind = book.kind_of(case.workflow)
    anyone = Attempt.of(book, case, Actor(""), NOTHING, office.now())
    everybody = list(actors)
    for step in steps(book, case):
        if step.by == (SYSTEM,):
            continue
        lacks = _lacks(anyone, step)
        told = {
            "transition": step.name,
            "title": step.title,
            "evidence": evidence(kind, step.evidence),
            "must": asked(step, case),
            "danger": step.danger,
            "lacks": lacks,
        }
        may = (actor for actor in everybody if not who(book, case, step.by, actor, step.of))
        yield told, [actor.user for actor in may if _lacks(structs.replace(anyone, actor=actor), step) == lacks]


def evidence(kind: Subject, asked: Iterable[Evidence]) -> list[str]:
    """What is to be filled in, each by its name and title."""
    return [f"{item.field}（{kind.fields[item.field].title}{'' if item.required else '，选填'}）" for item in asked]


def _lacks(attempt: Attempt, step: Transition) -> list[str]:
    """What a step lacks beside what is filled in with it; somebody who had a hand in the case lacks herself too."""
    return [problem.what for problem in attempt.conditions(step, filled={item.field for item in step.evidence})]
