"""`profile`: how the office works for the time being (平、急)."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from engine.cli.common import DEFAULT_DB, As, Db, Json, Reveal, console, office, print_json, reason_of


def profile(
    name: Annotated[str, typer.Argument(metavar="PROFILE", help="切换到哪种状态，如 急；不写就看现在是哪种")] = "",
    reason: Annotated[str, typer.Option("--reason", help="理由，会留痕 (reason; sealed)")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会改变什么，什么都不写")] = False,
    reveal: Reveal = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """平时、急时：看现在的状态，或切换；参数、时限、催办阶梯随之改变 (the operating profile)."""
    from engine.commands.profiles import standing, switch

    with office(db, quiet=as_json) as found:
        if not name:
            told = standing(found, user, reason_of(reveal))
            if as_json:
                print_json(told, found)
                return
            since = f"：{told['by']} 于 {told['since']} 切换" if "by" in told else ""
            why = f"，理由：{told['reason']}" if "reason" in told else ""
            console().print(f"现在是 [bold]{told['profile'] or '（规则包没有分平急）'}[/]{escape(since + why)}")
            return
        told = switch(found, name, reason, found.actor(user), dry_run=dry_run)
        if as_json:
            print_json(told | {"dry_run": dry_run}, found)
            return
        out = console()
        for line in told["differences"]:
            out.print(f"  {line}")
        what = f"试算：{told['before']} → {name}" if dry_run else f"现在是 [bold]{name}[/]（原为 {told['before']}）"
        out.print(f"{what}；新立案的按它起算，{_open_cases(told)}{'（没有写入）' if dry_run else ''}")


def _open_cases(told: dict[str, Any]) -> str:
    """What becomes of the open cases, in words."""
    follow, keep = told["following"], told["open_cases"] - told["following"]
    words = f"{follow} 件在办案件按它重新起算" if follow or not keep else ""
    if told["overdue"]:
        words += f"，其中超期未做的任务 {told['overdue']} 项照旧催办，做完或免做为止"
    if keep:
        words += f"{'；' if words else ''}{keep} 件在办案件的时限不变，仍按各自现在的状态办完"
    if "schedules" in told:
        ahead = f"今后七天的任务由 {told['tasks_before']} 项变为 {told['tasks_after']} 项"
        words += f"；{told['schedules']} 项定时工作改变节奏，{ahead}"
    if "past" in told:
        words += f"；{told['past']} 个还没有到期的时限当即超期，最早的应于 {told['past_since']}，随即照催办阶梯催"
    return words
