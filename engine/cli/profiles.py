"""`profile`: how the office works for the time being (平、急)."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, office, print_json


def profile(
    name: Annotated[str, typer.Argument(metavar="PROFILE", help="切换到哪种状态，如 急；不写就看现在是哪种")] = "",
    reason: Annotated[str, typer.Option("--reason", help="理由，会留痕 (reason; sealed)")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会改变什么，什么都不写")] = False,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """平时、急时：看现在的状态，或切换；参数、时限、催办阶梯随之改变 (the operating profile)."""
    from engine.commands.profiles import current, switch

    with office(db, quiet=as_json) as found:
        if not name:
            told = {"profile": current(found), "profiles": list(found.book().profiles)}
            if as_json:
                print_json(told, found)
            else:
                console().print(f"现在是 [bold]{told['profile'] or '（规则包没有分平急）'}[/]")
            return
        told = switch(found, name, reason, found.actor(user), dry_run=dry_run)
        if as_json:
            print_json(told | {"dry_run": dry_run}, found)
            return
        follows = found.book().profiles[name].follows
        out = console()
        for line in told["differences"]:
            out.print(f"  {line}")
        what = f"试算：{told['before']} → {name}" if dry_run else f"现在是 [bold]{name}[/]（原为 {told['before']}）"
        kept = f"{told['open_cases']} 件在办案件{'按它重新起算' if follows else '仍按立案时的状态办完'}"
        out.print(f"{what}；新立案的按它起算，{kept}{'（没有写入）' if dry_run else ''}")
