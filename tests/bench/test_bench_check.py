"""Proving a table of 3,000 rules over six inputs beside reading it: `make bench`."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product

import pytest

from engine.core.conditions import Between, Cell, Field, OneOf, Unknown
from engine.core.proof.tables import SHADOWED, prove
from engine.core.tables import Row, Table
from engine.packs.models import TablesFile
from engine.packs.yamlfile import read_yaml
from tests.bench.test_bench import median_of, tell

pytestmark = pytest.mark.bench
PAIRS = 5
MOST_SECONDS = 2
FIELDS = [
    *(Field(f"f{n}", f"输入{n}", "enum", tuple(f"v{i}" for i in range(k - 1))) for n, k in enumerate((5, 5, 5, 4))),
    Field("count", "数", "integer", low=0, high=9),
    Field("asked", "是否", "yes_no"),
]


def parts(of: Field) -> list[Cell | None]:
    if of.type == "enum":
        return [*(OneOf(frozenset({value})) for value in of.values), Unknown()]
    if of.type == "integer":
        return [Between(0, 4), Between(5, 9), Unknown()]
    return [OneOf(frozenset({True})), None]


def complete() -> Table:
    """Every input covered by exactly one of 3,000 rules."""
    rows = []
    for number, cells in enumerate(product(*map(parts, FIELDS))):
        when = {of.name: cell for of, cell in zip(FIELDS, cells, strict=True) if cell is not None}
        answers: list[Cell] = [OneOf(frozenset({False})), Unknown()]
        each = (when,) if "asked" in when else tuple({**when, "asked": answer} for answer in answers)
        rows.append(Row(f"R{number}", each, {"lead": number}))
    return Table("t", "表", "unique", FIELDS, rows)


def tangled() -> Table:
    """Ranked rules of up to three values, ranges and dates each, many of which others shadow, and one for the rest."""
    chance = random.Random(4)
    values = tuple(f"v{n}" for n in range(20))
    fields = [*(Field(f"f{n}", f"输入{n}", "enum", values) for n in range(3)), *FIELDS[4:], Field("d", "日", "date")]
    first = date(2022, 1, 1)
    rows = []
    for number in range(2_999):
        when: dict[str, Cell] = {}
        for of in fields:
            if chance.random() < 0.3:
                continue
            if of.type == "enum":
                when[of.name] = OneOf(frozenset(chance.sample(values, chance.randint(1, 3))))
            elif of.type == "integer":
                low, high = sorted(chance.sample(range(10), 2))
                when[of.name] = Between(low, high)
            elif of.type == "date":
                when[of.name] = Between(first + timedelta(days=chance.randint(0, 30)))
            else:
                when[of.name] = OneOf(frozenset({chance.random() < 0.5}))
        since = first + timedelta(days=chance.randint(0, 100))
        until = since + timedelta(days=chance.randint(30, 200))
        rows.append(Row(f"R{number}", (when,), {"lead": number}, priority=number, since=since, until=until))
    rows.append(Row("last", ({},), {"lead": -1}, priority=9_999))
    return Table("t", "表", "priority", fields, rows)


def written(table: Table) -> bytes:
    """A table of equal size as a manager would write it."""
    inputs = ", ".join(of.name for of in table.inputs)
    head = f"schema: 1\ntables:\n  t:\n    title: 表\n    hit_policy: unique\n    inputs: [{inputs}]\n    rules:\n"
    cells = ", ".join(f"{of.name}: v1" for of in table.inputs)
    rows = [f"      - {{id: {row.id}, clause: 一, when: {{{cells}}}, then: {{lead: 甲}}}}\n" for row in table.rows]
    return (head + "".join(rows)).encode()


def seconds(work: Callable[[], object]) -> float:
    """Of a processor: other work may keep the machine busy."""
    started = time.process_time()
    work()
    return time.process_time() - started


@pytest.mark.parametrize("make", [complete, tangled])
def test_three_thousand_rules_over_six_inputs_are_proved(make: Callable[[], Table]) -> None:
    table = make()
    assert (len(table.rows), len(table.inputs)) == (3_000, 6)
    proof = prove(table)
    assert proof.proved
    assert {found.kind for found in proof.found} == (set() if make is complete else {SHADOWED})
    text = written(table)
    taken, ratios = [], []
    for _ in range(PAIRS):
        load = seconds(lambda: (TablesFile.model_validate(read_yaml("rules/t.yaml", text).data), make()))
        taken.append(seconds(lambda: prove(table)))
        ratios.append(load / taken[-1])
    tell(f"\nproved in {', '.join(f'{each:.2f}' for each in taken)} s")
    assert median_of(f"reading / proving 3,000 rules ({make.__name__})", ratios) > 0
    assert statistics.median(taken) <= MOST_SECONDS
