"""`board`: what there is to do, counted and listed; `coverage`: whether everybody had a task done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, cut, moment_of, office, print_json, subject_of, table


def board(
    name: Annotated[
        str, typer.Argument(metavar="[BOARD]", help="我的、部门、社区、待签收、将到期、超期、挂账；不写则只报数")
    ] = "",
    unit: Annotated[str, typer.Option("--unit", help="哪个单位的看板；看得到全部案件的可看各单位 (whose)")] = "",
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
            told = boards.boards(found, actor, unit)
            if as_json:
                print_json({"boards": [each._asdict() for each in told]}, found)
                return
            shown = [(each.title, str(each.number), str(each.overdue or ""), each.about) for each in told]
            console().print(table(f"{unit or actor.user} 的看板", ("看板", "数", "超期", "是什么"), shown))
            return
        rows = boards.board(found, actor, name, most, unit)
        if as_json:
            print_json({"board": name, "rows": rows}, found)
            return
        listed = [
            (
                r["case"],
                subject_of(r),
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


def coverage(
    task: Annotated[str, typer.Argument(metavar="TASK", help="任务的名称或标题")],
    workflow: Annotated[str, typer.Option("--workflow", help="哪个流程的；只有一个流程有时可不写")] = "",
    since: Annotated[str, typer.Option("--since", help="从何时算起，如 2022-05-01；不写则只看有没有做过")] = "",
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多列几个漏查的 (most rows)")] = 50,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """应查的是否查全：各单位应查、已查多少，漏了谁 (coverage of a task: counts by unit, and who was left out)."""
    from engine.reading import coverage as reading

    with office(db, quiet=as_json) as found:
        bound = _beginning(since, found.book().zone) if since else None
        told = reading.coverage(found, found.actor(user), task, workflow=workflow, since=bound)
        missing = told["missing"][:most]
        if as_json:
            print_json(told | {"missing": missing}, found)
            return
        of = f"{told['workflow_title']}·{told['title']}"
        left = told["asked"] - told["covered"]
        counts = [
            (
                each["owner"],
                str(each["asked"]),
                str(each["covered"]),
                str(each["asked"] - each["covered"] or ""),
                f"{each['done']}/{each['planned']}",
            )
            for each in told["owners"]
        ]
        span = f"（{told['since']} 以来）" if told["since"] else ""
        typer.echo(f"{of}{span}：应查 {told['asked']}，已查 {told['covered']}，漏查 {left}")
        if told["unseen"]:
            typer.echo(f"只算您看得到的；另有 {told['unseen']} 件不归您的单位看")
        typer.echo(f"按计划应做 {told['planned']} 次，做了 {told['done']} 次")
        console().print(table("各单位", ("责任单位", "应查", "已查", "漏查", "做了/应做（次）"), counts))
        listed = [(r["case"], subject_of(r), r["owner"], r["state"], r["opened_at"], r["last"]) for r in missing]
        columns = ("案件", "类别", "责任单位", "环节", "登记", "上次")
        console().print(table(f"漏查的 {cut(missing, most, '个')}", columns, listed))


def _beginning(since: str, zone: ZoneInfo) -> datetime:
    """The beginning of a day, or a moment."""
    from engine.core.values import midnight, parse_date

    try:
        return midnight(parse_date(since), zone)
    except ValueError:
        return moment_of("--since", since, zone)
