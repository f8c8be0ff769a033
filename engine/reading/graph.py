"""Workflows as pictures: every state with its owner, deadlines and verbs; on a database, how many cases stand there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from engine.core.case import micros
from engine.core.org import FACT, LEAD
from engine.core.proof.ways import targets
from engine.core.rulebook import Rulebook
from engine.core.values import duration_words
from engine.core.workflows import PREVIOUS, SAME, Deadline, State, Transition, Workflow
from engine.service import Office

_COUNTS = (
    "SELECT c.workflow, c.state, count(*),"
    " sum(EXISTS (SELECT 1 FROM deadline AS d WHERE d.case_id = c.id AND d.due <= ?)), max(c.release)"
    " FROM \"case\" AS c WHERE c.final = '' GROUP BY c.workflow, c.state"
)
_ENDS = {"": "", "released": "办结：解除", "transferred": "办结：移交", "closed": "办结"}
GONE = "旧版"
"""What a state is marked with that the rules in force no longer have."""


class Standing(NamedTuple):
    """How many open cases stand in a state, how many of them are overdue, and the latest release any of them has."""

    cases: int
    overdue: int
    release: int

    def __str__(self) -> str:
        return f"在办 {self.cases} 件" + (f"，超期 {self.overdue}" if self.overdue else "")


Standings = Mapping[str, Standing]
"""State → how many stand there."""


def standings(office: Office) -> dict[str, dict[str, Standing]]:
    """Workflow → state → how many open cases stand there now."""
    with office.store.reading() as driver:
        rows = driver.execute(_COUNTS, (micros(office.now()),)).fetchall()
    found: dict[str, dict[str, Standing]] = {}
    for workflow, state, cases, overdue, release in rows:
        found.setdefault(workflow, {})[state] = Standing(cases, overdue, release)
    return found


class Verb(NamedTuple):
    """What can be done in a state, and the states it may lead to; none: the case stays."""

    title: str
    to: tuple[str, ...]
    back: bool
    """Whether it leads back to where the case was."""
    words: str
    danger: bool


@dataclass(frozen=True, slots=True)
class Box:
    """A state as it is pictured, in words."""

    name: str
    title: str
    final: str
    stage: str
    owner: str
    deadlines: tuple[str, ...]
    verbs: tuple[Verb, ...]
    standing: Standing | None
    """None: nobody counts there."""
    gone: bool
    """Whether only an earlier release has it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A workflow as it is pictured: its states by name."""

    name: str
    title: str
    clause: str
    initial: str
    boxes: Mapping[str, Box]


def picture(
    book: Rulebook,
    name: str,
    at: datetime,
    standing: Standings | None = None,
    stored: Callable[[int], Rulebook] | None = None,
) -> Picture:
    """A workflow with its lengths as they are at a moment.

    `standing`: with how many cases stand where; from the `stored` releases comes what they stand in and the book no
    longer has, and what that leads to.
    """
    counted = standing or {}
    gone = name not in book.workflows
    if gone and stored is not None:
        book = stored(max(each.release for each in counted.values()))
    flow = book.workflows[name]
    drawn = {state.name: (book, flow, gone) for state in flow.states.values()}
    for state, release in [(state, each.release) for state, each in counted.items() if state not in drawn]:
        if stored is not None:
            old = stored(release)
            for each in _onward(old.workflows[name], state, drawn):
                drawn[each] = (old, old.workflows[name], True)
    boxes = {
        state: _box(by, of, of.states[state], at, _told(of.states[state], standing), gone=old)
        for state, (by, of, old) in drawn.items()
    }
    title = f"{flow.title}（{GONE}）" if gone else flow.title
    return Picture(flow.name, title, flow.clause, flow.initial, boxes)


def _told(state: State, standing: Standings | None) -> Standing | None:
    """How many stand in a state; nobody does in one that ends a case."""
    if standing is None or (state.final and state.name not in standing):
        return None
    return standing.get(state.name, Standing(0, 0, 0))


def _onward(flow: Workflow, state: str, known: Mapping[str, object]) -> list[str]:
    """A state, and those that it leads to as far as they are not known."""
    found = [state]
    for name in found:
        for verb in flow.leaving(name):
            found += [to for to in _targets(flow, verb, name) if to not in known and to not in found]
    return found


def _targets(flow: Workflow, verb: Transition, source: str) -> list[str]:
    to = targets(flow, flow.transitions.values(), verb, source)
    return [name for name in flow.states if name in to]


def _box(book: Rulebook, flow: Workflow, state: State, at: datetime, standing: Standing | None, *, gone: bool) -> Box:
    return Box(
        name=state.name,
        title=f"{state.title}（{GONE}）" if gone else state.title,
        final=state.final,
        stage=state.stage,
        owner=_owner(book, flow, state.owner) or _ENDS[state.final],
        deadlines=tuple(_due(book, flow, of, at) for of in state.deadlines),
        verbs=tuple(_verb(flow, verb, state.name) for verb in flow.leaving(state.name)),
        standing=standing,
        gone=gone,
    )


def _owner(book: Rulebook, flow: Workflow, owner: str) -> str:
    """Who answers for a state, in words."""
    fact = owner.removeprefix(FACT)
    if fact != owner:
        return f"“{book.subjects[flow.subject].fields[fact].title}”所写的单位"
    return "牵头单位" if owner == LEAD else owner


def _due(book: Rulebook, flow: Workflow, of: Deadline, at: datetime) -> str:
    return f"时限 {of.title}：{_since(book, flow, of.since)}起 {_length(book, of.within, at)}"


def _length(book: Rulebook, within: str, at: datetime) -> str:
    """How long in words; a parameter by its title too, for how much it is depends on the day."""
    length = book.within(within, {}, at)
    parameter = book.terms[within].parameter if within in book.terms else within
    words = [book.parameters[parameter].title] if parameter in book.parameters else []
    return " ".join([*words, duration_words(length) if length is not None else "没有值" if words else within])


def _since(book: Rulebook, flow: Workflow, since: str) -> str:
    word, _, name = since.partition(" ")
    if word == "clock":
        return f"{flow.clocks[name].title}期满"
    if word == "fact":
        return book.subjects[flow.subject].fields[name].title
    return {"opened": "立案", "state": "进入本环节"}.get(word, f"进入{name}")


def _verb(flow: Workflow, verb: Transition, source: str) -> Verb:
    """A verb in words, with an arrow before it; what stays has a dot, what goes back says to where."""
    to = tuple(_targets(flow, verb, source))
    titles = "、".join(flow.states[name].title for name in to)
    receipt = "（签收后）" if verb.hand_over is not None else ""
    mark = {SAME: "·", PREVIOUS: "↩"}.get(verb.to, "→")
    where = f"：{titles}" if titles and titles != verb.title else ""
    return Verb(verb.title, to, verb.to == PREVIOUS, f"{mark} {verb.title}{receipt}{where}", verb.danger)


def mermaid(of: Picture) -> str:
    """The states and verbs of a workflow as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"  %% {of.title}（{of.name}）", "  classDef late stroke:#b42318,stroke-width:3px"]
    lines += ["  classDef gone stroke-dasharray:5 3", f"  [*] --> {of.initial}"]
    for box in of.boxes.values():
        lines += [f"  {box.name} : {_plain(words)}" for words in _words(box)]
        lines += [f"  class {box.name} {kind}" for kind in _kinds(box)]
    for box in of.boxes.values():
        for verb in box.verbs:
            mark = "↩ " if verb.back else ""
            lines += [f"  {box.name} --> {to} : {mark}{_plain(verb.title)}" for to in verb.to or (box.name,)]
    lines += [f"  {box.name} --> [*]" for box in of.boxes.values() if box.final]
    return "\n".join(lines) + "\n"


def _words(box: Box) -> Iterator[str]:
    yield f"{box.title}（{box.owner}）" if box.owner and not box.final else box.title
    yield from box.deadlines
    if box.standing is not None:
        yield str(box.standing)


def _kinds(box: Box) -> Iterator[str]:
    if box.standing is not None and box.standing.overdue:
        yield "late"
    if box.gone:
        yield "gone"


def _plain(words: str) -> str:
    """Words that Mermaid does not take for its own signs."""
    return words.replace(":", "：").replace(";", "；").replace("#", "＃")
