"""`facts`: what there is to fill in of each kind of subject, and every value that may be given."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import Json, PackDir, console, office, print_json, table
from engine.core.conditions import Field
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.rulebook import Rulebook, Subject
from engine.packs.pack import compile_pack, read_folder, shipped

_TYPES = {
    "text": "文字",
    "enum": "选一项",
    "integer": "整数",
    "number": "数",
    "date": "日期",
    "time": "时间",
    "yes_no": "是或否",
    "region": "地区",
    "unit": "单位",
    "file": "文件",
    "person_ref": "案件号",
}
SHOWN = 6


def facts(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="对象类别，如 场所（venue）；不写就列出有哪些")] = "",
    fact: Annotated[str, typer.Argument(metavar="[FACT]", help="要素，如 场所类型；列出它的全部取值")] = "",
    db: Annotated[
        Path | None, typer.Option("--db", envvar="BIHUAN_DB", help="按这个数据库里现行的规则 (rules in force there)")
    ] = None,
    pack: PackDir = None,
    as_json: Json = False,
) -> None:
    """要素：每类对象填什么，每个要素可以填什么，全部列出 (facts and their values, never cut)."""
    stored = office(db, quiet=as_json) if db is not None and pack is None else nullcontext()
    with stored as found:
        book = found.book() if found is not None else compile_pack(read_folder(pack or shipped()))
        if not kind:
            _kinds(book, as_json=as_json)
            return
        subject = book.kind_named(kind)
        if not fact:
            _facts(book, subject, as_json=as_json)
            return
        of = _field(subject, fact)
        if as_json:
            print_json({"kind": subject.name} | _told(book, of))
            return
        rows = [(row["title"], row["value"], "、".join(row["also"])) for row in _values(book, of)]
        console().print(f"{subject.title}·{of.title}（{of.name}）：{_TYPES[of.type]}")
        if rows:
            console().print(table(f"可填 {len(rows)} 项", ("取值", "英文名", "也可写作"), rows))


def _kinds(book: Rulebook, *, as_json: bool) -> None:
    """The kinds of which people open cases."""
    kinds = [of for of in book.subjects.values() if of.decided_by]
    if as_json:
        print_json({"kinds": [{"kind": of.name, "title": of.title} for of in kinds]})
        return
    rows = []
    for of in kinds:
        asked = [each.title for each in of.fields.values() if each.required]
        rows.append((of.title, of.name, "、".join(asked) or "无"))
    console().print(table("对象类别（case open --kind）", ("类别", "英文名", "立案必填"), rows))


def _facts(book: Rulebook, subject: Subject, *, as_json: bool) -> None:
    told = [_told(book, of) for of in subject.fields.values()]
    if as_json:
        print_json({"kind": subject.name, "facts": told})
        return
    rows = []
    for row in told:
        titles = [value["title"] for value in row["values"]]
        kept = "是" if row["personal"] else ""
        rows.append((row["title"], row["fact"], _TYPES[row["type"]], "必填" if row["required"] else "", kept, titles))
    shown = [(*row, listing(titles, SHOWN) if titles else "") for *row, titles in rows]
    console().print(table(f"{subject.title}的要素", ("要素", "英文名", "怎么填", "立案", "加密", "可填"), shown))
    console().print(f"一个要素的全部取值：bihuan facts {subject.title} 要素")


def _told(book: Rulebook, of: Field) -> dict[str, Any]:
    """A fact as JSON tells it, with every value it may have."""
    told = {"fact": of.name, "title": of.title, "type": of.type, "required": of.required, "personal": of.pii}
    return told | {"least": of.low, "most": of.high, "values": _values(book, of)}


def _values(book: Rulebook, of: Field) -> list[dict[str, Any]]:
    """Every value of a fact that has a choice of them; a unit without a list may be any."""
    values = of.values or (tuple(book.organisation.units) if of.type == "unit" else ())
    also: dict[str, list[str]] = {}
    for word, value in of.aliases.items():
        also.setdefault(value, []).append(word)
    return [{"value": value, "title": of.titles.get(value, value), "also": also.get(value, [])} for value in values]


def _field(subject: Subject, name: str) -> Field:
    """The fact of that name or title."""
    found = subject.fields.get(name) or subject.fields.get(subject.named(name))
    if found is None:
        options = [of.title for of in subject.fields.values()]
        hint = nearest(name, [*options, *subject.fields])
        shown = f"可用：{listing(options, len(options))}"
        raise BadInput(Problem("FACT-001", f"{subject.title}没有要素 {name}", shown, hint))
    return found
