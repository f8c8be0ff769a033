"""`areas` and `intake`: lists coming in and going back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from engine.cli.common import DEFAULT_DB, As, Db, Json, Reveal, console, office, print_json, progress, reason_of, table
from engine.cli.typed import Commands

if TYPE_CHECKING:
    from engine.intake.take import Taken

MANY = 3000
"""Fewer rows than this take less than a second and need no progress bar."""
MOST_SHOWN = 20


class _TakesFile(TyperGroup):
    """`intake FILE` beside `intake export`: a first word that is no subcommand is the list to take in."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the unspoken `take` in front of a file."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["take", *args]
        return super().parse_args(ctx, args)


areas = Commands(help="参照表：各地的等级等 (reference lists)", no_args_is_help=True)
intake = Commands(
    help="名单导入：bihuan intake FILE --source 来源 (lists of persons)", no_args_is_help=True, cls=_TakesFile
)


@areas.command("load")
def load(
    path: Annotated[Path, typer.Argument(metavar="FILE", help=".csv 或 .csv.gz")],
    name: Annotated[str, typer.Option("--list", help="参照表的名字")] = "areas",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只数会改变多少，什么都不写")] = False,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """导入一份参照表，并回头比对所有已知的停留 (take a reference list in, and look back)."""
    from engine.areas import load as load_list

    with office(db, quiet=as_json) as found:
        told = load_list(found, path, found.actor(user), name, dry_run=dry_run)
        if as_json:
            print_json(told, found)
        else:
            console().print(
                f"参照表 {name}：读 {told['rows']} 行，新 {told['new']}，更新 {told['changed']}，现有 {told['total']}"
            )
            looked = f"回头比对 {told['stays']} 处停留：等级变高 {told['higher']} 件"
            done = "（没有写入）" if dry_run else f"，改判 {told['rerouted']} 件，新立案 {told['opened']} 件"
            done += f"，计时提前结束 {told['ended']} 件" if told.get("ended") else ""
            console().print(looked + done)


@intake.command("take")
def take(
    path: Annotated[Path, typer.Argument(metavar="FILE", help=".xlsx 或 .csv")],
    source: Annotated[str, typer.Option("--source", help="来源，rules/sources.yaml 里的名字 (sender of the list)")],
    db: Db = DEFAULT_DB,
    user: As = "",
    reveal: Reveal = None,
    all_or_nothing: Annotated[bool, typer.Option("--all-or-nothing", help="有一行不行就全不收")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看结果，什么都不写")] = False,
    as_json: Json = False,
) -> None:
    """导入一份名单：好的行立案，坏的行退回并留待了结 (take a list in)."""
    from engine.intake.back import told_rows, write_returned
    from engine.intake.take import take as take_list

    with office(db, quiet=as_json) as found:
        actor = found.actor(user)
        if reason := reason_of(reveal):
            from engine.commands.privacy import record_reveal

            record_reveal(found, actor, reason, {"intake": True})
        bar = progress("判定 (deciding)", MANY, quiet=as_json)
        taken = take_list(found, path, source, actor, all_or_nothing=all_or_nothing, dry_run=dry_run, progress=bar)
        kind = found.book().subjects[found.book().sources[source].subject]
        returned, lost = None, ""
        try:
            returned = None if dry_run else write_returned(found, taken, path, actor)
        except OSError as error:
            lost = f"退回的工作簿写不出来（{error.strerror}）；名单已导入，用 bihuan intake export {taken.file} 取回"
        rows = told_rows(found, taken, kind, reveal=bool(reason))
        if as_json:
            told = {
                "rows": rows,
                "file": taken.file,
                "counts": taken.count(),
                "matter": taken.matter,
                "again": taken.again,
            }
            print_json(
                told
                | {"notes": list(taken.sheet.notes), "returned": str(returned or ""), "lost": lost, "dry_run": dry_run},
                found,
            )
            return
        _print(taken, returned, dry_run=dry_run)
        if lost:
            console().print(lost)


def _print(taken: Taken, returned: Path | None, *, dry_run: bool) -> None:
    out = console()
    out.print("看懂的：" + "；".join(taken.sheet.notes), soft_wrap=True)
    if taken.again:
        out.print(f"这份名单已经导入过（名单号 {taken.file}），新增 0 行 (0 new)")
    out.print(("当时：" if taken.again else "") + taken.counted() + ("（试算，没有写入）" if dry_run else ""))
    refused = [line for line in taken.lines if line.row.errors or line.why][:MOST_SHOWN]
    if refused:
        shown = [(str(line.row.line), header, why) for line in refused for header, _, why in line.row.errors]
        shown += [(str(line.row.line), "", line.why) for line in refused if line.why]
        out.print(table(f"退回和待核对的行（前 {len(refused)} 行）", ("行", "列", "原因"), shown))
    if not dry_run and not taken.again:
        out.print(f"名单号 [bold]{taken.file}[/]")
    if taken.matter:
        out.print(f"退回和待核对的行由案件 [bold]{taken.matter}[/] 跟到逐行了结")
    if returned:
        out.print(f"退回的工作簿：{returned}（含个人信息，改好后再导入即可了结）")


@intake.command("export")
def export(
    file: Annotated[str, typer.Argument(metavar="FILE-ID", help="名单号")],
    out: Annotated[Path | None, typer.Option("--out", help="写到哪个文件 (.xlsx)；默认在这里另取名字")] = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """把名单连同每行的办理结果还给来源 (give a list back)."""
    from engine.intake.back import export as export_list

    with office(db, quiet=as_json) as found:
        path, rows = export_list(found, file, out.absolute() if out else None, found.actor(user))
        if as_json:
            print_json({"path": str(path), "rows": rows}, found)
        else:
            console().print(f"{rows} 行已写入 {path}（含个人信息，仅交还来源单位）")


@intake.command("settle")
def settle(
    file: Annotated[str, typer.Argument(metavar="FILE-ID", help="名单号")],
    rows: Annotated[list[int], typer.Argument(metavar="ROW…", help="行号")],
    settled_as: Annotated[str, typer.Option("--settled-as", help="了结方式")] = "来源撤回",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """了结退回或待核对的行 (settle refused rows)."""
    from engine.intake.settling import settle as settle_rows

    with office(db, quiet=as_json) as found:
        answer = settle_rows(found, file, rows, settled_as, found.actor(user))
        if as_json:
            print_json(answer, found)
        else:
            console().print(f"已了结 {answer['settled']} 行；案件 {answer['case']} 现在“{answer['state_title']}”")


@intake.command("sources")
def sources(db: Db = DEFAULT_DB, user: As = "", as_json: Json = False) -> None:
    """各来源最近一次送来名单的时间、份数、行数，多久没有来，断了的标出来 (each source: its last list, how long ago)."""
    from engine.core.case import micros, moment
    from engine.intake.exchange import channels
    from engine.reading.boards import late

    with office(db, quiet=as_json) as found:
        found.require(found.actor(user), "intake", "export")
        rows, zone, now = channels(found), found.book().zone, micros(found.now())
        if as_json:
            print_json({"sources": [row._asdict() for row in rows]}, found)
            return
        shown = [
            (
                r.source,
                f"{moment(r.last).astimezone(zone):%Y-%m-%d %H:%M}" if r.last else "从未",
                str(r.lists),
                str(r.rows),
                late(r.since, now),
                "断了" if r.silent else "",
            )
            for r in rows
        ]
        console().print(table("名单来源", ("来源", "最近一次", "份数", "行数", "多久没有来", "现在"), shown))


@intake.command("log")
def log(
    source: Annotated[str, typer.Option("--source", help="只看一个来源")] = "",
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多几条")] = 50,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """与各来源的往来：收到的名单，交还的结果 (lists received and given back)."""
    from engine.core.case import moment
    from engine.intake.exchange import exchanges

    with office(db, quiet=as_json) as found:
        rows, zone = exchanges(found, found.actor(user), source, most), found.book().zone
        if as_json:
            print_json({"exchanges": [row._asdict() for row in rows]}, found)
            return
        shown = [
            (f"{moment(r.at).astimezone(zone):%m-%d %H:%M}", r.way, r.source, r.file, str(r.rows), r.who) for r in rows
        ]
        console().print(table("信息往来", ("时间", "", "来源", "名单号", "行数", "经办"), shown))
