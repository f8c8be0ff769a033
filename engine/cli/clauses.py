"""`clauses`: what carries out each sentence of a document, both ways, and what a revision would change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import Json, PackDir, console, print_json, table
from engine.core.documents import Carrier, Clause, Difference, Document, Text, compare
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.rulebook import Rulebook
from engine.core.values import same_name
from engine.packs.pack import compile_pack, read_folder, shipped
from engine.packs.yamlfile import read_text

_HOW = {"changed": "改", "removed": "删", "added": "增"}


def clauses(
    only: Annotated[str, typer.Argument(metavar="[CLAUSE]", help="只看这一条，如 R058，或这一节的，如 二（二）3")] = "",
    by: Annotated[
        str | None, typer.Option("--by", help="反过来列：每条规则（rule）、单位（unit）、环节（state）…落实哪些条款")
    ] = None,
    missing: Annotated[bool, typer.Option("--missing", help="只列还没有落实的条款，有就返回 1")] = False,
    against: Annotated[
        Path | None, typer.Option("--against", help="修订后的文件（文本）：哪些句子变了，涉及什么")
    ] = None,
    name: Annotated[str | None, typer.Option("--document", help="哪一份文件，只有一份时不用写")] = None,
    pack: PackDir = None,
    as_json: Json = False,
) -> None:
    """条款由什么落实，什么落实哪些条款 (clause by clause, both ways; what a revised document touches)."""
    if sum((by is not None, missing, against is not None, bool(only))) > 1:
        raise BadInput(Problem("ARG-004", "条款号、--by、--missing、--against 一次写一个"))
    book = compile_pack(read_folder(pack or shipped()), stored=True)  # also of a draft that is not whole yet
    if by is not None:
        _carriers(book, by, as_json=as_json)
        return
    document = _document(book, name)
    if against is not None:
        _revised(document, against, as_json=as_json)
        return
    listed = [each for each in _asked(document, only) if each.missing or not missing]
    if as_json:
        print_json({"document": document.name, "clauses": [_clause_json(document, clause) for clause in listed]})
    elif listed:
        rows = [(clause.id, clause.heading, clause.quote, _carried(clause)) for clause in listed]
        console().print(table(f"{document.title}（{document.number}）", ("号", "条款", "原文", "由什么落实"), rows))
        if only:
            return
        left = sum(clause.missing for clause in document.clauses.values())
        typer.echo(f"{len(document.clauses)} 条：{len(document.clauses) - left} 条有落实或说明，{left} 条还没有")
    if missing and listed:
        raise typer.Exit(1)


def _document(book: Rulebook, name: str | None) -> Document:
    known = book.documents
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if not known:
        raise BadInput(Problem("CLAUSE-001", f"规则包“{book.title}”没有写它依据的文件", "见 rules/clauses.yaml"))
    if name is None or name not in known:
        what = f"没有文件 {name}" if name else "有几份文件，用 --document 写明哪一份"
        raise BadInput(Problem("CLAUSE-001", what, f"可用：{listing(list(known))}", nearest(name or "", known)))
    return known[name]


def _asked(document: Document, only: str) -> list[Clause]:
    """The rows that a number names: one row's own, or that of a part of the document with all that stands under it."""
    known = document.clauses
    number = re.compile(rf"{re.escape(same_name(only))}(?!(?<=\d)\d)")
    found = [known[only]] if only in known else [row for row in known.values() if number.match(same_name(row.heading))]
    if only and not found:
        headings = list(dict.fromkeys(row.heading for row in known.values()))
        expected = f"可用：{listing(headings, most=len(headings))}，或 {listing(list(known))}"
        raise BadInput(Problem("CLAUSE-001", f"没有条款 {only}", expected, nearest(only, [*headings, *known])))
    return found if only else list(known.values())


def _carried(clause: Clause) -> str:
    if clause.waived:
        return f"不由软件落实：{clause.waived}"
    return "；".join(_by_kind(clause.carried_by)) or "（还没有）"


def _by_kind(carriers: Iterable[Carrier]) -> list[str]:
    """What carries something out, one line for each kind."""
    named: dict[str, list[str]] = {}
    for carrier in dict.fromkeys(carriers):
        named.setdefault(carrier.kind, []).append(carrier.name)
    return [f"{kind} {'、'.join(names)}" for kind, names in named.items()]


