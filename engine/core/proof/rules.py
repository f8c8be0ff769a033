"""What is wrong with the tables of a rule book, in words: each with example inputs and the rows it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from engine.core.conditions import Fact, Field, label
from engine.core.errors import listing
from engine.core.proof.certificate import Broken, Certificate, Path
from engine.core.proof.tables import (
    CONTRARY,
    GAP,
    MOST_EXAMPLES,
    NEVER,
    OVERLAP,
    PAUSE,
    SHADOWED,
    TWIN,
    Found,
    prove,
)
from engine.core.proof.uses import holes, idle
from engine.core.rulebook import Rulebook
from engine.core.tables import Table

_NEAR = 3
"""So many of the nearest rows are told."""
_MOST_ALIKE = 10
"""So many values that are alike are told of one input."""


def rules(book: Rulebook) -> Certificate:
    """Tables without gap, overlap, idle row or hole in time, and dated values in force as long as they are used."""
    broken = [one for table in book.tables.values() for one in _table(table)]
    broken += [*holes(book), *idle(book)]
    rows = sum(len(table.rows) for table in book.tables.values())
    proved = {"张规则表": len(book.tables), "条规则": rows, "个参数": len(book.parameters)}
    return Certificate("规则", "没有缺口、重叠、用不到的规则和断档的日期", proved, tuple(broken))


def told(example: Mapping[str, Fact], inputs: Iterable[Field]) -> str:
    """Example inputs in words; any that is left out is not known."""
    stated = [f"{of.title}={label(of, example[of.name])}" for of in inputs if of.name in example]
    return "，".join(stated) or "任何情形"


def _table(table: Table) -> Iterator[Broken]:
    proof = prove(table)
    for found in proof.found:
        yield _words(table, found)
    if proof.more:
        what = f"规则表 {table.title} 至少还有 {proof.more} 处，只列 {MOST_EXAMPLES} 处"
        yield Broken("RULE-024", what, "改好列出的再查", table.name)
    if not proof.proved:
        what = f"规则表 {table.title} 太大，未能证明没有缺口和重叠 (not proved)"
        yield Broken("RULE-024", what, "减少输入、合并规则，或把表分开", table.name)


def _words(table: Table, found: Found) -> Broken:
    """A failure in words, at the row that a manager changes; the other rows are told with their places."""
    places: list[Path] = [("rules", table.rows.index(row)) for row in found.rows]
    shown = told(found.example, table.inputs) + (f"（{found.day}）" if found.day else "")
    if found.kind == GAP:
        return _gap(table, found, shown, places[:_NEAR])
    if found.kind == PAUSE:
        return _pause(table, found, shown, places)
    one, *rest = [f"规则 {row.id}" for row in found.rows]
    other = listing(rest, _NEAR)
    code, what, expected = {
        OVERLAP: ("RULE-025", f"{one} 与 {other} 会同时命中", f"例如 {shown}；请改条件或写明 priority"),
        NEVER: ("RULE-041", f"{one} 的条件互相排斥，永远不会成立", "改条件或删去"),
        SHADOWED: ("RULE-041", f"{one} 永远轮不到：{other} 先命中", f"例如 {shown}；调整 priority、改条件或删去"),
        TWIN: ("RULE-042", f"{other} 与 {one} 条件、日期、结果都相同", f"例如 {shown}；删去一条"),
        CONTRARY: ("RULE-042", f"{other} 与 {one} 条件和日期相同，结果不同", f"例如 {shown}；留一条"),
    }[found.kind]
    if found.kind in (NEVER, SHADOWED):
        return Broken(code, what, expected, table.name, places[0], tuple(places[1 : 1 + _NEAR]))
    return Broken(code, what, expected, table.name, places[1], (places[0],))


def _gap(table: Table, found: Found, shown: str, places: list[Path]) -> Broken:
    near = found.rows[:_NEAR]
    day = found.day or table.days[-1][0] or date.min
    why = "；".join(f"{row.id} {table.failed(row, found.example, day)}" for row in near)
    ended = next(
        ((*place, "until") for row, place in zip(near, places, strict=True) if row.until and row.until <= day), ()
    )
    what = f"规则表 {table.title} 没有规则覆盖，例如 {shown}{_alike(table, found)}"
    expected = f"最接近的：{why or '无'}"
    return Broken("RULE-024", what, expected, table.name, ended, tuple(places))


def _alike(table: Table, found: Found) -> str:
    """What else the inputs may be in the same gap."""
    more = [
        f"{of.title}={listing([label(of, value) for value in found.alike[of.name]], _MOST_ALIKE)}"
        for of in table.inputs
        if of.name in found.alike
    ]
    return f"；换成这些也没有：{'，'.join(more)}" if more else ""


def _pause(table: Table, found: Found, shown: str, places: list[Path]) -> Broken:
    one, other = found.rows
    what = f"规则 {one.id} 到 {one.until} 失效，{other.id} 到 {other.since} 才生效，中间没有规则"
    expected = f"例如 {shown}；until 与 from 写同一天"
    return Broken("RULE-043", what, expected, table.name, (*places[0], "until"), (places[1],))
