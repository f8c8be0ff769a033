"""From cells to rows: which sheet, which line is the header, which column is which fact."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.conditions import Field
from engine.core.errors import BadInput, Place, Problem, listing, nearest
from engine.core.rulebook import Source
from engine.intake.files import Grid, Tab

HEADER_WITHIN = 10
_INNER = re.compile(r"\s+")
_REMARK = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[*:]")
"""What forms add to the name of a column: 手机号（必填）, *姓名."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list understood: where its header is, which column holds which fact, and what was noticed."""

    name: str
    header_row: int
    headers: tuple[str, ...]
    columns: Mapping[int, tuple[str, ...]]
    """Column → the fact in it, or the several that one cell holds."""
    notes: tuple[str, ...]
    lines: list[list[Any]]

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Each line under the header that is not blank, with its number in the file (1 = first)."""
        width = len(self.headers)
        for index in range(self.header_row, len(self.lines)):
            line = self.lines[index]
            if any(cell not in (None, "") and str(cell).strip() for cell in line):
                yield index + 1, [*line[:width], *[None] * (width - len(line))]

    def header_of(self, field: str) -> str:
        """What the list calls a fact."""
        return next((self.headers[index] for index, fields in self.columns.items() if field in fields), field)


def understand(grid: Grid, fields: Mapping[str, Field], source: Source, file: str) -> Sheet:
    """The list in a file as this source sends it; missing and doubled columns are told all at once."""
    known = _names(fields, source)
    candidates = [(tab, row, known_here) for tab in grid.tabs for row, known_here in _headers(tab, known)]
    if not candidates:
        if not any(_filled(tab) for tab in grid.tabs):
            raise BadInput(Problem("SHEET-001", "表是空的", "至少有表头和一行内容", place=Place(file)))
        titles = [fields[name].title for name in source.required]
        raise BadInput(
            Problem(
                "SHEET-003", f"前 {HEADER_WITHIN} 行里没有认得的表头", f"至少要有：{listing(titles)}", place=Place(file)
            )
        )
    tab, row, _ = max(candidates, key=lambda found: (found[2], -found[1]))
    headers = tuple("" if cell is None else str(cell).strip() for cell in tab.rows[row])
    columns, problems = _columns(headers, known, Place(file, row + 1))
    problems += _missing(fields, source, columns, headers, Place(file, row + 1))
    if problems:
        raise BadInput(problems)
    notes = [*grid.notes, *_noticed(tab, row, headers, columns, fields)]
    unread = [other.name for other in grid.tabs if other is not tab and _filled(other)]
    if unread:
        notes.append(f"没有读的工作表：{listing(unread)}")
    sheet = Sheet(tab.name, row + 1, headers, columns, tuple(notes), tab.rows)
    if next(sheet.rows(), None) is None:
        raise BadInput(Problem("SHEET-002", "只有表头，没有内容", "至少有一行内容", place=Place(file, row + 1)))
    return sheet


def _filled(tab: Tab) -> bool:
    return any(cell not in (None, "") for line in tab.rows for cell in line)


def _form(text: str) -> str:
    return _INNER.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _bare(text: str) -> str:
    return _REMARK.sub("", _form(text))


def _columns(
    headers: Sequence[str], known: Mapping[str, tuple[str, ...]], place: Place
) -> tuple[dict[int, tuple[str, ...]], list[Problem]]:
    """Which column holds what: by its exact name, else, where no column has that, by its name without remarks."""
    exact = {index: known[_form(header)] for index, header in enumerate(headers) if _form(header) in known}
    named = set(exact.values())
    remarked = {
        index: known[_bare(header)]
        for index, header in enumerate(headers)
        if index not in exact and _bare(header) in known and known[_bare(header)] not in named
    }
    columns = dict(sorted((exact | remarked).items()))
    seen: set[tuple[str, ...]] = set()
    problems = []
    for index, held in columns.items():
        if held in seen:
            problems.append(Problem("SHEET-003", f"列 {headers[index]} 出现了两次", "同一内容只留一列", place=place))
        seen.add(held)
    return columns, problems


def _names(fields: Mapping[str, Field], source: Source) -> dict[str, tuple[str, ...]]:
    """Every name a column may have → the facts it holds."""
    known = {_form(of.title): (name,) for name, of in fields.items()}
    for name, headers in source.aliases.items():
        known |= {_form(header): (name,) for header in headers}
    return known | {_form(header): tuple(names) for header, names in source.split.items()}


def _headers(tab: Tab, known: Mapping[str, tuple[str, ...]]) -> list[tuple[int, int]]:
    """Lines that could be the header, with how many of their cells are known."""
    found = []
    for index, line in enumerate(tab.rows[:HEADER_WITHIN]):
        hits = sum(1 for cell in line if isinstance(cell, str) and (_form(cell) in known or _bare(cell) in known))
        if hits:
            found.append((index, hits))
    return found


def _missing(
    fields: Mapping[str, Field],
    source: Source,
    columns: Mapping[int, tuple[str, ...]],
    headers: Sequence[str],
    place: Place,
) -> list[Problem]:
    there = {name for names in columns.values() for name in names}
    others = [header for index, header in enumerate(headers) if header and index not in columns]
    return [
        Problem(
            "SHEET-003",
            f"缺少列 {fields[name].title}",
            f"现有：{listing(headers)}",
            nearest(fields[name].title, others),
            place,
        )
        for name in source.required
        if name not in there
    ]


def _noticed(
    tab: Tab, row: int, headers: Sequence[str], columns: Mapping[int, tuple[str, ...]], fields: Mapping[str, Field]
) -> list[str]:
    notes = [f"工作表 {tab.name}"] if tab.name else []
    notes.append(f"表头在第 {row + 1} 行")
    for index, names in columns.items():
        titles = "/".join(fields[name].title for name in names)
        if _form(titles) != _form(headers[index]):
            notes.append(f"列“{headers[index]}”作{titles}")
    others = [header for index, header in enumerate(headers) if header and index not in columns]
    if others:
        notes.append(f"未用的列：{listing(others)}")
    return notes
