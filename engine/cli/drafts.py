"""`rules draft`, `approve` and the rest: rules change under the eyes of two; `bounds`: what no pack may break."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import (
    DEFAULT_DB,
    As,
    Db,
    Json,
    console,
    cut,
    moment_of,
    office,
    print_json,
    problem_json,
    progress,
    table,
)
from engine.packs.pack import read_folder

if TYPE_CHECKING:
    from engine.service import Office

Number = Annotated[int, typer.Argument(metavar="DRAFT", min=1, help="草案的编号，见 rules drafts")]
From = Annotated[
    str | None, typer.Option("--from", help="从何时起生效，如 2022-06-28T00:00；不写则一经批准就生效 (effective from)")
]
Reason = Annotated[str, typer.Option("--reason", help="为什么改，会留痕 (reason; sealed)")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="最多列几条")]
AT_ONCE = "一经批准就"
REPLAYING = ("重判 (replaying)", 20_000)
"""What goes on, and from how many cases on it takes more than a second."""


def draft(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="改过的规则包文件夹 (the edited pack)")],
    effective_from: From = None,
    reason: Reason = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """起草：检查规则包，存为草案，列出改了什么；由另一人批准后生效 (propose an edit of the rules)."""
    from engine.commands import drafts

    with office(db, quiet=as_json) as found:
        files = read_folder(folder)
        number = drafts.draft(found, files, found.actor(user), reason, _moment(found, effective_from))
        _told(found, number, user, as_json=as_json)


def rollback(
    release: Annotated[int, typer.Argument(metavar="RELEASE", min=1, help="回到哪一版，见 rules releases")],
    effective_from: From = None,
    reason: Reason = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """回退：把以前一版的内容存为草案，照样由另一人批准 (propose what an earlier release said)."""
    from engine.commands import drafts

    with office(db, quiet=as_json) as found:
        moment = _moment(found, effective_from)
        number = drafts.roll_back(found, release, found.actor(user), reason, moment)
        _told(found, number, user, as_json=as_json)


def _moment(found: Office, text: str | None) -> datetime | None:
    return moment_of("--from", text, found.book().zone) if text is not None else None


def _told(found: Office, number: int, user: str, *, as_json: bool) -> None:
    """What a draft changes, and what is to be done next."""
    from engine.commands.drafts import weigh
    from engine.packs.differences import differences
    from engine.reading.impact import in_short
    from engine.reading.releases import draft_of

    weighed = weigh(found, number, found.actor(user), progress=progress(*REPLAYING, quiet=as_json))
    told = draft_of(found, number, found.actor(user))
    changed = differences(found.releases.files(told["base"]), found.releases.drafted(number))
    if as_json:
        print_json(told | {"changed": [each._asdict() for each in changed]}, found)
        return
    out = console()
    out.print(table(f"改动 {len(changed)} 处", ("哪里", "原来", "现在"), changed))
    begins = told["effective_from"] or AT_ONCE
    out.print(f"草案 {number} 已存，在第 {told['base']} 版上改，{begins} 生效")
    out.print(
        f"影响：{in_short(weighed)}。细看：bihuan rules replay {number}；在办案件各会怎样：rules plan --draft {number}"
    )
    out.print(f"由另一人批准：bihuan rules approve {number} --as …")


def drafts_(
    most: Limit = 20,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """草案：谁、何时、为什么、何时生效、办到哪一步 (drafts)."""
    from engine.reading.impact import in_short
    from engine.reading.releases import drafts

    with office(db, quiet=as_json) as found:
        listed = drafts(found, found.actor(user), most)
        if as_json:
            print_json({"drafts": listed}, found)
            return
        rows = [
            (
                str(each["draft"]),
                each["state"] + (f"（第 {each['release']} 版）" if each["release"] else ""),
                each["effective_from"] or AT_ONCE,
                f"{each['drafted_by']} {each['drafted_at']}",
                each["approved_by"] or each["withdrawn_by"] or "",
                each["reason"],
                in_short(each["impact"]) if each["impact"] else "",
            )
            for each in listed
        ]
        title = cut(rows, most, "份草案")
        console().print(table(title, ("草案", "状态", "生效", "起草", "批准或撤回", "理由", "影响"), rows))


def releases_(most: Limit = 20, db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """各版规则：从何时起生效、谁批准、在办案件有几件 (releases)."""
    from engine.reading.releases import releases

    with office(db, quiet=as_json) as found:
        listed = releases(found, most)
        if as_json:
            print_json({"releases": listed}, found)
            return
        rows = [
            (
                str(each["release"]),
                each["state"],
                each["effective_from"] or "建库起",
                each["approved_by"] or "建库",
                each["published_at"],
                str(each["open_cases"]),
                each["digest"][:12],
            )
            for each in listed
        ]
        title = cut(rows, most, "版规则")
        console().print(table(title, ("版", "状态", "生效", "批准", "发布", "在办", "摘要"), rows))


def approve(number: Number, db: Db = DEFAULT_DB, user: As = "", as_json: Json = False) -> None:
    """批准别人起草的草案：存为下一版，到时生效，不用重启 (approve somebody else's draft)."""
    from engine.commands import drafts

    with office(db, quiet=as_json) as found:
        told = drafts.approve(found, number, found.actor(user))
        begins = told["effective_from"].astimezone(found.book().zone)
        if as_json:
            print_json(told | {"effective_from": begins.isoformat()}, found)
            return
        out = console()
        out.print(f"第 {told['release']} 版，{begins:%Y-%m-%d %H:%M} 起生效，摘要 {told['digest'][:12]}")
        if told["plans"]:
            out.print(f"在办案件按 {len(told['plans'])} 个计划由巡检逐件处理，见 bihuan rules plans")
        if told["standing"]:
            out.print(f"规则包写明的常设工作立案 {len(told['standing'])} 件 (standing cases)")


def withdraw(number: Number, db: Db = DEFAULT_DB, user: As = "", as_json: Json = False) -> None:
    """撤回草案，或撤回已批准但还没有生效的那一版 (take a draft back)."""
    from engine.commands import drafts

    with office(db, quiet=as_json) as found:
        release = drafts.withdraw(found, number, found.actor(user))
        if as_json:
            print_json({"withdrawn": number, "release": release or None}, found)
        else:
            console().print(f"草案 {number} 已撤回" + (f"，第 {release} 版不再生效" if release else ""))


def bounds(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="设为这个文件；不写就看现在的")] = None,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """界限：任何规则包都不能超出的；由管数据库的人设定，不在规则包里 (what no pack may break)."""
    from engine.commands.bounding import bound
    from engine.packs.bounds import bounds_file, broken

    with office(db, quiet=as_json) as found:
        if file is not None:
            bound(found, bounds_file(file))
        number, held = found.releases.bounds()
        book = found.book()
        beyond = broken(held, found.releases.files(book.release), book)
        if as_json:
            told = [problem_json(problem) for problem in beyond]
            print_json({"bounds": number, "says": held.document.data, "beyond": told}, found)
            return
        out = console()
        if not number:
            out.print("没有设定界限；规则的改动仍须由另一人批准")
            return
        out.print(f"界限第 {number} 次设定的：", held.document.data)
        for problem in beyond:
            out.print(f"注意：现行第 {book.release} 版不合：{problem}", markup=False)