def _clause_json(document: Document, clause: Clause) -> dict[str, Any]:
    return {
        "id": clause.id,
        "clause": clause.heading,
        "quote": clause.quote,
        "line": document.text.place(clause.span.start)[0],
        "carried_by": [{"kind": carrier.kind, "name": carrier.name} for carrier in clause.carried_by],
        "waived": clause.waived,
    }


def _carriers(book: Rulebook, kind: str, *, as_json: bool) -> None:
    """Every carrier of a kind with the clauses it carries, those it is told to answer for, and what it cites itself."""
    if kind not in book.carriers:
        kinds = listing(list(book.carriers), most=40)
        raise BadInput(Problem("CLAUSE-001", f"没有这一类 {kind}", f"可用：{kinds}", nearest(kind, book.carriers)))
    carried: dict[Carrier, list[str]] = {carrier: [] for carrier in book.carriers[kind].values()}
    for document in book.documents.values():
        for clause in document.clauses.values():
            for carrier in clause.carried_by:
                if carrier in carried:
                    carried[carrier].append(clause.id)
    told: list[dict[str, Any]] = [
        {
            "name": carrier.name,
            "title": carrier.title,
            "clauses": rows,
            "responsible": _responsible(book, carrier.name),
            "cites": carrier.cites,
        }
        for carrier, rows in carried.items()
    ]
    if as_json:
        print_json({"kind": kind, "carriers": told})
        return
    columns = {
        "name": "名字",
        "title": "名称",
        "clauses": "落实的条款",
        "responsible": "点名负责的条款",
        "cites": "自己引的出处",
    }
    shown = {key: title for key, title in columns.items() if any(line[key] for line in told)}
    lines = [["、".join(line[key]) if isinstance(line[key], list) else line[key] for key in shown] for line in told]
    console().print(table(f"{kind} → 条款", list(shown.values()), lines))


def _responsible(book: Rulebook, name: str) -> list[str]:
    """The headings whose list of owners names a unit, by any of its names."""
    unit = book.organisation.units.get(name)
    names = {same_name(each) for each in (name, *(unit.formerly if unit else ()))}
    return [
        heading
        for document in book.documents.values()
        for heading, owners in document.responsible.items()
        if names & {same_name(owner) for owner in owners}
    ]


def _revised(document: Document, path: Path, *, as_json: bool) -> None:
    """Sentences that are other than they were, with their clauses and whatever carries those out."""
    try:
        revised = Text(read_text(path.name, path.read_bytes()))
    except OSError as error:
        raise BadInput(Problem("FILE-007", f"读不了 {path.name}", error.strerror or "")) from None
    found = compare(document, revised)
    if sum(each.how == "removed" for each in found) == len(document.text.sentences):
        what = f"{path.name} 没有一句与 {document.number} 相同，不像它的修订"
        raise BadInput(Problem("FILE-007", what, "另存为纯文本（.txt，UTF-8）再比"))
    if as_json:
        print_json({"document": document.name, "differences": [_difference_json(document, each) for each in found]})
        return
    if not found:
        typer.echo(f"与 {document.number} 一字不差 (no difference)")
        return
    rows = [
        (
            _HOW[each.how],
            "\n".join(filter(None, (each.before and f"-{each.before}", each.after and f"+{each.after}"))),
            "、".join(clause.id for clause in each.clauses),
            "\n".join(_by_kind(_touched(each))),
            "、".join(_unbound(document, each)),
        )
        for each in found
    ]
    columns = ("", "句子", "条款", "涉及", "模糊词")
    console().print(table(f"{path.name} 与 {document.number} 不同的句子", columns, rows))
    counts = "、".join(f"{_HOW[how]} {sum(each.how == how for each in found)}" for how in _HOW)
    typer.echo(f"{len(found)} 处：{counts}；条款号与模糊词要按新文本改 rules/clauses.yaml 与 rules/terms.yaml")


def _touched(difference: Difference) -> list[Carrier]:
    """What carries out the clauses that a difference touches, each once."""
    return list(dict.fromkeys(carrier for clause in difference.clauses for carrier in clause.carried_by))


def _unbound(document: Document, difference: Difference) -> list[str]:
    """The vague words that a revised sentence has more of than before."""
    return [word for word in document.vague if difference.after.count(word) > difference.before.count(word)]


def _difference_json(document: Document, difference: Difference) -> dict[str, Any]:
    return {
        "how": difference.how,
        "before": difference.before,
        "after": difference.after,
        "clauses": [clause.id for clause in difference.clauses],
        "touches": [{"kind": carrier.kind, "name": carrier.name} for carrier in _touched(difference)],
        "vague": _unbound(document, difference),
    }
