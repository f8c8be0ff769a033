"""What is no mistake but a manager should know: what would wait for ever, ring too early, or looks odd."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from difflib import get_close_matches

from engine.core.conditions import label
from engine.core.errors import listing
from engine.core.guards import DecisionGuard
from engine.core.ladders import owners
from engine.core.org import Actor
from engine.core.proof.rules import told
from engine.core.proof.tables import ending, uncovered
from engine.core.rulebook import UNITS, Rulebook
from engine.core.tables import Table
from engine.core.values import duration_words, parse_duration
from engine.core.workflows import LEVELS, Deadline, State, Workflow


def notes(book: Rulebook) -> list[str]:
    """What is no mistake but a manager should know: what goes to the default owner, or is odd."""
    found = [*_odd(book), *_unconfirmed(book), *_not_put_off(book), *_downwards(book), *_too_early(book)]
    for table in book.tables.values():
        decides = table.gaps_policy == "default_owner" and table.hit_policy != "collect"
        if decides and (open_ := uncovered(table)) is not None:
            shown = told(open_.example, table.inputs) + (f"（{open_.day}）" if open_.day else "")
            found.append(f"规则表 {table.title}：没有规则覆盖的情形归 {book.default_owner} 并预警，例如 {shown}")
            found += _ending(book, table)
    return [*found, *_nothing_added(book)]


def _ending(book: Rulebook, table: Table) -> Iterator[str]:
    """Rules that end with nothing to follow them: from then on what they covered is the default owner's."""
    for over in ending(table):
        shown = told(over.example, table.inputs)
        what = f"规则 {over.rows[0].id} 到 {over.day} 失效，没有规则接上"
        yield f"规则表 {table.title}：{what}：从 {over.day} 起 {shown} 归 {book.default_owner} 并预警"


def _nothing_added(book: Rulebook) -> Iterator[str]:
    """Values that lead somewhere and to which no rule of the completing table adds anything."""
    for kind in book.subjects.values():
        added, decided = book.tables.get(kind.completed_by), book.tables.get(kind.decided_by)
        if added is None or decided is None:
            continue
        routed = {axis.name: axis for axis in decided.axes}
        for of, axis in zip(added.inputs, added.axes, strict=True):
            values = [value for value, mask in axis.examples if value is not None and not mask]
            values = [value for value in values if of.name in routed and routed[of.name].mask(value)]
            if values:
                shown = f"规则表 {added.title}：{of.title}为 {listing([label(of, value) for value in values])}"
                yield f"{shown} 的没有一条规则，“{decided.title}”有它的去处，但不会带上这里的任何内容"


def _odd(book: Rulebook) -> list[str]:
    """Outcomes that look like what workflows ask for and are not: a case would stand where nothing is meant for it."""
    asked: dict[str, set[str]] = {}
    for flow in book.workflows.values():
        lists = [guards for transition in flow.transitions.values() for guards in transition.when]
        for guards in (*lists, *(clock.ends_when for clock in flow.clocks.values())):
            for guard in (each for each in guards if isinstance(each, DecisionGuard)):
                asked.setdefault(guard.name, set()).update(map(str, guard.allowed))
    return [
        f"规则 {row.id} 的 {key}: {one} 没有流程用到，用到的有 {near[0]}"
        for table in book.tables.values()
        for row in table.rows
        for key, value in row.then.items()
        for one in (value if isinstance(value, list | tuple) else [value])
        if str(one) not in asked.get(key, ()) and (near := get_close_matches(str(one), asked.get(key, ()), 1, _ALIKE))
    ]


_ALIKE = 0.7
"""So alike are two words of which one is probably a slip of the other."""


def _unconfirmed(book: Rulebook) -> Iterator[str]:
    """Corrections that reach far back wait for a second person: there must be one who may."""
    organisation = book.organisation
    people = (Actor(person.user, person.roles) for person in organisation.staff.values())
    if not any(organisation.permits(actor, "confirm") for actor in people):
        yield f"没有人有权限 confirm：追溯超过 {duration_words(book.backdate)} 的更正会一直等人确认"


def _deadlines(book: Rulebook) -> Iterator[tuple[Workflow, State, Deadline]]:
    """Every deadline of every state."""
    for flow in book.workflows.values():
        for state in flow.states.values():
            for deadline in state.deadlines:
                yield flow, state, deadline


def _not_put_off(book: Rulebook) -> Iterator[str]:
    """Deadlines that may be extended or shelved by roles which nobody holds who could act on the case."""
    organisation = book.organisation
    everywhere = frozenset(organisation.units)
    people = [Actor(person.user, person.roles) for person in organisation.staff.values()]
    places: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for flow, state, deadline in _deadlines(book):
        for word, by in (
            (word, allowed.by) for word, allowed in (("延期", deadline.extend), ("挂账", deadline.shelve)) if allowed
        ):
            lacking = tuple(
                owner
                for owner in owners(book, flow, state)
                if not any(organisation.acts_as(one, by, owner, everywhere) for one in people)
            )
            if lacking:
                places.setdefault((word, by, lacking), []).append(f"{flow.title}·{state.title}·{deadline.title}")
    for (word, by, lacking), where in places.items():
        roles = "、".join(organisation.roles[role].title for role in by)
        yield f"时限 {listing(where, 1)} 归 {listing(lacking, 3)} 时没有人能{word}：没有合适的 {roles}"


def _downwards(book: Rulebook) -> Iterator[str]:
    """Ladders that do not climb."""
    for name, ladder in book.ladders.items():
        climbed = [rung.level for rung in ladder.rungs]
        if climbed != sorted(climbed, key=LEVELS.index):
            yield f"催办阶梯“{ladder.title}”（{name}）越催越轻：{'、'.join(climbed)}，次序是 {'、'.join(LEVELS)}"


_AT_ONCE = timedelta(days=1)
"""So much earlier than the beginning a rung may stand that is meant to ring at once, whatever the length."""


def _too_early(book: Rulebook) -> Iterator[str]:
    """Rungs that stand days before the time they urge has begun: nobody meant them to ring at once, for every case."""
    found: dict[tuple[str, str], str] = {}
    for flow, state, deadline in _deadlines(book):
        length = _longest(book, deadline)
        for rung in book.ladders[deadline.ladder].rungs:
            if length and rung.at < -length - _AT_ONCE:
                where = f"{flow.title}·{state.title}·{deadline.title}只有 {duration_words(length)}"
                found.setdefault((deadline.ladder, rung.level), f"{duration_words(-rung.at)}，如 {where}")
    for (name, level), words in found.items():
        yield f"催办阶梯“{book.ladders[name].title}”（{name}）的{level}级早于起算：提前 {words}；一起算就会响"


def _longest(book: Rulebook, deadline: Deadline) -> timedelta | None:
    """How long a deadline is at most; None: waived, or it counts from what may lie ahead."""
    if deadline.since not in ("opened", "state") and not deadline.since.startswith("stage "):
        return None
    if deadline.within in book.terms:
        return book.terms[deadline.within].within
    if deadline.within not in book.parameters:
        return parse_duration(deadline.within)
    parameter = book.parameters[deadline.within]
    values = [dated.value for dated in parameter.values if dated.value is not None]
    most = max((value[-1] if isinstance(value, tuple) else value for value in values), default=0)
    return timedelta(**{UNITS[parameter.unit]: most})
