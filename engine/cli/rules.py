"""`check` and `decide`: rules without a database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import Bounds, Json, PackDir, bounds_of, console, pairs, print_json, problem_json, table
from engine.core.conditions import Fact, parse_value
from engine.core.coverage import Reached, reached
from engine.core.errors import BadInput, BihuanError, Problem, listing, nearest
from engine.core.findings import Finding, findings
from engine.core.org import FACT
from engine.core.rulebook import Rulebook
from engine.core.values import local_day, parse_date
from engine.packs.check import Proved
from engine.packs.notes import notes
from engine.packs.pack import Examined, compile_pack, examine, read_folder, shipped
from engine.packs.scaffold import scaffold
from engine.packs.schema import schemas


def _book(pack: Path | None) -> Rulebook:
    return compile_pack(read_folder(pack or shipped()))


def check(
    folder: Annotated[Path | None, typer.Argument(help="规则包文件夹 (pack folder)")] = None,
    pack: PackDir = None,
    limits: Bounds = None,
    as_json: Json = False,
) -> None:
    """检查规则包，一次列出全部错误 (check a pack, every mistake at once)."""
    try:
        files = read_folder(folder or pack or shipped())
        examined = examine(files)
        if limits is not None and examined.book is not None:
            bounds_of(limits, files, examined.book)
    except BihuanError as error:
        examined = Examined(None, error.problems)
    if examined.book is None:
        _not_whole(examined, as_json=as_json)
        raise typer.Exit(2)
    book = examined.book
    rows = sum(len(item.rows) for item in book.tables.values())
    far = reached(book)
    if as_json:
        tables = [covered._asdict() for covered in far.tables]
        coverage = {"tables": tables, "untold": far.untold}
        open_ = [asdict(finding) for finding in findings(book)]
        certificates = [_certificate_json(one) for one in examined.proved]
        told = {"certificates": certificates, "notes": notes(book), "findings": open_, "coverage": coverage}
        print_json({"ok": True, "pack": book.name, "digest": book.digest, **told})
        return
    for one in examined.proved:
        typer.echo(_certificate(one))
    for note in notes(book):
        typer.echo(f"注意：{note}")
    for finding in findings(book):
        typer.echo(_left_open(finding))
    _reach(far)
    typer.echo(
        f"规则包“{book.title}”没有错误：{len(book.tables)} 张规则表 {rows} 条规则，{len(book.workflows)} 个流程，"
        f"{len(book.examples)} 个例子、{len(book.stories)} 个故事全部成立；摘要 {book.digest[:12]} (no mistakes)"
    )


def _not_whole(examined: Examined, *, as_json: bool) -> None:
    """The certificates with their counter-examples, then whatever else is wrong."""
    number = len(examined.problems)
    if as_json:
        certificates = [_certificate_json(one) for one in examined.proved]
        problems = [problem_json(problem) for problem in examined.problems]
        print_json({"ok": False, "problems": problems, "certificates": certificates})
        return
    for one in examined.proved:
        typer.echo(_certificate(one))
    if not examined.proved:
        typer.echo("？四项闭环：文件和名字都对了才能证明 (not proved yet)")
    broken = {problem.place for one in examined.proved for problem in one.problems}
    others = [problem for problem in examined.problems if problem.place not in broken]
    if others:
        typer.echo(str(BadInput(others)))
    typer.echo(f"共 {number} 处错误，规则包不能发布 ({number} mistakes)")


def _certificate(one: Proved) -> str:
    """A certificate with what was proved, or with each counter-example."""
    name, promise = one.certificate.name, one.certificate.promise
    if one.problems:
        return f"✗ {name}：{promise}，有 {len(one.problems)} 处反例\n{BadInput(one.problems)}"
    return f"✓ {name}：{promise}（{'，'.join(f'{number} {of}' for of, number in one.certificate.proved.items())}）"


def _certificate_json(one: Proved) -> dict[str, Any]:
    return {
        "name": one.certificate.name,
        "promise": one.certificate.promise,
        "holds": not one.problems,
        "proved": one.certificate.proved,
        "problems": [problem_json(problem) for problem in one.problems],
    }


def _left_open(finding: Finding) -> str:
    """Something for a manager to decide, or what was decided."""
    if finding.decided:
        return f"已定 {finding.key}：{finding.what} → {finding.decided}（{finding.by}）"
    choices = f"，可选：{'｜'.join(finding.choices)}" if finding.choices else ""
    return f"待定 {finding.key}（{'、'.join(finding.clauses)}）：{finding.what}{choices}"


def _reach(far: Reached) -> None:
    """How far examples and stories reach, and what they do not reach."""
    for one in far.tables:
        met = one.rows - len(one.rows_missed)
        typer.echo(
            f"例子与故事走到：{one.title} {met}/{one.rows} 条规则（{_percent(met, one.rows)}），"
            f"{one.cells_met}/{one.cells} 个条件（{_percent(one.cells_met, one.cells)}）"
        )
        if one.rows_missed:
            typer.echo(f"注意：没有例子走到规则 {'、'.join(one.rows_missed)}")
        if one.cells_missed:
            typer.echo(f"注意：没有例子走到条件 {'；'.join(one.cells_missed)}")
    if far.untold:
        typer.echo(f"注意：没有故事的流程：{'、'.join(far.untold)}")


def _percent(part: int, whole: int) -> str:
    """Rounded down, so that only all of it is 100 %."""
    return f"{100 * part // whole if whole else 100} %"


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="新的文件夹 (a new folder)")],
    as_json: Json = False,
) -> None:
    """写一个空的规则包，作为另一个闭环的起点 (begin a pack of your own)."""
    written = scaffold(folder)
    if as_json:
        print_json({"pack": str(folder), "files": written})
        return
    for name in written:
        typer.echo(f"{folder / name}")
    typer.echo(f"写好 {len(written)} 个文件；改好后 bihuan check {folder} (edit, then check)")


def schema(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="写到这个文件夹 (write them here)")] = None,
    as_json: Json = False,
) -> None:
    """规则文件的 JSON Schema，给编辑器用 (JSON Schema for editors)."""
    made = {Path(name).name: text for name, text in schemas().items()}
    if folder is None:
        print_json({name: json.loads(text) for name, text in made.items()})
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (folder / name).write_bytes(text)
    except OSError as error:
        raise BadInput(Problem("ARG-006", f"写不进 {folder}：{error.strerror}", "写一个文件夹")) from None
    written = [str(folder / name) for name in made]
    if as_json:
        print_json({"files": written})
    else:
        typer.echo("\n".join(written))


def decide(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="规则表 (decision table)")],
    facts: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="要素=值，英文名或中文名都可以")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="按哪一天的规则 (day), 如 2022-05-26")] = None,
    pack: PackDir = None,
    as_json: Json = False,
) -> None:
    """试一试规则：给出判定和依据 (decide and explain; nothing is stored)."""
    book = _book(pack)
    if name not in book.tables:
        raise BadInput(
            Problem("RULE-040", f"没有规则表 {name}", f"可用：{listing(list(book.tables))}", nearest(name, book.tables))
        )
    asked = book.tables[name]
    try:
        day = parse_date(as_of) if as_of is not None else local_day(datetime.now(UTC), book.zone)
    except ValueError as error:
        raise BadInput(Problem("ARG-002", f"--as-of {as_of}：{error}")) from None
    known = _facts(book, name, pairs(facts or []))
    decision = asked.decide(known, day)
    considered = asked.considered(known, day)
    if as_json:
        print_json(
            {
                **decision.told,
                "considered": [{"rule": row.id, "failed": failed} for row, failed in considered],
            }
        )
        return
    _explain(book, asked.title, day, decision, considered)


def _facts(book: Rulebook, name: str, given: dict[str, str]) -> dict[str, Fact]:
    inputs = {of.name: of for of in book.tables[name].inputs}
    titles = {of.title: of.name for of in inputs.values()}
    facts: dict[str, Fact] = {}
    problems = []
    for key, raw in given.items():
        found = key if key in inputs else titles.get(key, "")
        if not found:
            options = [*inputs, *titles]
            problems.append(
                Problem(
                    "RULE-032", f"规则表 {name} 没有输入 {key}", f"可用：{listing(list(inputs))}", nearest(key, options)
                )
            )
            continue
        try:
            facts[found] = parse_value(inputs[found], raw)
        except ValueError as error:
            problems.append(Problem("RULE-022", f"{key}={raw}：{error}"))
    if problems:
        raise BadInput(problems)
    return facts


_TITLES = {"category": "类别", "lead": "牵头", "supporting": "配合", "workflow": "流程"}


def _explain(book: Rulebook, title: str, day: date, decision: Any, considered: list[tuple[Any, str]]) -> None:
    out = console()
    if decision.matched:
        outcome = "，".join(
            f"{_TITLES.get(key, key)} {_words(book, value)}{_value(book, value, day)}"
            for key, value in decision.outcome.items()
        )
        out.print(f"[bold]{outcome}[/]")
        clauses = f"（{'、'.join(decision.clauses)}）" if decision.clauses else ""
        out.print(f"依据 {'、'.join(decision.rules)}{clauses}，按 {day} 的规则")
    else:
        out.print(f"[bold]没有规则覆盖[/]：归默认责任单位 {book.default_owner}，并发出预警 (no match)")
    hit = set(decision.rules)
    rows = [(row.id, "✔ 命中" if row.id in hit else failed or "也成立，但次序在后") for row, failed in considered]
    out.print(table(f"{title}：逐条看", ("规则", "结果"), rows))


def _value(book: Rulebook, name: Any, day: date) -> str:
    """What a parameter that a rule names is on that day."""
    dated = book.parameters[name].at(day) if isinstance(name, str) and name in book.parameters else None
    if dated is None:
        return ""
    listed = dated.value if isinstance(dated.value, tuple) else (dated.value,)
    return f"（{'、'.join('废止' if each is None else str(each) for each in listed)}）"


def _words(book: Rulebook, value: Any) -> str:
    if isinstance(value, Mapping):
        return "、".join(f"{thing} {number}" for thing, number in value.items())
    return "、".join(_word(book, str(item)) for item in (value if isinstance(value, list | tuple) else [value]))


def _word(book: Rulebook, word: str) -> str:
    """A word of an outcome; a unit that a fact names is told by the title of that."""
    name = word.removeprefix(FACT)
    titles = (kind.fields[name].title for kind in book.subjects.values() if name in kind.fields)
    return f"“{next(titles, name)}”所写的单位" if name != word else word
