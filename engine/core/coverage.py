"""Which rules, conditions and workflows the examples and stories of a rule book reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from engine.core.case import Event
from engine.core.conditions import Cell, Fact, Field, OneOf, from_json, holds, words
from engine.core.rulebook import Rulebook
from engine.core.stories import tell
from engine.core.tables import Row, Table

Hit = tuple[str, int, str, Fact]
"""A row of a table, which of its `when`, the input, and the value it names (None: the cell as a whole)."""


class Coverage(NamedTuple):
    """What a table has and what of it no example or story reaches, in words."""

    title: str
    rows: int
    cells: int
    cells_met: int
    rows_missed: tuple[str, ...]
    cells_missed: tuple[str, ...]


class Reached(NamedTuple):
    """How far examples and stories reach: table by table, and the workflows in which no story is told."""

    tables: tuple[Coverage, ...]
    untold: tuple[str, ...]


def reached(book: Rulebook) -> Reached:
    """How far the examples and stories of a rule book reach."""
    happened: list[Event] = []
    for story in book.stories:
        tell(book, story, happened)
    hit: dict[str, set[Hit]] = {name: set() for name in book.tables}
    rows: dict[str, set[str]] = {name: set() for name in book.tables}
    for table, rules, inputs in _decided(book, happened):
        rows[table.name] |= set(rules)
        for row in (row for row in table.rows if row.id in rules):
            hit[table.name] |= {each for each in _cells(row) if _met(row, each, inputs)}
    begun = {event.data["workflow"] for event in happened if event.type == "opened"}
    return Reached(
        tuple(_coverage(table, rows[table.name], hit[table.name]) for table in book.tables.values()),
        tuple(flow.title for flow in book.workflows.values() if flow.name not in begun),
    )


def _decided(book: Rulebook, happened: list[Event]) -> Iterator[tuple[Table, tuple[str, ...], Mapping[str, Fact]]]:
    for example in book.examples:
        decision = book.tables[example.table].decide(example.facts, example.as_of)
        yield book.tables[example.table], decision.rules, decision.inputs
    for event in happened:
        told = event.data.get("decision", {})
        if told.get("table"):
            completing = {kind.completed_by for kind in book.subjects.values() if kind.decided_by == told["table"]}
            for name in (told["table"], *sorted(completing - {""})):
                table = book.tables[name]
                rules = {row.id for row in table.rows}
                inputs = {of.name: from_json(of, told["inputs"].get(of.name)) for of in table.inputs}
                yield table, tuple(rule for rule in told["rules"] if rule in rules), inputs


def _cells(row: Row) -> Iterator[Hit]:
    """Every condition of a row; one that names several values is several."""
    for index, cells in enumerate(row.when):
        for name, cell in cells.items():
            for value in sorted(cell.values, key=str) if isinstance(cell, OneOf) else (None,):
                yield row.id, index, name, value


def _met(row: Row, hit: Hit, inputs: Mapping[str, Fact]) -> bool:
    """Whether these inputs meet one `when` of a row whole, and this condition of it with this value."""
    _, index, name, value = hit
    if not all(holds(cell, inputs.get(of)) for of, cell in row.when[index].items()):
        return False
    return value is None or inputs.get(name) == value


def _coverage(table: Table, rows: set[str], hit: set[Hit]) -> Coverage:
    fields = {of.name: of for of in table.inputs}
    cells = [(row, each) for row in table.rows for each in _cells(row)]
    return Coverage(
        table.title,
        len(table.rows),
        len(cells),
        len(hit),
        tuple(row.id for row in table.rows if row.id not in rows),
        tuple(dict.fromkeys(_words(row, each, fields) for row, each in cells if each not in hit)),
    )


def _words(row: Row, hit: Hit, fields: Mapping[str, Field]) -> str:
    rule, index, name, value = hit
    cell: Cell = row.when[index][name] if value is None else OneOf(frozenset({value}))
    return f"{rule} {words(fields[name], cell)}"
