"""The rows of a list, cleaned: what each says, what was put right, and every mistake with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson

from engine.core.conditions import Fact, Field
from engine.core.rulebook import Source
from engine.intake.clean import Cleaned, Cleaner, ahead, formula
from engine.intake.sheet import Sheet

RETURNED = "退回行"
"""The column of a returned workbook that says which line of which list a corrected row settles."""
REASON = "退回原因"
BACK = (RETURNED, REASON)
"""What a returned workbook adds to the sender's columns."""


@dataclass(slots=True)
class Row:
    """One row: its line in the file, its cells as sent, and what they mean."""

    line: int
    cells: list[Any]
    facts: dict[str, Fact] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    normalised: list[str] = field(default_factory=list)
    errors: list[tuple[str, str, str]] = field(default_factory=list)
    """Column as the list calls it, kind, and why in words."""
    settles: str = ""

    @property
    def status(self) -> str:
        """ok, normalised or error."""
        return "error" if self.errors else "normalised" if self.normalised else "ok"

    def value(self, name: str) -> Fact:
        """What the row says of a fact, open or personal."""
        return self.texts.get(name) or self.facts.get(name)


def clean_rows(
    sheet: Sheet,
    fields: Mapping[str, Field],
    source: Source,
    cleaner_of: Callable[[Field], Cleaner],
    known_at: datetime,
) -> list[Row]:
    """Every row of a list, each cell read by the declared type of its fact."""
    readers = [
        (column, [(fields[name], cleaner_of(fields[name])) for name in names])
        for column, names in sheet.columns.items()
    ]
    dated = [of for _, held in readers for of, _ in held if of.type in ("date", "time")]
    settles = sheet.headers.index(RETURNED) if RETURNED in sheet.headers else -1
    rows = []
    for line, cells in sheet.rows():
        row = Row(line, cells)
        for column, held in readers:
            if len(held) == 1:
                of, clean = held[0]
                _take(row, of, formula(cells[column]) or clean(cells[column]), sheet)
                continue
            lost = formula(cells[column])
            for (of, clean), cell in zip(held, _split(cells[column], len(held)), strict=True):
                _take(row, of, lost or clean(cell), sheet)
        if settles >= 0 and cells[settles]:
            row.settles = str(cells[settles]).strip()
        _whole(row, fields, source, sheet)
        _ahead(row, dated, sheet, known_at)
        rows.append(row)
    return rows


def _split(cell: Any, parts: int) -> list[Any]:
    """One cell as the several facts it holds, parted by `/`; the last takes what is left."""
    found = [] if cell is None else str(cell).split("/", parts - 1)
    return [*found, *[None] * (parts - len(found))]


def _take(row: Row, of: Field, done: Cleaned, sheet: Sheet) -> None:
    if done.error:
        row.errors.append((sheet.header_of(of.name), done.error, f"{done.code} {done.why}"))
        return
    if done.normalised:
        row.normalised += done.normalised
    if done.value is None:
        return
    if of.pii:
        row.texts[of.name] = str(done.value)
    else:
        row.facts[of.name] = done.value


def _whole(row: Row, fields: Mapping[str, Field], source: Source, sheet: Sheet) -> None:
    """What only the whole row tells: required facts that are missing, dates in the wrong order."""
    broken = {header for header, _, _ in row.errors}
    for name in source.required:
        if row.value(name) is None and (header := sheet.header_of(name)) not in broken:
            row.errors.append(
                (header, f"{name.removesuffix('_number')}_missing", f"SHEET-018 缺少{fields[name].title}")
            )
    for first, second in source.order:
        before, after = row.facts.get(first), row.facts.get(second)
        if isinstance(before, date) and isinstance(after, date) and before > after:
            why = f"SHEET-013 {fields[first].title}晚于{fields[second].title}"
            row.errors.append((sheet.header_of(first), "date_order", why))


def _ahead(row: Row, dated: list[Field], sheet: Sheet, known_at: datetime) -> None:
    """What is said to have happened but lies ahead, unless the same cell is already refused."""
    for of in dated:
        wrong = ahead(of, row.facts.get(of.name), known_at)
        if wrong and (header := sheet.header_of(of.name)) not in {header for header, _, _ in row.errors}:
            row.errors.append((header, wrong.error, f"{wrong.code} {wrong.why}"))


def refuse_foreign(rows: list[Row], jurisdiction: str, mine: frozenset[str], sheet: Sheet) -> None:
    """Rows of other units than one's own are refused, without a word on whether that person is known."""
    why = "SHEET-022 不是本单位的人员，请交其所属单位导入"
    for row in rows:
        if row.facts.get(jurisdiction) not in mine:
            row.errors.append((sheet.header_of(jurisdiction), "not_mine", why))


def as_sent(row: Row) -> str:
    """The cells of a row as text that can be sealed and given back."""
    return orjson.dumps(row.cells, default=str).decode()
