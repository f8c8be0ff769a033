"""`board`: what there is to do, counted and listed."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, cut, office, print_json, table


def board(
    name: Annotated[
        str, typer.Argument(metavar="[BOARD]", help="我的、部门、社区、待签收、将到期、超期、挂账；不写则只报数")
    ] = "",
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多几行 (most rows)")] = 50,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """看板：要办的有多少，或列出一块，先到期的在前 (boards: counts, or one of them listed)."""
    from engine.reading import boards

    with office(db, quiet=as_json) as found:
        actor = found.actor(user)
        if not name:
            told = boards.boards(found, actor)
            if as_json:
                print_json({"boards": [each._asdict() for each in told]}, found)
                return
            shown = [(each.title, str(each.number), str(each.overdue or ""), each.about) for each in told]
            console().print(table(f"{actor.user} 的看板", ("看板", "数", "超期", "是什么"), shown))
            return
        rows = boards.board(found, actor, name, most)
        if as_json:
            print_json({"board": name, "rows": rows}, found)
            return
        listed = [
            (
                r["case"],
                r["category"],
                r["state_title"],
                r["owner"] + (f" → {r['receiver']}" if r["receiver"] else ""),
                r["what"],
                r["due"],
                r["overdue"],
            )
            for r in rows
        ]
        columns = ("案件", "类别", "环节", "责任单位", "要办什么", "应于", "已超")
        console().print(table(f"{boards.BOARDS.get(name, name)} {cut(rows, most, '项')}", columns, listed))
