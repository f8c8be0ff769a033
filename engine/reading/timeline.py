"""What happened to a case, in words, and the decisions among it with what they rest on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from engine.core.case import Case, wall_time
from engine.core.conditions import Field, from_json, label
from engine.core.migrations import ANSWERED, ASKED, MIGRATED
from engine.core.noting import title_of
from engine.core.postponing import WORDS
from engine.core.reckoning import MICRO
from engine.core.rulebook import Subject
from engine.core.values import duration_words
from engine.core.workflows import Transition, Workflow
from engine.service import Office
from engine.store.changes import MISSED


def timeline(office: Office, case: Case) -> list[dict[str, Any]]:
    """Everything that happened to a case, in the order in which it was written."""
    with office.store.reading() as driver:
        rows = driver.execute(
            "SELECT seq, type, actor, account, occurred_at, recorded_at, data FROM event"
            " WHERE case_id = ? OR (case_id = 'system' AND type = 'revealed' AND json_extract(data, '$.case') = ?)"
            " ORDER BY n",
            (case.id, case.id),
        ).fetchall()
    told, zone = [], office.book(case.release).zone
    for seq, kind, actor, account, occurred_at, recorded_at, text in rows:
        data = json.loads(text)
        if kind in ("opened", MIGRATED):
            then = office.book(data["release"])
            flow, fields = then.workflows[case.workflow], then.kind_of(case.workflow).fields
        told.append(
            {
                "seq": seq,
                "type": kind,
                "at": wall_time(occurred_at, zone),
                "recorded_at": wall_time(recorded_at, zone),
                "actor": actor,
                "account": account,
                "what": _what(fields, flow, kind, data, zone),
                "data": data,
            }
        )
    return told


def _what(fields: Mapping[str, Field], flow: Workflow, kind: str, data: dict[str, Any], zone: tzinfo) -> str:
    if kind == "corrected":
        return "更正" + ("（经另一人确认）" if "confirms" in data else "") + _changes(fields, data, zone)
    if kind == "opened":
        decision = data["decision"]
        clauses = f"（{'、'.join(decision['clauses'])}）" if decision["clauses"] else ""
        why = f"，依据 {'、'.join(decision['rules'])}{clauses}" if decision["rules"] else ""
        return f"立案：{data['category'] or flow.title}，归 {data['owner']}{why}"
    if kind == "advanced":
        step = flow.transitions[data["transition"]]
        said = [data["task"]["result"]] if "task" in data else []
        said += [counted] if (counted := _counted(fields, flow, step, data["facts"])) else []
        result = f"：{'，'.join(said)}" if said else ""
        signed = "（签收）" if data.get("accepted") else ""
        moved = f" → {flow.states[data['to']].title}" if data["to"] != data["from"] else ""
        return f"{step.title}{signed}{result}{moved}"
    if kind == MIGRATED:
        back = "退回" if data.get("back") else "改按"
        moved = f"，转到“{flow.states[data['to']].title}”" if "to" in data else ""
        return f"{back}第 {data['release']} 版规则重新起算{moved}：{data['reason']}（{data['entry']}）"
    if kind == "alerted":
        return f"{data['level']}：时限 {title_of(flow, data['deadline'])}，告 {data['told']}"
    if kind == "postponed":
        length = duration_words(data["by"] * MICRO)
        return f"时限 {title_of(flow, data['deadline'])}{WORDS[data['kind']]} {length}"
    if kind == MISSED:
        each = [f"{flow.schedules[name].title} {len(due)} 项" for name, due in data["tasks"].items()]
        return f"漏做：{'、'.join(each)}"
    if kind == "stated":
        return f"另一来源补充：{data['origin'].get('source', '')}" + ("，判定会不同" if "differs" in data else "")
    return _OTHER[kind](data) if kind in _OTHER else kind


def _counted(fields: Mapping[str, Field], flow: Workflow, step: Transition, facts: Mapping[str, Any]) -> str:
    """The amounts that a step counted, and what the numbers that amounts are counted into became by it."""
    totals = dict.fromkeys(name for each in flow.transitions.values() for name in (*each.adds, *each.takes))
    became = "，".join(f"{fields[name].title} {facts[name]}" for name in totals if name in facts)
    amounts = dict.fromkeys((*step.adds.values(), *step.takes.values()))
    told = "，".join(f"{fields[name].title} {facts[name]}" for name in amounts if name in facts)
    return f"{told}（{became}）" if told else became


def _changes(fields: Mapping[str, Field], data: dict[str, Any], zone: tzinfo) -> str:
    """The open facts that were put right, with what they were."""
    was = data.get("was", {})
    told = [
        f"{of.title} {_shown(of, was.get(name), zone)} → {_shown(of, value, zone)}"
        for name, value in data["facts"].items()
        if (of := fields.get(name)) is not None
    ]
    told += ["计时提前结束"] if data.get("cut_short") else []
    return "：" + "，".join(told) if told else ""


def _shown(of: Field, written: Any, zone: tzinfo) -> str:
    value = from_json(of, written)
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else label(of, value)


def _offered(data: dict[str, Any]) -> str:
    declined = "不属本单位，" if data.get("declined") else ""
    return f"{declined}交 {data['to']}，待签收" + (f"（车次 {data['trip']}）" if data.get("trip") else "")


def _answered(data: dict[str, Any]) -> str:
    """What became of a question about new rules: kept by an entry, by a person, or taken back with its plan."""
    if data.get("back"):
        return f"不再等决定：{data['reason']}"
    return f"照旧规则办完：{data['reason']}（{data['entry']}）" if "reason" in data else "决定照旧规则办完"


_OTHER: dict[str, Callable[[dict[str, Any]], str]] = {
    "acknowledged": lambda _: "已知悉预警",
    "revealed": lambda _: "查看完整个人信息（理由已加密留存）",
    "printed": lambda data: (
        f"打印{data['paper']}（{data['number']}）" + ("，不填个人信息" if data.get("impersonal") else "，打开个人信息")
    ),
    "served": lambda data: f"{data['paper']}已送达（签收人已加密留存）",
    "proposed": lambda _: "提出更正，等待另一人确认",
    "rejected": lambda _: "驳回更正",
    "reclassified": lambda data: f"改归另一流程，由案件 {data['successor']} 继续",
    ASKED: lambda data: f"规则变动待决定：{data['why']}（{data['entry']}）",
    ANSWERED: _answered,
    "switched": lambda data: f"按{data['profile'] or '平时'}状态重新起算",
    "child_opened": lambda data: f"名下立案 {data['child']}",
    "child_closed": lambda data: f"名下案件 {data['child']} 办结",
    "index_tested": lambda data: f"案件 {data['index']} 的结果：{data['task']['result']}",
    "offered": _offered,
    "accepted": lambda data: f"由 {data['owner']} 接管",
    "returned": lambda data: "车上没有此人，未交接" if data.get("missing") else "退回，未接收",
    "claimed": lambda data: "放弃认领任务" if data.get("given_up") else "认领任务",
    "skipped": lambda _: "免做一次任务",
    "passed_over": lambda _: "巡检停过，过期的任务只补最近一次",
    "breached": lambda data: f"{data['closure']}闭环有缺口：{data['what']}",
}
"""What happened, in words, where the data say it all."""


def decisions(kind: Subject, told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each decision in a timeline: when it was made, what it rests on, and the facts it was made from."""
    return [
        {
            "at": event["at"],
            "event": event["type"],
            "category": event["data"].get("category", ""),
            "rules": made["rules"],
            "clauses": made["clauses"],
            "as_of": made["as_of"],
            "inputs": {
                kind.fields[name].title: label(kind.fields[name], from_json(kind.fields[name], value))
                for name, value in made["inputs"].items()
                if value is not None and name in kind.fields
            },
        }
        for event in told
        if (made := event["data"].get("decision")) and made.get("table")
    ]
