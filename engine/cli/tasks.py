"""`task`: scheduled work, one occurrence at a time or many cases at once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.cases import extra, still_open
from engine.cli.common import DEFAULT_DB, As, Db, Json, console, moment_of, office, pairs, print_json, subject_of, table
from engine.cli.onecase import until
from engine.cli.typed import Commands

if TYPE_CHECKING:
    from engine.service import Office

task = Commands(help="任务：定期要做的事 (scheduled tasks)", no_args_is_help=True)

CaseId = Annotated[str, typer.Argument(metavar="CASE", help="案件号")]
Name = Annotated[str, typer.Argument(metavar="TASK", help="任务的名字或中文名 (name or title)")]
Due = Annotated[str, typer.Option("--due", help="哪一次：应做时间，如 2022-05-27T08:00；默认最近该做的一次")]


@task.command("list")
def list_(
    mine: Annotated[bool, typer.Option("--mine", help="只看我认领的 (claimed by me)")] = False,
    everything: Annotated[bool, typer.Option("--all", help="能看到的全部；默认本单位负责的 (all I may see)")] = False,
    name: Annotated[str, typer.Option("--task", help="只看一种任务，名字或中文名 (one task)")] = "",
    workflow: Annotated[str, typer.Option("--workflow", help="只看一个流程的 (one workflow)")] = "",
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多几项")] = 50,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """列出待办的任务，先到时的在前 (tasks to be done, the first due first)."""
    from engine.reading.queries import task_list

    with office(db, quiet=as_json) as found:
        chosen = {"task": name, "workflow": workflow}
        rows = task_list(found, found.actor(user), mine=mine, everything=everything, most=most, **chosen)
        if as_json:
            print_json({"tasks": rows}, found)
            return
        shown = [
            (r["case"], subject_of(r), r["title"], r["due"], until(r), f"{r['state']} {r['who']}".strip(), r["owner"])
            for r in rows
        ]
        late = sum(1 for row in rows if row["overdue"])
        cut = "（更多请加 --limit）" if len(rows) == most else ""
        title = f"任务 {len(rows)} 项，超期 {late} 项{cut}"
        console().print(table(title, ("案件", "类别", "任务", "应于", "超期自", "状态", "责任单位"), shown))


@task.command("claim")
def claim(
    case_id: CaseId,
    name: Name,
    due: Due = "",
    give_up: Annotated[bool, typer.Option("--give-up", help="放弃认领 (give it up again)")] = False,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """认领一次任务，或放弃认领 (take an occurrence on)."""
    from engine.commands import tasks

    with office(db, quiet=as_json) as found:
        told = tasks.claim(found, case_id, name, found.actor(user), due=_due(found, due), give_up=give_up)
        if as_json:
            print_json(told, found)
        else:
            verb = "放弃" if give_up else "认领"
            console().print(f"已{verb}：案件 {told['case']} {told['title']}（{told['due']}）")


@task.command("done")
def done(
    name: Name,
    results: Annotated[list[str] | None, typer.Argument(metavar="CASE=RESULT…", help="案件号=结果")] = None,
    path: Annotated[
        Path | None, typer.Option("--file", help=".csv 或 .xlsx：案件号、结果，其余列看表头，如 时间")
    ] = None,
    at: Annotated[str, typer.Option("--at", help="结果说的是什么时候的事，默认现在")] = "",
    more: Annotated[
        list[str] | None, typer.Option("--with", metavar="FACT=VALUE", help="随结果填的，如 发现的问题=…；每件都填这个")
    ] = None,
    key: Annotated[str, typer.Option("--request-key", help="请求号：同一批重发只记一次 (idempotency key)")] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """登记结果，一件或许多件；每件各有答复，有被拒绝的则退出码 1 (record results)."""
    from engine.commands import tasks

    with office(db, quiet=as_json) as found:
        pairs(results or [])  # every item that is none is told at once
        also = pairs(more or [])
        told = (item.partition("=") for item in results or [])
        given = [tasks.Row(case.strip(), result.strip(), also) for case, _, result in told]
        given += tasks.results_of(path) if path else []
        when = moment_of("--at", at, found.book().zone) if at else None
        answers = tasks.done(found, name, given, found.actor(user), at=when, request_key=key)
        refused = [answer for answer in answers if answer.refused]
        if as_json:
            print_json({"answers": [asdict(answer) for answer in answers], "refused": len(refused)}, found)
        else:
            shown = [(a.case, a.result, a.refused or _now(a.told)) for a in answers]
            console().print(
                table(
                    f"登记 {len(answers) - len(refused)} 件，拒绝 {len(refused)} 件",
                    ("案件", "结果", "现在 / 为何不行"),
                    shown,
                )
            )
    if refused:
        raise typer.Exit(1)


@task.command("skip")
def skip(
    case_id: CaseId,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="为何免做；加密保存 (why; kept sealed)")] = "",
    due: Due = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """免做一次任务，须写明理由 (leave an occurrence undone, with a reason)."""
    from engine.commands import tasks

    with office(db, quiet=as_json) as found:
        told = tasks.skip(found, case_id, name, found.actor(user), reason, due=_due(found, due))
        if as_json:
            print_json(told, found)
        else:
            console().print(f"已免做：案件 {told['case']} {told['title']}（{told['due']}）")


def _now(told: dict[str, Any]) -> str:
    opened = f"；已另立案件 {'、'.join(told['opened'])}" if told.get("opened") else ""
    return f"{told['state_title']}{extra(told)}{opened}{still_open(told)}"


def _due(found: Office, text: str) -> datetime | None:
    return moment_of("--due", text, found.book().zone) if text else None
