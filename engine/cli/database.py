"""The database itself: made, swept, audited, rehearsed with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import (
    DEFAULT_DB,
    As,
    Bounds,
    Db,
    Json,
    PackDir,
    bounds_of,
    console,
    moment_of,
    office,
    print_json,
    problem_json,
    table,
)
from engine.cli.typed import Commands
from engine.core.errors import BadInput, Problem, Refused
from engine.core.values import duration_words, parse_offset
from engine.packs.pack import compile_pack, read_folder, shipped

audit = Commands(help="审计：验证、锚定 (audit)", no_args_is_help=True)
subject = Commands(help="对象：清除个人信息 (subjects)", no_args_is_help=True)


def init(
    db: Db = DEFAULT_DB,
    pack: PackDir = None,
    rehearsal: Annotated[
        str | None, typer.Option("--rehearsal", help='演练库，时钟从这一刻起，如 "2022-05-26 08:00"')
    ] = None,
    limits: Bounds = None,
    as_json: Json = False,
) -> None:
    """建数据库，把规则包存为第 1 版 (make the database)."""
    from engine.commands.bounding import bound
    from engine.commands.standing import open_standing
    from engine.packs.bounds import second_person
    from engine.service import Office
    from engine.vault import default_key_path

    files = read_folder(pack or shipped())
    checked = compile_pack(files)
    held = bounds_of(limits, files, checked) if limits is not None else None
    start = moment_of("--rehearsal", rehearsal, checked.zone) if rehearsal is not None else None
    key_path = default_key_path()
    had_key = key_path.exists()
    made = Office.create(db, key_path, files, start)
    if held is not None:
        bound(made, held)
    book, standing = made.book(), open_standing(made)
    told = {"db": str(db), "key": str(key_path), "new_key": not had_key, "release": 1, "digest": book.digest}
    told["standing"] = standing
    if as_json:
        print_json(told, made)
    else:
        note = "【演练】" if made.rehearsal else ""
        typer.echo(f"{note}数据库 {db}：规则包“{book.title}”为第 1 版，摘要 {book.digest[:12]}")
        verb = "已有密钥" if had_key else "新密钥"
        if standing:
            typer.echo(f"规则包写明的常设工作立案 {len(standing)} 件 (standing cases)")
        for problem in second_person(book.organisation):
            typer.echo(f"注意：{problem.what}，这个库的规则以后改不了；{problem.expected}")
        typer.echo(f"{verb} {key_path}：丢了它，全部个人信息都无法读取。请另存一份到安全的地方 (back this key up)")
    made.close()


def sweep(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """巡检一遍：到期的都发预警，并送出待发消息 (one sweep)."""
    from engine.timing.scheduler import log_to_stdout, tick

    with office(db, quiet=as_json) as found:
        if as_json:
            from engine.timing.sweep import sweep as sweep_all

            print_json({"raised": sweep_all(found)}, found)
            return
        log_to_stdout()
        console().print(f"发出 {tick(found)} 条预警")


def loop(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """四个闭环合上了吗：有人负责、有时限，措施做了 (is the loop closed)."""
    from engine.timing.loop import check
    from engine.timing.undone import idle, undone

    with office(db, quiet=as_json) as found:
        counted, breaches = check(found)
        left, nobodys = undone(found), idle(found)
        if as_json:
            told = {"breaches": [each._asdict() for each in breaches], "undone": [each._asdict() for each in left]}
            print_json({"counted": counted} | told | {"idle": nobodys}, found)
        else:
            console().print("，".join(f"{title} {number}" for title, number in counted.items()))
            if left:
                rows = [(each.measure, each.unit, str(each.overdue or ""), str(each.missed or "")) for each in left]
                console().print(table("没有做的措施", ("措施", "责任单位", "超期", "漏做"), rows))
            if not (breaches or left or nobodys):
                console().print("[green]闭环合上了[/]：责任、工作、流程、措施没有缺口，名单上的每个人都有着落")
        problems = [
            Problem("LOOP-001", f"{b.closure}闭环：{b.what}", f"案件 {b.case}" if b.case else "") for b in breaches
        ]
        if left:
            overdue, missed = sum(each.overdue for each in left), sum(each.missed for each in left)
            how = "超期的做完或写明理由免做；漏做的由被告知的人知悉（alert ack）"
            problems.append(Problem("LOOP-002", f"措施闭环：超期 {overdue} 项，漏做 {missed} 项", how))
        problems += [
            Problem("LOOP-003", f"措施闭环：常设工作“{each}”没有人在办", "下一版规则生效时再立；或从规则里去掉")
            for each in nobodys
        ]
        if problems:
            raise Refused(problems)


def run(
    db: Db = DEFAULT_DB,
    every: Annotated[int, typer.Option("--every", min=1, max=3600, help="几秒一次")] = 5,
) -> None:
    """一直巡检 (keep sweeping)."""
    from engine.timing.scheduler import run as run_scheduler

    with office(db) as found:
        run_scheduler(found, every)


def clock(
    step: Annotated[str, typer.Argument(help="往前拨多少，如 +3h、+14d")],
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """拨演练库的时钟，沿途到期的逐个发预警 (move a rehearsal's clock)."""
    from engine.timing.sweep import move_clock

    try:
        length = parse_offset(step if step[:1] in ("+", "-") else f"+{step}")
    except ValueError:
        expected = "写作 +30m、+3h、+14d，一次不超过 366d"
        raise BadInput(Problem("CLOCK-002", f"往前拨多少看不懂：{step}", expected)) from None
    with office(db, quiet=True) as found:
        raised = move_clock(found, length)
        now = found.now().astimezone(found.book().zone)
        if as_json:
            print_json({"now": now.isoformat(), "raised": raised}, found)
        else:
            console().print(
                f"【演练 rehearsal】时钟拨过 {duration_words(length)}，现在 {now:%Y-%m-%d %H:%M}；发出 {raised} 条预警"
            )


def demo(
    folder: Annotated[Path | None, typer.Option("--keep", help="演示库放在哪里；默认用完即删")] = None,
    papers: Annotated[
        Path | None, typer.Option("--papers", help="把用到的文书和报表写到这个文件夹 (PDF, xlsx)")
    ] = None,
) -> None:
    """演示：规则包的一个故事，一幕一幕，每行都是真的命令 (see it work)."""
    from engine.demo import run as run_demo

    run_demo(folder, papers)


@audit.command("verify")
def verify(
    anchor: Annotated[Path | None, typer.Option("--anchor", help="存有锚行的文件")] = None,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """逐链核对，并由事件重推每件案件 (verify everything stored)."""
    from engine.proof.audit import verify as verify_all

    try:
        lines = anchor.read_text("utf-8").split("\n") if anchor else []
    except (OSError, UnicodeDecodeError):
        raise BadInput(Problem("AUDIT-002", f"锚行文件读不出来：{anchor}", "bihuan audit anchor 打印的一行")) from None
    line = next((text for text in reversed(lines) if text.strip()), "")
    with office(db, quiet=as_json) as found:
        report = verify_all(found, line)
        if as_json:
            problems = [problem_json(problem) for problem in report.problems]
            print_json(
                {"ok": not problems, "events": report.events, "cases": report.cases, "problems": problems}, found
            )
            if problems:
                raise typer.Exit(Refused.exit_code)
        elif not report.problems:
            console().print(f"无误：{report.events} 条事件、{report.cases} 件案件，链完整，案件与事件推出的一致")
        if report.problems:
            raise Refused(report.problems)


@audit.command("anchor")
def anchor_(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """打印一行锚，存到别处，日后可查出截尾与改写 (one line to keep elsewhere)."""
    from engine.proof.audit import anchor_line

    with office(db, quiet=True) as found:
        if as_json:
            print_json({"anchor": anchor_line(found)}, found)
        else:
            typer.echo(anchor_line(found) + (" 演练" if found.rehearsal else ""))


@subject.command("erase")
def erase(
    subject_id: Annotated[str, typer.Argument(metavar="SUBJECT", help="对象编号，见 case show --json")],
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """清除一个对象的全部个人信息，办理经过与链不受影响 (erase a subject)."""
    with office(db, quiet=as_json) as found:
        from engine.commands.privacy import erase as erase_subject

        erase_subject(found, subject_id, found.actor(user))
        if as_json:
            print_json({"erased": subject_id}, found)
        else:
            console().print(f"对象 {subject_id} 的个人信息、密钥与索引已清除")
