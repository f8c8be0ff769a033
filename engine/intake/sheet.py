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
        if not any(cell not in (None, "") for tab in grid.tabs for line in tab.rows for cell in line):
            raise BadInput(Problem("SHEET-001", "表是空的", "至少有表头和一行内容", place=Place(file)))
        titles = [fields[name].title for name in source.required]
        raise BadInput(
            Problem(
                "SHEET-003", f"前 {HEADER_WITHIN} 行里没有认得的表头", f"至少要有：{listing(titles)}", place=Place(file)
            )
        )
    tab, row, _ = max(candidates, key=lambda found: (found[2], -found[1]))
    headers = tuple("" if cell is None else str(cell).strip() for cell in tab.rows[row])
    columns: dict[int, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for index, header in enumerate(headers):
        found = known.get(_form(header))
        if found is None:
            continue
        if found in columns.values():
            problems.append(
                Problem("SHEET-003", f"列 {header} 出现了两次", "同一内容只留一列", place=Place(file, row + 1))
            )
        columns[index] = found
    problems += _missing(fields, source, columns, headers, Place(file, row + 1))
    if problems:
        raise BadInput(problems)
    sheet = Sheet(
        tab.name, row + 1, headers, columns, (*grid.notes, *_noticed(tab, row, headers, columns, fields)), tab.rows
    )
    if next(sheet.rows(), None) is None:
        raise BadInput(Problem("SHEET-002", "只有表头，没有内容", "至少有一行内容", place=Place(file, row + 1)))
    return sheet


def _form(text: str) -> str:
    return _INNER.sub("", unicodedata.normalize("NFKC", text)).casefold()


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
        hits = sum(1 for cell in line if isinstance(cell, str) and _form(cell) in known)
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
