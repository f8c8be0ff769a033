"""Workflows as pictures: every state with its owner, deadlines and verbs; on a database, how many cases stand there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from engine.core.case import micros
from engine.core.org import FACT, LEAD
from engine.core.rulebook import Rulebook
from engine.core.values import duration_words, parse_duration
from engine.core.workflows import PREVIOUS, SAME, State, Transition, Workflow
from engine.service import Office

WIDTH, GAP_X, GAP_Y, LINE, PAD = 290, 90, 26, 17, 10
_COUNTS = (
    "SELECT c.workflow, c.state, count(*),"
    " sum(EXISTS (SELECT 1 FROM deadline AS d WHERE d.case_id = c.id AND d.due <= ?))"
    " FROM \"case\" AS c WHERE c.final = '' GROUP BY c.workflow, c.state"
)


class Standing(NamedTuple):
    """How many open cases stand in a state, and how many of them are overdue."""

    cases: int
    overdue: int


Standings = Mapping[str, Standing]
"""State → how many stand there."""


def standings(office: Office) -> dict[str, dict[str, Standing]]:
    """Workflow → state → how many open cases stand there now."""
    with office.store.reading() as driver:
        rows = driver.execute(_COUNTS, (micros(office.now()),)).fetchall()
    found: dict[str, dict[str, Standing]] = {}
    for workflow, state, cases, overdue in rows:
        found.setdefault(workflow, {})[state] = Standing(cases, overdue)
    return found


def mermaid(flow: Workflow) -> str:
    """The states and verbs of a workflow as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"  %% {flow.title}（{flow.name}）", f"  [*] --> {flow.initial}"]
    lines += [
        f"  {state.name} : {state.title}{f'（{state.owner}）' if state.owner else ''}" for state in flow.states.values()
    ]
    for transition in flow.transitions.values():
        for source in transition.sources:
            to = source if transition.to in (SAME, PREVIOUS) else transition.to
            back = "（回到原处）" if transition.to == PREVIOUS else ""
            lines.append(f"  {source} --> {to} : {transition.title}{back}")
    lines += [f"  {state.name} --> [*]" for state in flow.states.values() if state.final]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class _Box:
    """A state on the sheet: the lines in it, where it lies, and at which line each verb leaves it."""

    state: State
    lines: list[tuple[str, str]]
    """Each with its class in the style sheet."""
    leaving: list[tuple[int, str]]
    """Line number → the state the verb on it leads to."""
    column: int = 0
    x: int = 0
    y: int = 0

    @property
    def height(self) -> int:
        return LINE * len(self.lines) + 2 * PAD


def svg(book: Rulebook, flow: Workflow, standing: Standings | None = None) -> str:
    """A workflow as one SVG page, read from left to right; `standing`: with live counts, the overdue in red."""
    boxes = {state.name: _box(book, flow, state, (standing or {}).get(state.name)) for state in flow.states.values()}
    _place(flow, boxes)
    width = max(box.x for box in boxes.values()) + WIDTH + 2 * PAD
    height = max(box.y + box.height for box in boxes.values()) + 2 * PAD
    heading = f"{flow.title}（{flow.name}）" + (f"　{flow.clause}" if flow.clause else "")
    size = f'width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(heading)}</title>",
        _STYLE,
        f'<rect width="{width}" height="{height}" class="sheet"/>',
        f'<text x="{2 * PAD}" y="{3 * PAD}" class="h">{escape(heading)}</text>',
    ]
    parts += [arrow for box in boxes.values() for arrow in _arrows(box, boxes)]
    parts += [drawn for box in boxes.values() for drawn in _drawn(box, (standing or {}).get(box.state.name))]
    return "\n".join([*parts, "</svg>", ""])


_STYLE = (
    "<style>text{font:13px 'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif;"
    "fill:#1f2933}.sheet{fill:#fff}.h{font-size:17px;font-weight:bold}.t{font-size:14px;font-weight:bold}.m{fill:#52606d;font-size:12px}"
    ".d{fill:#8d5a00;font-size:12px}.v{fill:#1f2933}.r{fill:#b42318}.n{fill:#0b5394;font-weight:bold}"
    ".box{fill:#f5f7fa;stroke:#7b8794}.final{fill:#e3f4e7;stroke:#3f8f5b}.first{stroke:#0b5394;stroke-width:2.5}"
    ".late{stroke:#b42318;stroke-width:2.5}.a{fill:none;stroke:#9aa5b1;stroke-width:1.3}"
    ".back{stroke-dasharray:4 3}</style>"
    '<defs><marker id="p" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#9aa5b1"/></marker></defs>'
)
_WORDS = {LEAD: "牵头单位"}


def _box(book: Rulebook, flow: Workflow, state: State, standing: Standing | None) -> _Box:
    fields = book.subjects[flow.subject].fields
    owner = state.owner
    if owner.startswith(FACT):
        owner = f"由“{fields[owner.removeprefix(FACT)].title}”定"
    lines = [(state.title, "t")]
    lines.append((f"{state.stage} · {_WORDS.get(owner, owner) or _ENDS[state.final]}", "m"))
    lines += [
        (f"时限 {of.title}：{_since(book, flow, of.since)}起 {_length(book, of.within)}", "d") for of in state.deadlines
    ]
    if standing is not None:
        late = f"，超期 {standing.overdue}" if standing.overdue else ""
        lines.append((f"在办 {standing.cases} 件{late}", "n" if not standing.overdue else "r"))
    leaving = []
    for transition in flow.leaving(state.name):
        told, to = _verb(flow, transition)
        if to:
            leaving.append((len(lines), to))
        lines.append((told, "r" if transition.danger else "v"))
    return _Box(state, [(_fit(text), kind) for text, kind in lines], leaving)


