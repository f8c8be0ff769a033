"""`decide`: the rules tried on facts, by the release in force, a folder, or the pack that comes along."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import Json, PackDir, console, office, pairs, print_json, table
from engine.core.conditions import Fact, parse_value
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.org import FACT
from engine.core.rulebook import Rulebook
from engine.core.tables import Decision, Row, Table
from engine.core.values import Parameter, local_day, parse_date
from engine.packs.pack import compile_pack, read_folder, shipped

_TITLES = {
    "category": "类别",
    "lead": "牵头",
    "supporting": "配合",
    "workflow": "流程",
    "days": "天数",
    "measure": "措施",
    "measures": "措施",
}


def decide(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="规则表 (decision table)，英文名或中文名都可以")],
    facts: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="要素=值，英文名或中文名都可以")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="按哪一天的规则行和数值 (day), 如 2022-05-26")] = None,
    db: Annotated[
        Path | None, typer.Option("--db", envvar="BIHUAN_DB", help="按这个数据库里现行的规则 (rules in force there)")
    ] = None,
    release: Annotated[int, typer.Option("--release", min=0, help="按数据库里的第几版；0 是现行的")] = 0,
    pack: PackDir = None,
    as_json: Json = False,
) -> None:
    """试一试规则：给出判定和依据 (decide and explain; nothing is stored)."""
    if release and (db is None or pack is not None):
        raise BadInput(Problem("ARG-004", "--release 是数据库里的一版", "与 --db 一起写，不写 --pack"))
    stored = office(db, quiet=as_json) if db is not None and pack is None else nullcontext()
    with stored as found:
        book = found.book(release) if found is not None else compile_pack(read_folder(pack or shipped()))
        asked = _table(book, name)
        day = _day(book, as_of, found.now() if found is not None else datetime.now(UTC))
        known = _facts(asked, pairs(facts or []))
        decision = asked.decide(known, day)
        considered = asked.considered(known, day)
        if as_json:
            told = [{"rule": row.id, "failed": failed} for row, failed in considered]
            by = {"release": book.release or None, "pack": book.name, "digest": book.digest}
            print_json({**decision.told, "considered": told, "by": by}, found)
            return
    by_what = f"第 {book.release} 版规则" if found is not None else f"规则包 {pack}" if pack else "自带的规则包"
    _explain(book, asked, decision, considered, by_what)


def _table(book: Rulebook, name: str) -> Table:
    titles = {of.title: of for of in book.tables.values()}
    if name not in book.tables and name not in titles:
        allowed = listing([f"{each}（{of.title}）" for each, of in book.tables.items()], 30)
        hint = nearest(name, [*book.tables, *titles])
        raise BadInput(Problem("RULE-040", f"没有规则表 {name}", f"可用：{allowed}", hint))
    return book.tables.get(name) or titles[name]


def _day(book: Rulebook, as_of: str | None, now: datetime) -> date:
    try:
        return parse_date(as_of) if as_of is not None else local_day(now, book.zone)
    except ValueError as error:
        raise BadInput(Problem("ARG-002", f"--as-of {as_of}：{error}")) from None


def _facts(asked: Table, given: Mapping[str, str]) -> dict[str, Fact]:
    inputs = {of.name: of for of in asked.inputs}
    titles = {of.title: of.name for of in asked.inputs}
    facts: dict[str, Fact] = {}
    problems = []
    for key, raw in given.items():
        found = key if key in inputs else titles.get(key, "")
        if not found:
            allowed = listing([f"{title}（{each}）" for title, each in titles.items()], 30)
            what = f"规则表 {asked.title}（{asked.name}）没有输入 {key}"
            problems.append(Problem("RULE-032", what, f"可用：{allowed}", nearest(key, [*inputs, *titles])))
            continue
        try:
            facts[found] = parse_value(inputs[found], raw)
        except ValueError as error:
            problems.append(Problem("RULE-022", f"{key}={raw}：{error}"))
    if problems:
        raise BadInput(problems)
    return facts


def _explain(book: Rulebook, asked: Table, decision: Decision, considered: list[tuple[Row, str]], by_what: str) -> None:
    out = console()
    if decision.matched:
        outcome = "，".join(_part(book, key, value, decision.as_of) for key, value in decision.outcome.items())
        out.print(f"[bold]{outcome}[/]")
        clauses = f"（{'、'.join(decision.clauses)}）" if decision.clauses else ""
        out.print(f"依据 {'、'.join(decision.rules)}{clauses}，按{by_what}，{decision.as_of} 当天")
    elif asked.hit_policy == "collect":
        told = f"{asked.title} 什么也不加，责任单位由别的表判定"
        out.print(f"[bold]没有一条规则命中[/]：{told} (no row adds anything)，按{by_what}，{decision.as_of} 当天")
    else:
        out.print(f"[bold]没有规则覆盖[/]：归默认责任单位 {book.default_owner}，并发出预警 (no match)")
        out.print(f"按{by_what}，{decision.as_of} 当天")
    hit = set(decision.rules)
    rows = [(row.id, "✔ 命中" if row.id in hit else failed or "也成立，但次序在后") for row, failed in considered]
    out.print(table(f"{asked.title}：逐条看", ("规则", "结果"), rows))


def _part(book: Rulebook, key: str, value: Any, day: date) -> str:
    """One thing a rule leads to; a parameter and a workflow by their titles, a parameter with what it is that day."""
    if isinstance(value, str) and value in book.parameters:
        return f"{book.parameters[value].title} {_value(book.parameters[value], day)}（{value}）"
    words = f"{book.workflows[value].title}（{value}）" if key == "workflow" else _words(book, value)
    return f"{_TITLES.get(key, key)} {words}"


def _value(parameter: Parameter, day: date) -> str:
    """What a parameter is on that day; that it is nothing then is told."""
    dated = parameter.at(day)
    if dated is None:
        return f"{day} 还没有值"
    listed = dated.value if isinstance(dated.value, tuple) else (dated.value,)
    return "、".join("已废止，没有值" if each is None else str(each) for each in listed)


def _words(book: Rulebook, value: Any) -> str:
    if isinstance(value, Mapping):
        return "、".join(f"{thing} {number}" for thing, number in value.items())
    return "、".join(_word(book, str(item)) for item in (value if isinstance(value, list | tuple) else [value]))


def _word(book: Rulebook, word: str) -> str:
    """A word of an outcome; a unit that a fact names is told by the title of that."""
    name = word.removeprefix(FACT)
    titles = (kind.fields[name].title for kind in book.subjects.values() if name in kind.fields)
    return f"“{next(titles, name)}”所写的单位" if name != word else word
