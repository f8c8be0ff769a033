"""`rules replay`: past and open cases decided again under a draft, before it counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, office, print_json, table
from engine.core.errors import BadInput, Problem
from engine.core.values import parse_duration

if TYPE_CHECKING:
    from engine.core.rulebook import Rulebook
    from engine.service import Office

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
    from engine.reading.impact import impact, pages
    from engine.reading.reportbook import workbook

    try:
        back = parse_duration(since)
    except ValueError as error:
        raise BadInput(Problem("ARG-002", f"--since {since or '是空的'}", str(error))) from None
    with office(db, quiet=as_json) as found:
        actor = found.actor(user)
        found.require(actor, "publish", "approve")
        base, book = _books(found, draft)
        told: dict[str, Any] = {"draft": draft} | impact(found, base, book, back)
        name = f"草案 {draft}" if draft.isdigit() else draft
        note = (
            f"{name} 对第 {base.release} 版；{told['since'][:10]} 以来立案的和全部在办的，要素按 {told['at'][:16]} 所知"
        )
        if xlsx is not None:
            workbook(xlsx.absolute(), "规则改动的影响", note, pages(told))
        if draft.isdigit():
            from engine.commands.drafts import weigh

            weigh(found, int(draft), told, actor)
        if as_json:
            print_json(told | {"path": str(xlsx or "")}, found)
            return
        out = console()
        for page in pages(told):
            rows = [[str(cell) for cell in row] for row in page.rows[:SHOWN]]
            cut = f"（前 {SHOWN} 行，全部见 --xlsx）" if len(page.rows) > SHOWN else ""
            out.print(table(f"{page.title}{cut}", page.headers, rows))
        kept = "，已存在草案里" if draft.isdigit() else ""
        out.print(f"{note}{kept}" + (f"；已写入 {xlsx}" if xlsx else ""))


def _books(found: Office, draft: str) -> tuple[Rulebook, Rulebook]:
    """The rules in force, or those a draft was made from, and the draft."""
    from engine.packs.pack import compile_pack, read_folder
    from engine.reading.releases import base_of

    if draft.isdigit():
        return found.book(base_of(found, int(draft))), compile_pack(found.releases.drafted(int(draft)))
    return found.book(found.book().release), compile_pack(read_folder(Path(draft)))
