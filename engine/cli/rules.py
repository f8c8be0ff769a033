"""`check`, `new` and `schema`: rules without a database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import Bounds, Json, PackDir, bounds_of, print_json, problem_json
from engine.core.coverage import Reached, reached
from engine.core.errors import BadInput, BihuanError, Problem
from engine.core.findings import Finding, findings
from engine.core.rulebook import Rulebook
from engine.packs.bounds import bounds_file
from engine.packs.check import Proved
from engine.packs.notes import notes
from engine.packs.pack import Examined, examine, read_folder, shipped
from engine.packs.scaffold import scaffold
from engine.packs.schema import schemas


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
        if limits is not None:
            examined = examined.within(_beyond(limits, files, examined.built))
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


def _beyond(limits: Path, files: Mapping[str, bytes], book: Rulebook | None) -> Sequence[Problem]:
    """The bounds that a pack breaks, as far as it can be read, or what is wrong with the bounds."""
    try:
        if book is None:
            bounds_file(limits)
        else:
            bounds_of(limits, files, book)
    except BihuanError as error:
        return error.problems
    return ()


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
        typer.echo("？五项闭环：文件和名字都对了才能证明 (not proved yet)")
    broken = {(problem.code, problem.what) for one in examined.proved for problem in one.problems}
    others = [problem for problem in examined.problems if (problem.code, problem.what) not in broken]
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
