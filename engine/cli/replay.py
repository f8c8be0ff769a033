"""`rules replay`: past and open cases decided again under a draft, before it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, office, print_json, print_pages, progress
from engine.cli.drafts import REPLAYING
from engine.core.errors import BadInput, Problem
from engine.core.values import parse_duration

SHOWN = 20
"""So many lines on the screen; the workbook and JSON have more."""


def replay(
    draft: Annotated[str, typer.Argument(metavar="DRAFT", help="草案编号，或改过的规则包文件夹")],
    since: Annotated[str, typer.Option("--since", help="往回多久立案的，如 90d；在办的都算 (how far back)")] = "90d",
    xlsx: Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="写成工作簿 (a workbook)")] = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """发布之前：过去的和在办的案件按草案重判一遍 (cases decided again under a draft)."""
    from engine.commands.drafts import weigh
    from engine.packs.pack import compile_pack, read_folder
    from engine.reading.impact import impact, pages
    from engine.reading.reportbook import workbook

    try:
        back = parse_duration(since)
    except ValueError as error:
        raise BadInput(Problem("ARG-002", f"--since {since or '是空的'}", str(error))) from None
    with office(db, quiet=as_json) as found:
        actor = found.actor(user)
        found.require(actor, "publish", "approve")
        bar = progress(*REPLAYING, quiet=as_json)
        if draft.isdigit():
            told = weigh(found, int(draft), actor, back, bar)
        else:
            book = compile_pack(read_folder(Path(draft)))
            told = impact(found, found.book(found.book().release), book, found.now(), back, bar)
        name = f"草案 {draft}" if draft.isdigit() else draft
        since, at = told["since"][:10], told["at"][:16].replace("T", " ")
        note = f"{name} 对第 {told['base']} 版；{since} 以来立案的和全部在办的，要素按 {at} 所知"
        if xlsx is not None:
            workbook(xlsx.absolute(), "规则改动的影响", note, pages(told))
        if as_json:
            print_json({"draft": draft, **told, "path": str(xlsx or "")}, found)
            return
        print_pages(pages(told), SHOWN, "（全部见 --xlsx）")
        kept = "，已存在草案里" if draft.isdigit() else ""
        console().print(f"{note}{kept}" + (f"；已写入 {xlsx}" if xlsx else ""))
