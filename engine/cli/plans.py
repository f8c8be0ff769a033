"""`rules plan` and the rest: what new rules make of open cases, shown before, answered by people, and taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, office, print_json, print_pages, table
from engine.core.migrations import WORDS

STATES = {
    "planned": "待套用",
    "applying": "套用中",
    "applied": "已套用",
    "superseded": "由后一版接替",
    "reverting": "退回中",
    "reverted": "已退回",
}


def plan(
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="改过的规则包文件夹；不写则看 --draft")] = "",
    draft: Annotated[int | None, typer.Option("--draft", min=1, help="数据库里的哪份草案")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="最多列几件")] = 200,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """在办案件会怎样：按改过的规则试算每一件，什么都不写 (what an edit makes of open cases; nothing is written)."""
    from pathlib import Path

    from engine.commands.drafts import begins_of
    from engine.commands.objections import objections
    from engine.core.errors import BadInput, Problem
    from engine.packs.pack import compile_pack, read_folder
    from engine.reading.outlook import outlook, pages

    if bool(folder) == (draft is not None):
        raise BadInput(Problem("ARG-004", "看什么没有写明", "写改过的文件夹，或 --draft 草案编号，两样写一样"))
    with office(db, quiet=as_json) as found:
        found.require(found.actor(user), "publish", "approve")
        book = compile_pack(found.releases.drafted(draft) if draft else read_folder(Path(folder)))
        begins = begins_of(found, draft) if draft else found.now()
        told = outlook(found, book, begins, limit)
        problems = objections(found, book)
        if as_json:
            print_json(told | {"problems": [str(problem) for problem in problems]}, found)
            raise typer.Exit(2 if problems else 0)
        print_pages(pages(told), limit)
    if problems:
        raise BadInput(problems)


def plans_(db: Db = DEFAULT_DB, user: As = "", as_json: Json = False) -> None:
    """规则变动的计划：哪天套用、套用到哪里、动了几件、几件等人决定 (plans for open cases)."""
    from engine.commands import migrating

    with office(db, quiet=as_json) as found:
        found.require(found.actor(user), "publish", "approve")
        told = migrating.listed(found)
        if as_json:
            print_json({"plans": told}, found)
            return
        rows = [
            (
                str(one["plan"]),
                str(one["release"]),
                one["due"],
                STATES[one["state"]],
                str(one["touched"]),
                str(one["waiting"]),
            )
            for one in told
        ]
        console().print(table("规则变动的计划", ("计划", "版", "何时", "状态", "动了几件", "待决定"), rows))


def revert(
    number: Annotated[int, typer.Argument(metavar="PLAN", min=1, help="计划的编号，见 rules plans")],
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """退回一个计划：它动过的案件回到原来的规则，时限重新起算 (take a plan back; the sweep carries it out)."""
    from engine.commands import migrating

    with office(db, quiet=as_json) as found:
        touched = migrating.revert(found, number, found.actor(user))
        if as_json:
            print_json({"plan": number, "cases": touched}, found)
            return
        console().print(f"计划 {number} 的 {touched} 件由巡检逐件退回；回不去的会问责任单位")


def resolve(
    case: Annotated[str, typer.Argument(metavar="CASE", help="案件编号")],
    action: Annotated[str, typer.Argument(metavar="keep|recompute|move", help="照旧、按新规则重算、转到新环节")],
    to: Annotated[str, typer.Argument(metavar="[STATE]", help="move 到哪个环节")] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """规则变了等人决定的案件：照旧、重算，或转到新环节 (say what a change of rules makes of a case)."""
    from engine.commands import migrating

    with office(db, quiet=as_json) as found:
        told = migrating.resolve(found, case, action, found.actor(user), to)
        if as_json:
            print_json(told, found)
            return
        out = console()
        out.print(f"案件 [bold]{told['case']}[/] {WORDS[action]}，现在“{told['state_title']}”，由 {told['owner']} 负责")
        for one in told.get("changes", ()):
            out.print(f"  {one['what']}：{one['before']} → {one['after']}")
