"""`report`: figures told upwards, as of any moment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, moment_of, office, print_json, table


def report(
    name: Annotated[str, typer.Argument(metavar="REPORT", help="rules/reports.yaml 里的名字，如 daily")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help='截至哪一刻（不含），如 "2022-05-27 17:00"；默认现在')
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="写成工作簿 (.xlsx)；不写就列在这里")] = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """上报的报表：截至任一时刻，以后再问数字一样 (figures as of any moment)."""
    from engine.reading.reportbook import only, write
    from engine.reading.reports import log, tell

    with office(db, quiet=as_json) as found:
        book, actor = found.book(), found.actor(user)
        at = moment_of("--as-of", as_of, book.zone) if as_of is not None else None
        told = tell(found, name, actor, at)
        if out is not None:
            write(told, book.authority, out.absolute(), book.zone)
            log(found, actor, told)
        if as_json:
            pages = [
                {"title": page.title, "headers": page.headers, "rows": page.rows, "total": page.sums}
                for page in told.pages
            ]
            at_ = told.at.astimezone(book.zone).isoformat()
            print_json(
                {"report": name, "as_of": at_, "only": told.only, "left_out": told.left_out, "sheets": pages}
                | {"path": str(out or "")},
                found,
            )
            return
        for page in told.pages if out is None else ():
            rows = [*page.rows, *([page.sums] if page.total else [])]
            console().print(table(page.title, page.headers, [[str(cell) for cell in row] for row in rows]))
        when = f"{told.at.astimezone(book.zone):%Y-%m-%d %H:%M}"
        where = f"已写入 {out}（{len(told.pages)} 张表），" if out else ""
        console().print(f"{told.report.title}：{where}截至 {when}（不含），报 {told.report.to}{only(told)}")
        if told.left_out:
            console().print(f"正好在这一刻记录的 {told.left_out} 条没有算进去；时钟走过这一刻再出，就算进去了")
