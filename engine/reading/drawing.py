"""A workflow drawn as one SVG page, read from left to right; with live counts, the overdue in red."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from engine.reading.graph import Box, Picture

WIDTH, GAP_X, GAP_Y, LINE, PAD, INDENT = 310, 90, 26, 17, 10, 14
_SIZES = {"t": 14.5, "m": 12, "d": 12}
"""How large the letters of a class are; others are 13."""
NEAR = 8
_STYLE = (
    "<style>text{font:13px 'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif;"
    "fill:#1f2933}.sheet{fill:#fff}.h{font-size:17px;font-weight:bold}.t{font-size:14px;font-weight:bold}.m{fill:#52606d;font-size:12px}"
    ".d{fill:#8d5a00;font-size:12px}.v{fill:#1f2933}.r{fill:#b42318}.n{fill:#0b5394;font-weight:bold}"
    ".box{fill:#f5f7fa;stroke:#7b8794}.final{fill:#e3f4e7;stroke:#3f8f5b}.first{stroke:#0b5394;stroke-width:2.5}"
    ".gone{fill:#fdf6e3;stroke-dasharray:6 4}.late{stroke:#b42318;stroke-width:2.5}"
    ".a{fill:none;stroke:#9aa5b1;stroke-width:1.3}.back{stroke-dasharray:4 3}</style>"
    '<defs><marker id="p" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#9aa5b1"/></marker></defs>'
)


@dataclass(slots=True)
class _Place:
    """A state on the sheet: the lines in it, where it lies, and at which line each verb leaves it."""

    box: Box
    lines: list[tuple[str, str, int]]
    """Each with its class in the style sheet, and how far it is set in."""
    leaving: list[tuple[int, str, bool]]
    """Line number → a state the verb on it leads to, and whether that is back."""
    column: int = 0
    x: int = 0
    y: int = 0

    @property
    def height(self) -> int:
        return LINE * len(self.lines) + 2 * PAD


def svg(of: Picture) -> str:
    """A workflow as one SVG page."""
    places = {name: _filled(box) for name, box in of.boxes.items()}
    _place(of.initial, places)
    width = max(place.x for place in places.values()) + WIDTH + 2 * PAD
    height = max(place.y + place.height for place in places.values()) + 2 * PAD
    heading = f"{of.title}（{of.name}）" + (f"　{of.clause}" if of.clause else "")
    size = f'width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(heading)}</title>",
        _STYLE,
        f'<rect width="{width}" height="{height}" class="sheet"/>',
        f'<text x="{2 * PAD}" y="{3 * PAD}" class="h">{escape(heading)}</text>',
    ]
    parts += [arrow for place in places.values() for arrow in _arrows(place, places)]
    parts += [drawn for place in places.values() for drawn in _drawn(place, first=place.box.name == of.initial)]
    return "\n".join([*parts, "</svg>", ""])


def _filled(box: Box) -> _Place:
    place = _Place(box, [], [])

    def write(words: str, kind: str) -> None:
        place.lines += [(line, kind, INDENT * bool(n)) for n, line in enumerate(_wrapped(words, _SIZES.get(kind, 13)))]

    write(box.title, "t")
    write(f"{box.stage} · {box.owner}", "m")
    for words in box.deadlines:
        write(words, "d")
    if box.standing is not None:
        write(str(box.standing), "r" if box.standing.overdue else "n")
    for verb in box.verbs:
        place.leaving += [(len(place.lines), to, verb.back) for to in verb.to]
        write(verb.words, "r" if verb.danger else "v")
    return place


def _place(first: str, places: dict[str, _Place]) -> None:
    """Columns by how many steps a state is from the first one; within a column near what leads to it."""
    column = {first: 0}
    for name in _walk(first, places, column):
        places[name].column = column[name]
    open_last = max((place.column for place in places.values() if not place.box.final), default=0)
    last = max(open_last + 1, *(place.column for place in places.values()))
    for place in places.values():
        if place.box.final:
            place.column = last
    columns: dict[int, list[_Place]] = {}
    for place in places.values():
        columns.setdefault(place.column, []).append(place)
    for number, listed in sorted(columns.items()):
        listed.sort(key=lambda place: (place.box.gone, _pull(place, places)))
        y = 5 * PAD
        for place in listed:
            place.x, place.y = 2 * PAD + number * (WIDTH + GAP_X), y
            y += place.height + GAP_Y


def _walk(first: str, places: dict[str, _Place], column: dict[str, int]) -> Iterator[str]:
    """States in the order in which they are reached first."""
    waiting = [first]
    while waiting:
        name = waiting.pop(0)
        yield name
        for _, to, back in places[name].leaving:
            if not back and to not in column:
                column[to] = column[name] + 1
                waiting.append(to)
    for name, place in places.items():
        if name not in column:  # reached from nowhere any more: left of where it leads
            onward = [column[to] for _, to, back in place.leaving if not back and to in column]
            column[name] = max(0, min(onward, default=1) - 1)
            yield name


def _pull(place: _Place, places: dict[str, _Place]) -> float:
    """The mean height of the verbs that lead here, from columns already placed."""
    heights = [
        other.y + line * LINE
        for other in places.values()
        if other.column < place.column
        for line, to, _ in other.leaving
        if to == place.box.name
    ]
    return sum(heights) / len(heights) if heights else 0.0


def _arrows(place: _Place, places: dict[str, _Place]) -> Iterator[str]:
    """Onward from the right edge, back from the left one, within a column around the right edge."""
    for line, to, back in place.leaving:
        other = places[to]
        left, right = place.column > other.column, place.column < other.column
        x, end = place.x + WIDTH * (not left), other.x + WIDTH * (not right)
        y, to_y = place.y + PAD + LINE * line + LINE // 2, other.y + PAD + LINE // 2
        bend = max(GAP_X * 0.6, abs(end - x) * 0.45) if left or right else GAP_X * 0.5
        leaves, comes = bend * (-1 if left else 1), bend * (-1 if right else 1)
        kind = "a" if right and not back else "a back"
        path = f"M{x} {y}C{x + leaves:.0f} {y} {end + comes:.0f} {to_y} {end} {to_y}"
        yield f'<path class="{kind}" marker-end="url(#p)" d="{path}"/>'


def _drawn(place: _Place, *, first: bool) -> Iterator[str]:
    box = place.box
    late = box.standing is not None and box.standing.overdue > 0
    kinds = {"first": first, "gone": box.gone, "late": late}
    kind = " ".join(["final" if box.final else "box", *(name for name, holds in kinds.items() if holds)])
    yield f'<rect x="{place.x}" y="{place.y}" width="{WIDTH}" height="{place.height}" rx="6" class="{kind}"/>'
    for number, (text, style, indent) in enumerate(place.lines):
        y = place.y + PAD + LINE * number + LINE - 4
        yield f'<text x="{place.x + PAD + indent}" y="{y}" class="{style}">{escape(text)}</text>'


def _wrapped(text: str, size: float) -> Iterator[str]:
    """Lines no wider than a box: Chinese characters take a whole em, others about half.

    A line ends at a blank where one is near, does not begin with a sign that closes or parts, nor end with one that
    opens.
    """
    room = (WIDTH - 2 * PAD - INDENT) / size
    while sum(map(_width, text)) > room:
        end = next(n for n in range(1, len(text) + 1) if sum(map(_width, text[: n + 1])) > room)
        blank = text.rfind(" ", end - NEAR, end + 1)
        if blank > 0:
            end = blank
        while end > 1 and (text[end] in "，。、；：）”》" or text[end - 1] in "（“《"):
            end -= 1
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    yield text


def _width(letter: str) -> float:
    return 1 if unicodedata.east_asian_width(letter) in "WFA" else 0.58
