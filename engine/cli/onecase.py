"""One case as text: what is due and what can be done first, then what is known, then what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from engine.cli.common import console, table

LATEST, NEXT = 12, 6
"""So many of the latest events, and of the tasks still to come, are shown; the others are counted."""
TO_DO = ("超期", "待做", "已认领")


def print_deadlines(answer: dict[str, Any]) -> None:
    """The deadlines of a case, each with why it is due then where that is told."""
    for name, due in answer["deadlines"].items():
        why = f"（{answer['why'][name]}）" if "why" in answer else ""
        until = answer.get("shelved_until", {}).get(name)
        past = answer.get("overdue", {}).get(name)
        marks = (f"，[bold red]已超 {past}[/]" if past else "") + (f"，挂账至 {until}" if until else "")
        title = answer["deadline_titles"].get(name, name)
        console().print(f"时限 {title}：{due[:16].replace('T', ' ')} 前{marks}{why}")


def print_undone(answer: dict[str, Any]) -> None:
    """What a command leaves undone: overdue and missed, or still to be done and asked for no more."""
    missed = answer.get("missed", ())
    if missed:
        each = "；".join(f"{one['title']} {len(one['due'])} 项（{_span(one['due'])}）" for one in missed)
        total = sum(len(one["due"]) for one in missed)
        told = "、".join(dict.fromkeys(one["told"] for one in missed))
        console().print(f"[bold red]漏做 {total} 项[/]，告 {told}：{each}")
    if dropped := answer.get("dropped", ()):
        each = "；".join(f"{one['title']}（{'、'.join(one['due'])}）" for one in dropped)
        console().print(f"不再要做（应做而未做，还没有超期）：{each}")


def _span(due: list[str]) -> str:
    return due[0] if len(due) == 1 else f"{due[0]} 至 {due[-1]}"


def custody_table(rows: Sequence[dict[str, str]]) -> Table:
    """Who was responsible from when until when."""
    shown = [(r["since"], r["until"] or "至今", r["unit"], r["case"]) for r in rows]
    return table("责任链", ("自", "至", "责任单位", "案件"), shown)


def print_case(told: dict[str, Any], *, everything: bool = False) -> None:
    """A case as text: what whoever works on it needs first stands first."""
    out = console()
    out.print(
        f"[bold]案件 {told['case']}[/]  {told['category']}  {told['workflow_title']}（规则第 {told['release']} 版）"
    )
    since = f"（自 {told['since']}）" if told["owner"] else ""
    out.print(f"环节 [bold]{told['state_title']}[/]  责任单位 [bold]{told['owner'] or '—'}[/]{since}")
    if told["final"]:
        on = f"，由案件 [bold]{told['followed_by']}[/] 接着办" if told["followed_by"] else ""
        out.print(f"[bold]已办结[/]{on}")
    if told["offered_to"]:
        asked = f"，签收需填 {'、'.join(told['asked_of_receiver'])}" if told["asked_of_receiver"] else ""
        out.print(f"已交 [bold]{told['offered_to']}[/] 待签收{asked}")
    if told["asked_under"]:
        answers = f"bihuan rules resolve {told['case']} keep|recompute|move 环节"
        out.print(
            f"第 {told['asked_under']} 版规则变了，等责任单位决定：照旧、重算，或转到新环节（{answers}）", markup=False
        )
    if told["proposed"]:
        out.print(f"等待另一人确认的更正：{'、'.join(told['proposed'])}（bihuan case confirm）")
    print_deadlines(told)
    _print_clocks(told)
    for item in told["can"]:
        danger = "  [red]不能撤回[/]" if item["danger"] else ""
        lacks = f"  [yellow]还差 {'；'.join(item['lacks'])}[/]" if item["lacks"] else ""
        fill = _to_fill_in(item)
        asks = f"  需填 {fill}" if fill else ""
        out.print(f"可办 [bold]{item['transition']}[/] {item['title']}{asks}{danger}{lacks}")
    _print_tasks(told["tasks"], everything=everything)
    facts = list((told["personal"] | told["facts"]).items())
    out.print(table("要素", ("要素", "内容"), facts))
    _print_ties(told)
    out.print(f"牵头 {told['lead']}  配合 {'、'.join(told['supporting']) or '—'}")
    for made in told["decisions"]:
        print_decision(made)
    out.print(custody_table(told["custody"]))
    events = told["timeline"]
    first = 0 if everything else max(len(events) - LATEST, 0)
    left = f"（另有更早的 {first} 条，--all 全部列出）" if first else ""
    rows = [(e["at"], e["actor"], e["what"]) for e in events[first:]]
    out.print(table(f"经过 {len(events)} 条{left}", ("时间", "谁", "什么"), rows))


def _print_clocks(told: dict[str, Any]) -> None:
    for title, clock in told["clocks"].items():
        if clock["day_zero"] and clock["days"]:
            done = clock["done_at"][:16].replace("T", " ")
            console().print(
                f"计时 {title}：第 0 天 {clock['day_zero']}，共 {clock['days']} 天，{done} 期满{clock['note']}"
            )


def _print_tasks(tasks: Sequence[dict[str, str]], *, everything: bool) -> None:
    """What is to be done and what comes next; what is over is counted."""
    if not tasks:
        return
    now = [item for item in tasks if item["state"] in TO_DO]
    ahead = [item for item in tasks if item["state"] in ("未到时", "计划")]
    over = [item["state"] for item in tasks if item not in now and item not in ahead]
    shown = list(tasks) if everything else now + ahead[:NEXT]
    counts = [f"{state} {over.count(state)}" for state in dict.fromkeys(over)]
    counts += [f"其后 {len(ahead) - NEXT}"] if len(ahead) > NEXT else []
    left = f"（另有 {'、'.join(counts)}，--all 全部列出）" if counts and not everything else ""
    rows = [(item["due"], until(item), item["title"], item["state"], item["who"]) for item in shown]
    title = f"任务 {len(tasks)} 项{left}"
    console().print(table(title, ("应于", "超期自", "任务", "状态", "谁"), rows) if rows else title)
    waivers = {"、".join(item["skip_by"]): None for item in now}
    for who in waivers:
        what = "、".join(dict.fromkeys(item["title"] for item in now if "、".join(item["skip_by"]) == who))
        console().print(f"写明理由可免做，由 {who}：{what}" if who else f"不能免做：{what}")


def until(item: Mapping[str, str]) -> str:
    """From when on a task is overdue: the time alone where that is the day it is due, the year only where another."""
    for shared in (len("2022-05-26 "), len("2022-")):
        if item["ends"][:shared] == item["due"][:shared]:
            return item["ends"][shared:]
    return item["ends"]


def _print_ties(told: dict[str, Any]) -> None:
    """The cases that this one hangs on, goes on from, or opened."""
    out = console()
    for parent in told["parents"]:
        out.print(f"上级案件 [bold]{parent['case']}[/]（本案是其{parent['title']}）")
    if told["follows"]:
        out.print(f"接续案件 [bold]{told['follows']}[/]")
    if told["children"]:
        rows = [(c["case"], c["title"], "已办结" if c["final"] else "在办") for c in told["children"]]
        out.print(table(f"名下案件 {len(rows)} 件", ("案件", "是什么", "现状"), rows))


def print_decision(made: dict[str, Any]) -> None:
    """A decision: what it says, by which rules and clauses, from which facts."""
    clauses = f"（{'、'.join(made['clauses'])}）" if made["clauses"] else ""
    rests = f"依据 {'、'.join(made['rules'])}{clauses}" if made["rules"] else "没有规则覆盖"
    inputs = "，".join(f"{title}={value}" for title, value in made["inputs"].items()) or "要素都不知道"
    category = made["category"] or "未匹配规则"
    console().print(f"判定 {made['at']} {category}，{rests}，按 {made['as_of']} 的规则；当时：{inputs}")


def print_why(told: dict[str, Any]) -> None:
    """Why a case stands where it stands, and what each way on still lacks."""
    out = console()
    if told["decision"]:
        print_decision(told["decision"])
    out.print(f"环节 [bold]{told['state']}[/]：{told['state_why']}")
    if told["owner"]:
        out.print(f"责任单位 [bold]{told['owner']}[/]：{told['owner_why']}")
    for deadline in told["deadlines"]:
        out.print(f"时限 {deadline['title']}：{deadline['why']}")
    rows = [
        (
            way["transition"],
            way["title"],
            "、".join(way["who"]) or "没有人",
            _to_fill_in(way),
            "；".join(way["lacks"]) or "现在可办",
        )
        for way in told["ways"]
    ]
    if rows:
        out.print(table("往下走", ("动作", "是什么", "谁可以办", "需填", "还差什么"), rows))


def _to_fill_in(way: dict[str, Any]) -> str:
    """What a step asks for, and what that must be."""
    must = f"（须 {'；'.join(way['must'])}）" if way["must"] else ""
    return f"{'、'.join(way['evidence'])}{must}"
