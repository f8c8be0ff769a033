"""A list that changes is held against every stay that is known: who is in it now is found, and nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import structs

from engine.commands.corrections import correction_step
from engine.core import corrections as core
from engine.core.case import Case, Event
from engine.core.conditions import Fact
from engine.core.errors import Refused
from engine.core.judging import Stated, typed
from engine.core.org import SYSTEM, Actor
from engine.core.reference import Matcher, Reference
from engine.core.values import local_day
from engine.ids import new_id
from engine.service import Office
from engine.step import Step
from engine.store import references, subjects
from engine.store.changes import Change
from engine.store.references import Stay
from engine.store.store import Writer

MARK = "look_back "
"""`look_back NAME` in the single values: from which loading of a list on stays have still to be matched again."""
CHUNK = 100_000
_STAYS = """
SELECT case_id, day, k1, k2, k3, level, final, json_extract(snapshot, ?3)
FROM stay LEFT JOIN "case" ON id = case_id WHERE reference = ?1 AND (
    k1 IN (SELECT k1 FROM entry WHERE reference = ?1 AND load >= ?2 AND k1 <> x'')
    OR k2 IN (SELECT k2 FROM entry WHERE reference = ?1 AND load >= ?2 AND k2 <> x'')
    OR k3 IN (SELECT k3 FROM entry WHERE reference = ?1 AND load >= ?2 AND k3 <> x'')
)
"""


@dataclass(frozen=True, slots=True)
class _Found:
    """A stay of which the list says something else now."""

    case_id: str
    facts: dict[str, Fact]
    higher: bool


def begin(writer: Writer, name: str, number: int) -> None:
    """Note, with the loading itself, that its stays have to be looked at: a crash between the two forgets nobody."""
    writer.cursor.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (MARK + name, str(number))
    )


def look_back(office: Office) -> dict[str, int]:
    """Match again every stay that loadings since the last look touch; how many were seen, re-routed and opened."""
    told = dict.fromkeys(("stays", "higher", "rerouted", "opened", "ended"), 0)
    with office.store.reading() as driver:
        marks = driver.execute(
            "SELECT name, value FROM meta WHERE name >= ? AND name < ?", (MARK, MARK + "~")
        ).fetchall()
    for mark, number in marks:
        name = mark.removeprefix(MARK)
        counted, found = _different(office, name, int(number))
        done = [_apply(office, name, each) for each in found]
        for what, number_of in (counted | {what: done.count(what) for what in ("rerouted", "opened", "ended")}).items():
            told[what] += number_of
        with office.store.writing(0) as writer:
            writer.cursor.execute("DELETE FROM meta WHERE name = ? AND value = ?", (mark, number))
    return told


def count(office: Office, name: str, number: int) -> dict[str, int]:
    """How many stays a loading touches, and of how many it says something else."""
    return _different(office, name, number)[0]


def _different(office: Office, name: str, number: int) -> tuple[dict[str, int], list[_Found]]:
    """The stays that a list says something else of since a loading: matched set by set."""
    book = office.book()
    reference = book.references[name]
    now = office.now()
    levels = _ranks(office, reference)
    lowest, fact = len(levels), reference.level_fact()
    current = next((name for name, gives in reference.gives.items() if gives == "current"), "")
    found: list[_Found] = []
    seen = 0
    with office.store.reading() as driver:
        touched = driver.execute(_STAYS, (name, number, f"$.facts.{current or fact}"))
        while rows := touched.fetchmany(CHUNK):
            seen += len(rows)
            stays = {row[0]: Stay(name, date.fromordinal(row[1]), row[2:5]) for row in rows}
            matcher = Matcher(reference, references.candidates(driver, reference, stays.values()), now, book.zone)
            for case_id, _, _, _, _, was, final, known in rows:
                stay = stays[case_id]
                facts = matcher.of(stay.keys, stay.day)
                higher = levels.get(str(facts[fact]), lowest) < levels.get(was, lowest)
                if higher or (current and not final and facts[current] != known):
                    found.append(_Found(case_id, facts, higher))
    return {"stays": seen, "higher": sum(each.higher for each in found)}, found


def _ranks(office: Office, reference: Reference) -> dict[str, int]:
    """Levels by how high they are: in the order in which the fact that holds them lists its values."""
    fields = {key: of for kind in office.book().subjects.values() for key, of in kind.fields.items()}
    return {level: rank for rank, level in enumerate(fields[reference.level_fact()].values)}


def _apply(office: Office, name: str, found: _Found) -> str:
    """Put one case right, or open one for somebody whose case was closed; what was done."""
    done = ""

    reference = office.book().references[name]

    def mark(writer: Writer) -> None:
        _mark(writer, found, reference)

    def decide(now: datetime) -> Step:
        nonlocal done
        loaded = office.store.load(found.case_id)
        if loaded is None:
            return Step([], {})
        case, head = loaded
        book = office.book(case.release)
        actor = Actor(SYSTEM, account=office.account)
        known = typed(book, case)
        facts = {key: value for key, value in found.facts.items() if known.get(key) != value}
        if not facts:
            done = ""
            return Step([], {}, before=mark)
        done, step = _step(office, case, head, Stated(facts), actor, now, higher=found.higher)
        return Step(step.changes, step.answer, before=mark)

    office.act(decide)
    return done


def _step(
    office: Office, case: Case, head: bytes, stated: Stated, actor: Actor, now: datetime, *, higher: bool
) -> tuple[str, Step]:
    alerts = {"alerts": ["looked_back"]} if higher else {}
    book = office.book(case.release)
    if case.final:
        opened = _opened_again(office, case, stated, actor, now) if higher else None
        return ("opened", Step([opened], {})) if opened else ("", Step([], {}))
    try:
        right = core.correct(book, case, actor, stated, now, new_id(), more=alerts)
    except Refused:
        told = {"facts": {}, "personal": [], "other": dict(stated.facts), "origin": {"source": "list"}, **alerts}
        happened = Event("stated", actor.user, now, told, actor.account)
        return "", Step([Change.of(book, case, head, (happened,))], {})
    ended = any(happened.data.get("cut_short") for happened in right.events)
    done = "rerouted" if higher else "ended" if ended else ""
    return done, correction_step(office, case, head, right, subjects.Sealed())


def _opened_again(office: Office, case: Case, stated: Stated, actor: Actor, now: datetime) -> Change | None:
    """The case of somebody whose own was closed before the list knew; None for a stay too long ago, or one in hand."""
    book = office.book()
    known = typed(book, case) | dict(stated.facts)
    stays = [stay for reference in book.references.values() if (stay := reference.stay_of(known.get))]
    days = [reference.day_of(stay) for reference, stay in zip(book.references.values(), stays, strict=False)]
    with office.store.reading() as driver:
        erased = driver.execute("SELECT 1 FROM subject WHERE id = ? AND wrapped IS NULL", (case.subject,)).fetchone()
        busy = driver.execute("SELECT 1 FROM \"case\" WHERE subject = ? AND final = ''", (case.subject,)).fetchone()
    if erased or busy or not days or max(days) < local_day(now, book.zone) - _window(book.references.values()):
        return None
    told = {key: value for key, value in known.items() if value is not None}
    decision = book.decide(book.kind_of(case.workflow).name, told, local_day(now, book.zone))
    right = structs.replace(case, facts={**case.facts, **stated.facts}, parents={})
    first = core.follow(book, right, decision, actor, now, alerts=["looked_back"])
    return Change.of(book, None, b"", (first,), new_id())


def _window(lists: Any) -> timedelta:
    """How far back a stay still matters: as far as any step of a list looks."""
    return max((step.first_within for it in lists for step in it.steps if step.first_within), default=timedelta(14))


def _mark(writer: Writer, found: _Found, reference: Reference) -> None:
    level = str(found.facts[reference.level_fact()])
    writer.cursor.execute(
        "UPDATE stay SET level = ? WHERE case_id = ? AND reference = ?", (level, found.case_id, reference.name)
    )