def _length(book: Rulebook, within: str) -> str:
    """How long in words; a parameter by its title: how much it is depends on the day."""
    if within in book.parameters:
        return book.parameters[within].title
    term = book.terms.get(within)
    length = term.within if term is not None else parse_duration(within)
    return duration_words(length) if length is not None else within


_ENDS = {"": "", "released": "办结：解除", "transferred": "办结：移交", "closed": "办结"}


def _since(book: Rulebook, flow: Workflow, since: str) -> str:
    word, _, name = since.partition(" ")
    if word == "clock":
        return f"{flow.clocks[name].title}期满"
    if word == "fact":
        return book.subjects[flow.subject].fields[name].title
    return {"opened": "立案", "state": "进入本环节"}.get(word, f"进入{name}")


def _verb(flow: Workflow, transition: Transition) -> tuple[str, str]:
    """A verb in words, and the state it leads to; none: it stays, or goes back to where the case was."""
    if transition.to == SAME:
        return f"· {transition.title}", ""
    if transition.to == PREVIOUS:
        return f"↩ {transition.title}", ""
    to = flow.states[transition.to].title
    receipt = "（签收后）" if transition.hand_over is not None else ""
    return f"→ {transition.title}{receipt}" + (f"：{to}" if to != transition.title else ""), transition.to


def _place(flow: Workflow, boxes: dict[str, _Box]) -> None:
    """Columns by how many steps a state is from the first one; within a column near what leads to it."""
    column = {flow.initial: 0}
    for name in _walk(flow, column):
        boxes[name].column = column[name]
    final = max((box.column for box in boxes.values()), default=0)
    open_last = max((box.column for box in boxes.values() if not box.state.final), default=0)
    for box in boxes.values():
        if box.state.final:
            box.column = max(final, open_last + 1)
    columns: dict[int, list[_Box]] = {}
    for box in boxes.values():
        columns.setdefault(box.column, []).append(box)
    top = 5 * PAD
    for number, listed in sorted(columns.items()):
        listed.sort(key=lambda box: _pull(box, boxes))
        y = top
        for box in listed:
            box.x, box.y = 2 * PAD + number * (WIDTH + GAP_X), y
            y += box.height + GAP_Y


def _walk(flow: Workflow, column: dict[str, int]) -> Iterator[str]:
    """States in the order in which they are reached first."""
    waiting = [flow.initial]
    while waiting:
        name = waiting.pop(0)
        yield name
        for transition in flow.leaving(name):
            if transition.to not in (SAME, PREVIOUS) and transition.to not in column:
                column[transition.to] = column[name] + 1
                waiting.append(transition.to)
    for name in flow.states.keys() - column.keys():
        column[name] = 0
        yield name


def _pull(box: _Box, boxes: dict[str, _Box]) -> float:
    """The mean height of the verbs that lead here, from columns already placed."""
    heights = [
        other.y + line * LINE
        for other in boxes.values()
        if other.column < box.column
        for line, to in other.leaving
        if to == box.state.name
    ]
    return sum(heights) / len(heights) if heights else 0.0


def _arrows(box: _Box, boxes: dict[str, _Box]) -> Iterator[str]:
    for line, to in box.leaving:
        other = boxes[to]
        x, y = box.x + WIDTH, box.y + PAD + LINE * line + LINE // 2
        to_y = other.y + PAD + LINE // 2
        if other.column > box.column:
            bend = max(GAP_X * 0.6, (other.x - x) * 0.45)
            path = f"M{x} {y}C{x + bend:.0f} {y} {other.x - bend:.0f} {to_y} {other.x} {to_y}"
            yield f'<path class="a" marker-end="url(#p)" d="{path}"/>'
        else:  # back to a state on the left, or in the same column: around the right edge
            bend = GAP_X * 0.5
            end = other.x + WIDTH
            path = f"M{x} {y}C{x + bend:.0f} {y} {end + bend:.0f} {to_y} {end} {to_y}"
            yield f'<path class="a back" marker-end="url(#p)" d="{path}"/>'


def _drawn(box: _Box, standing: Standing | None) -> Iterator[str]:
    kind = "final" if box.state.final else "box"
    kind += " first" if box.column == 0 else ""
    kind += " late" if standing is not None and standing.overdue else ""
    yield f'<rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.height}" rx="6" class="{kind}"/>'
    for number, (text, style) in enumerate(box.lines):
        y = box.y + PAD + LINE * number + LINE - 4
        yield f'<text x="{box.x + PAD}" y="{y}" class="{style}">{escape(text)}</text>'


def _fit(text: str) -> str:
    """A line no wider than a box: Chinese characters take a whole em, others half."""
    room, kept = (WIDTH - 2 * PAD) / 13, ""
    for letter in text:
        room -= 1 if unicodedata.east_asian_width(letter) in "WF" else 0.56
        if room < 1:
            return kept + "…"
        kept += letter
    return kept
