"""`paper`: documents printed, one or many, and served."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, moment_of, office, pairs, print_json, progress, table
from engine.cli.typed import Commands
from engine.core.errors import BadInput, Problem, Refused, nearest

MANY = 20
"""Fewer papers than this are printed at once and need no progress bar."""

paper = Commands(help="文书：打印、送达 (documents as printed paper)", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="PAPER", help="文书的名字，见 bihuan paper list")]


@paper.command("list")
def list_(
    case_id: Annotated[str, typer.Argument(metavar="[CASE]", help="案件号：这件案件的文书")] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """有哪些文书；一件案件的文书打印、送达了没有 (papers of the rules, or of a case)."""
    from engine.commands.papers import papers_of

    with office(db, quiet=as_json) as found:
        rows = papers_of(found, found.actor(user), case_id)
        if as_json:
            print_json({"papers": rows}, found)
            return
        columns = ("文书", "标题", "打印", "送达") if case_id else ("文书", "标题", "用于", "谁能出")
        console().print(table(f"文书 {len(rows)} 种", columns, [list(row.values()) for row in rows]))


@paper.command("print")
def print_(
    name: Name,
    codes: Annotated[list[str] | None, typer.Argument(metavar="[CASE|TRIP…]", help="不写：这份文书适用的全部")] = None,
    state: Annotated[str, typer.Option("--state", help="只打印在这个环节的")] = "",
    out: Annotated[Path, typer.Option("--out", help="放在哪个文件夹 (folder)")] = Path(),
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """打印文书为 PDF：一件案件、一个车次或成批 (print one or many)."""
    from engine.commands.papers import sheets, suitable
    from engine.papers.press import Press

    with office(db, quiet=as_json) as found:
        press, actor = Press(), found.actor(user)
        if codes and state:
            raise BadInput(Problem("ARG-004", "写明了案件，又写了 --state", "两者写一个"))
        wanted = codes or suitable(found, name, actor, state)
        if not wanted:
            raise Refused(
                Problem("PAPER-005", f"打印 0 份：现在没有您能出、用得上“{name}”的案件", "见 bihuan paper list")
            )
        _refuse_folder(out)
        made = sheets(found, name, wanted, actor)
        at, paths = found.now(), []
        for sheet in progress("打印 (printing)", MANY, quiet=as_json)(made, len(made)):
            (pdf,) = press.print(sheet.data, at)
            paths.append(_written(out, f"{sheet.name}-{sheet.code}", pdf))
        if as_json:
            print_json({"papers": [str(path) for path in paths]}, found)
            return
        for path in paths if len(paths) < MANY else ():
            console().print(f"{path}", soft_wrap=True)
        said = "没有填个人信息" if all(sheet.impersonal for sheet in made) else "打开了谁的个人信息已留痕"
        console().print(f"打印 {len(paths)} 份，放在 {out.resolve()}；{said}", soft_wrap=True)


@paper.command("serve")
def serve(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="案件号")],
    name: Name,
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="送达时间=… 签收人=…")] = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    key: Annotated[str, typer.Option("--request-key", help="请求号：同一请求重发只办一次 (idempotency key)")] = "",
    as_json: Json = False,
) -> None:
    """登记送达：何时送到，谁签收；签收人加密存放 (record that a paper was served)."""
    from engine.commands import papers

    told = pairs(words or [])
    asked = (papers.SERVED_AT, papers.SIGNED_BY)
    unasked = [each for each in told if each not in asked]
    problems = [Problem("FACT-001", f"送达不填 {each}", "、".join(asked), nearest(each, asked)) for each in unasked]
    problems += [Problem("FACT-003", f"缺少 {each}", "必填") for each in asked if not told.get(each)]
    if problems:
        raise BadInput(problems)
    with office(db, quiet=as_json) as found:
        at = moment_of(papers.SERVED_AT, told[papers.SERVED_AT], found.book().zone)
        answer = papers.serve(found, case_id, name, found.actor(user), at, told[papers.SIGNED_BY], key)
        if as_json:
            print_json(answer, found)
        else:
            console().print(f"案件 [bold]{answer['case']}[/]：{answer['paper']}已于 {told[papers.SERVED_AT]} 送达")


def _refuse_folder(out: Path) -> None:
    """A folder that can be written to, made if it is not there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(Problem("FILE-010", f"不能写到 {out}：{error.strerror}", "给一个可写的文件夹")) from None
    if not os.access(out, os.W_OK):
        raise BadInput(Problem("FILE-010", f"不能写到 {out}：不能写", "给一个可写的文件夹"))


def _written(out: Path, stem: str, pdf: bytes) -> Path:
    """A new file that only its owner may read; over nothing."""
    number, path = 1, out / f"{stem}.pdf"
    while path.exists():
        number += 1
        path = out / f"{stem}-{number}.pdf"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pdf)
    return path
