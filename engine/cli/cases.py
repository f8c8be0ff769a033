"""`case` and `alert`: the transfer team's work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.common import (
    DEFAULT_DB,
    As,
    Db,
    Json,
    Reveal,
    console,
    cut,
    moment_of,
    office,
    pairs,
    print_json,
    reason_of,
    subject_of,
    table,
)
from engine.cli.onecase import custody_table, print_case, print_deadlines, print_undone, print_why
from engine.cli.typed import Commands

case = Commands(help="案件：立案、查看、办理 (cases)", no_args_is_help=True)
alert = Commands(help="预警：查看、知悉 (alerts)", no_args_is_help=True)

Facts = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE…", help="要素=值；填什么见 bihuan facts"),
]
CaseId = Annotated[str, typer.Argument(metavar="CASE", help="案件号")]
Key = Annotated[str, typer.Option("--request-key", help="请求号：同一请求重发只办一次 (idempotency key)")]


@case.command("open")
def open_(
    facts: Facts = None,
    kind: Annotated[
        str,
        typer.Option("--kind", help="对象类别，如 场所；有哪些见 bihuan facts (kind of subject)"),
    ] = "",
    parent: Annotated[str, typer.Option("--parent", help="挂在哪件案件名下 (parent case)")] = "",
    child: Annotated[str, typer.Option("--child", help="是父案的哪一种；只有一种时可省 (kind of child)")] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """立案：由规则判定类别、责任单位和流程 (open a case)."""
    from engine.commands.children import open_child

    with office(db, quiet=as_json) as found:
        actor, told = found.actor(user), pairs(facts or [])
        answer = (
            open_child(found, parent, child, told, actor, key) if parent else found.open_case(kind, told, actor, key)
        )
        if as_json:
            print_json(answer, found)
            return
        category = answer["category"] or "未匹配规则"
        stands = f"在“{answer['state_title']}”，归 [bold]{answer['owner']}[/]"
        if "changes" in answer:
            changes = "；".join(f"{each['what']} {each['before']} → {each['after']}" for each in answer["changes"])
            console().print(f"已有在办案件，挂到 {parent} 名下；随之改变：{changes}")
        console().print(f"案件 [bold]{answer['case']}[/]：{category}，{stands}")
        print_deadlines(answer)


@case.command("list")
def list_(
    closed: Annotated[bool, typer.Option("--closed", help="已办结的 (closed ones)")] = False,
    state: Annotated[str, typer.Option("--state", help="只看一个环节")] = "",
    unit: Annotated[str, typer.Option("--unit", help="只看一个单位负责的")] = "",
    workflow: Annotated[str, typer.Option("--workflow", help="只看一个流程的")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="只看超期的 (overdue ones)")] = False,
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多几件")] = 50,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """列出能看到的案件，先到期的在前 (cases, those due first)."""
    from engine.reading.queries import case_list

    with office(db, quiet=as_json) as found:
        chosen = {"state": state, "unit": unit, "workflow": workflow}
        rows = case_list(found, found.actor(user), closed=closed, overdue=overdue, most=most, **chosen)
        if as_json:
            print_json({"cases": rows}, found)
            return
        shown = [(r["case"], subject_of(r), r["state_title"], r["owner"], f"{r['due']}{_mark(r)}") for r in rows]
        title = f"{'已办结' if closed else '在办'}案件 {cut(rows, most, '件')}"
        console().print(table(title, ("案件", "类别", "环节", "责任单位", "时限"), shown))


def _mark(row: dict[str, Any]) -> str:
    """What is to be known of a time limit at once."""
    shelved = f" 挂账至 {row['shelved_until']}" if row["shelved_until"] else ""
    return (" 超期" if row["overdue"] else "") + shelved


@case.command("show")
def show(
    case_id: CaseId,
    everything: Annotated[bool, typer.Option("--all", help="长的列表也全部列出 (long lists too)")] = False,
    db: Db = DEFAULT_DB,
    user: As = "",
    reveal: Reveal = None,
    as_json: Json = False,
) -> None:
    """一件案件的全部：时限、能办什么、要素、责任链、经过 (one case, whole)."""
    from engine.reading.queries import case_show

    with office(db, quiet=as_json) as found:
        told = case_show(found, case_id, found.actor(user), reason_of(reveal))
        if as_json:
            print_json(told, found)
            return
        print_case(told, everything=everything)


@case.command("why")
def why(case_id: CaseId, db: Db = DEFAULT_DB, user: As = "", as_json: Json = False) -> None:
    """为什么是这个类别、单位、环节、时限，还差什么 (why it stands where it stands)."""
    from engine.reading.whys import case_why

    with office(db, quiet=as_json) as found:
        told = case_why(found, case_id, found.actor(user))
        if as_json:
            print_json(told, found)
            return
        print_why(told)


@case.command("advance")
def advance(
    case_id: CaseId,
    transition: Annotated[str, typer.Argument(help="动作")],
    facts: Facts = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    at: Annotated[str | None, typer.Option("--at", help="实际发生的时间，如 2022-05-26T18:00+08:00；默认现在")] = None,
    seen: Annotated[str, typer.Option("--seen", help="您看到的环节；已被别人推进则拒绝")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会怎样，什么都不写 (only show)")] = False,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """办理一步 (fire a transition)."""
    with office(db, quiet=as_json) as found:
        answer = found.advance(
            case_id,
            transition,
            found.actor(user),
            pairs(facts or []),
            occurred_at=moment_of("--at", at, found.book().zone) if at is not None else None,
            seen_state=seen,
            request_key=key,
            dry_run=dry_run,
        )
        if as_json:
            print_json(answer, found)
            return
        print_stand(answer)


def extra(told: dict[str, Any]) -> str:
    """That a result filled no occurrence of its schedule, in words."""
    return "（额外的结果，不顶计划里的哪一次）" if told.get("occurrence") == "" else ""


def still_open(told: dict[str, Any]) -> str:
    """Which others are open of the kinds that were opened, in words: the new one may be a double."""
    return "".join(f"；另有在办的{title}：{'、'.join(cases)}" for title, cases in told.get("still_open", {}).items())


def print_stand(answer: dict[str, Any]) -> None:
    """Where a case stands after a command."""
    ended = "，已办结" if answer["final"] else f"，归 [bold]{answer['owner']}[/]"
    waits = f"，已交 [bold]{answer['offered_to']}[/] 待签收" if answer["offered_to"] else ""
    waits += extra(answer)
    now = "将在" if answer.get("dry_run") else "现在"
    console().print(f"案件 {answer['case']} {now}“[bold]{answer['state_title']}[/]”{ended}{waits}")
    print_undone(answer)
    if answer.get("opened"):
        console().print(f"已另立案件：[bold]{'、'.join(answer['opened'])}[/]{still_open(answer)}")
    if answer.get("moved"):
        console().print(f"一并办理：{'、'.join(answer['moved'])}")
    if answer.get("unregistered"):
        lacking = "、".join(f"{thing} {number}" for thing, number in answer["unregistered"].items())
        console().print(f"没有登记的：{lacking}；由本案跟踪，有了先登记")
    print_deadlines(answer)
    if answer.get("dry_run"):
        console().print("没有写入；去掉 --dry-run 才办理")


@case.command("custody")
def custody(
    case_id: CaseId,
    at: Annotated[str, typer.Option("--at", help='那一刻由谁负责，如 "2022-05-26 14:05"；默认整条')] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """责任链：此人何时由谁负责，跨全部案件 (who was responsible when)."""
    from engine.commands.custody import line

    with office(db, quiet=as_json) as found:
        when = moment_of("--at", at, found.book().zone) if at else None
        rows = line(found, case_id, found.actor(user), when)
        if as_json:
            print_json({"custody": rows}, found)
            return
        if at:
            told = "；".join(f"[bold]{r['unit']}[/]（案件 {r['case']}，自 {r['since']}）" for r in rows)
            console().print(f"{at}：{told or '没有单位负责：那时不在办'}")
            return
        console().print(custody_table(rows))


@case.command("correct")
def correct(
    case_id: CaseId,
    facts: Facts = None,
    reason: Annotated[str, typer.Option("--reason", help="为什么更正 (why; sealed)")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会改变什么 (only show)")] = False,
    db: Db = DEFAULT_DB,
    user: As = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """更正要素：判定、计划、时限随之重算 (correct facts)."""
    from engine.commands.corrections import correct as correct_case

    with office(db, quiet=as_json) as found:
        answer = correct_case(
            found, case_id, pairs(facts or []), reason, found.actor(user), dry_run=dry_run, request_key=key
        )
        if as_json:
            print_json(answer, found)
            return
        rows = [(each["what"], each["before"], each["after"]) for each in answer["changes"]]
        print_undone(answer)
        waits = "waits" in answer
        console().print(table("将会改变" if dry_run or waits else "更正", ("什么", "原来", "现在"), rows))
        if waits:
            far = "、".join(answer["waits"])
            then = "没有写入；去掉 --dry-run 才提出，再由" if dry_run else "已提出，还没有更正："
            console().print(f"{far} 追溯较久，{then}另一人确认 bihuan case confirm {case_id}")
        elif dry_run:
            console().print("没有写入；去掉 --dry-run 才更正")
        else:
            console().print(f"案件 {answer['case']} 在“{answer['state_title']}”，归 [bold]{answer['owner']}[/]")


@case.command("confirm")
def confirm(
    case_id: CaseId,
    reject: Annotated[bool, typer.Option("--reject", help="驳回 (reject)")] = False,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """确认（或驳回）别人提出的追溯更正 (confirm a correction)."""
    from engine.commands.corrections import confirm as confirm_correction

    with office(db, quiet=as_json) as found:
        answer = confirm_correction(found, case_id, found.actor(user), reject=reject)
        if as_json:
            print_json(answer, found)
        else:
            console().print(f"案件 {answer['case']}：更正已{'驳回' if reject else '确认'}")


@alert.command("list")
def alerts(
    case_id: Annotated[str, typer.Argument(metavar="[CASE]", help="只看这一件的，逐条列出")] = "",
    everything: Annotated[bool, typer.Option("--all", help="逐条，连同已知悉、已改期、已了结的 (all)")] = False,
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """未知悉的预警，一件一行，级高的在前；时限已改期、已了结的不算 (open alerts, one line a case)."""
    from engine.reading.alertlist import alerts_by_case
    from engine.reading.queries import alert_list

    with office(db, quiet=as_json) as found:
        actor = found.actor(user)
        of = found.case(case_id, actor)[0].id if case_id else ""
        if of or everything or as_json:
            rows = alert_list(found, actor, everything=everything, of=of, most=most)
            if as_json:
                print_json({"alerts": rows}, found)
            else:
                print_alerts(rows, most)
            return
        listed = alerts_by_case(found, actor, most)
        shown = [
            (r["level"], r["case"], f"{r['name']} {_about(r['titles'])}".strip(), r["due"], r["told"], r["raised_at"])
            for r in listed
        ]
        columns = ("级", "案件", "时限", "应于", "告知", "发出")
        console().print(table(f"预警 {cut(listed, most, '件')}", columns, shown))
        if (several := sum(row["alerts"] for row in listed)) > len(listed):
            console().print(f"共 {several} 条，一件一行；逐条看：alert list 案件号，或 --all")


def _about(titles: list[str]) -> str:
    """The most urgent of a case, and how many more there are."""
    return titles[0] if len(titles) == 1 else f"{titles[0]} 等 {len(titles)} 项"


def print_alerts(rows: list[dict[str, Any]], most: int) -> None:
    """Alerts as a table."""
    shown = [
        (
            r["level"],
            r["case"],
            r["title"],
            r["due"],
            r["told"],
            r["raised_at"],
            r["acknowledged_by"] + _PAST[r["superseded"]],
        )
        for r in rows
    ]
    console().print(
        table(f"预警 {cut(rows, most, '条')}", ("级", "案件", "时限", "应于", "告知", "发出", "知悉"), shown)
    )


_PAST = {"": "", "moved": " 已改期", "ended": " 已了结"}
"""An alert whose deadline has moved or ended since it was raised."""


@alert.command("ack")
def ack(
    case_id: CaseId,
    name: Annotated[str, typer.Argument(metavar="[DEADLINE]", help="时限；不写则全部")] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """知悉一件案件的预警 (acknowledge)."""
    from engine.commands.noting import acknowledge

    with office(db, quiet=as_json) as found:
        taken = acknowledge(found, case_id, name, found.actor(user))
        if as_json:
            print_json({"acknowledged": taken}, found)
        else:
            console().print(f"已知悉 {taken} 条预警")
