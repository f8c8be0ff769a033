"""What a paper says of a case or a trip: every value as text, ready to be set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.core import lifecycle
from engine.core.case import Case, moment
from engine.core.conditions import Fact, Field, label
from engine.core.judging import typed
from engine.core.papers import Paper, filled
from engine.core.rulebook import Rulebook
from engine.core.units import seat_of
from engine.core.values import local_day

BLANK = "＿＿＿＿＿＿"
"""Where something of a sentence is not known, it is written in by hand."""


def day_words(day: date) -> str:
    """A day in Chinese form."""
    return f"{day.year}年{day.month}月{day.day}日"


def time_words(at: datetime, zone: ZoneInfo) -> str:
    """A moment in Chinese form, as the clock in the office showed it."""
    local = at.astimezone(zone)
    return f"{day_words(local)}{local.hour}时" + (f"{local.minute:02}分" if local.minute else "")


def value_words(of: Field, value: Fact, zone: ZoneInfo) -> str:
    """A fact as it is printed."""
    if isinstance(value, datetime):
        return time_words(value, zone)
    if isinstance(value, date):
        return day_words(value)
    return "" if value is None else label(of, value)


def common(book: Rulebook, paper: Paper, code: str, now: datetime) -> dict[str, str]:
    """What every paper may say."""
    day = local_day(now, book.zone)
    return {
        "authority": book.authority,
        "document": book.document,
        "today": day_words(day),
        "number": f"{paper.number}〔{day.year}〕{code}号",
    }


def of_case(book: Rulebook, case: Case, personal: Mapping[str, str]) -> dict[str, str]:
    """What can be said of a case: its facts, its clocks, where it stands and whose it is."""
    kind, flow = book.kind_of(case.workflow), book.workflows[case.workflow]
    known = {name: text for name, text in personal.items() if name in kind.fields}
    known |= {name: value_words(kind.fields[name], value, book.zone) for name, value in typed(book, case).items()}
    for name in flow.clocks:
        count = lifecycle.count_of(book, case, name)
        told = {
            "from": day_words(count.day_zero) if count.day_zero else "",
            "until": day_words(local_day(count.done_at, book.zone)) if count.done_at else "",
            "days": str(count.days or ""),
        }
        known |= {f"clock.{name}.{part}": text for part, text in told.items()}
    known |= {f"due.{name}": time_words(armed.due, book.zone) for name, armed in case.deadlines.items()}
    who = case.owner or case.lead
    return known | {
        "case": case.id,
        "category": case.category or flow.title,
        "workflow": flow.title,
        "state": flow.states[case.state].title,
        "owner": who,
        "head": book.organisation.told("unit.head", who),
        "leader": book.organisation.told("leader", who, case.lead, seat_of(book, case)),
        "lead": case.lead,
        "supporting": "、".join(case.supporting),
        "opened": time_words(case.opened_at, book.zone),
        "entered": time_words(case.entered.at, book.zone),
    }


def of_doers(book: Rulebook, units: Iterable[str]) -> dict[str, str]:
    """What can be said of the units that may settle what is overdue; nothing where nothing is told of it."""
    heads = dict.fromkeys(book.organisation.told("unit.head", unit) for unit in units)
    return {"doers": "、".join(units), "doers_head": "、".join(heads)}


def of_trip(book: Rulebook, told: Mapping[str, Any], driver: str) -> dict[str, str]:
    """What can be said of a trip."""
    opened, received = told["opened"], told["received"]
    return {
        "trip": told["trip"],
        "vehicle": told["vehicle"],
        "driver": driver,
        "giver": told["giver"],
        "receiver": told["receiver"],
        "count": f"{told['count']} 人",
        "opened": time_words(moment(opened), book.zone),
        "received": time_words(moment(received), book.zone) if received else "",
    }


def page(
    book: Rulebook,
    paper: Paper,
    code: str,
    known: Mapping[str, str],
    lines: Iterable[Mapping[str, str]],
    now: datetime,
    *,
    rehearsal: bool,
) -> dict[str, Any]:
    """Everything the layout needs."""
    said = {**common(book, paper, code, now), **known}
    columns = paper.rows.columns if paper.rows else {}
    rows = [
        [filled(text, {**said, **line, "n": str(n)}) for text in columns.values()] for n, line in enumerate(lines, 1)
    ]
    return {
        "title": paper.title,
        "number": said["number"],
        "code": code,
        "today": said["today"],
        "printed": f"打印 {now.astimezone(book.zone):%Y-%m-%d %H:%M}",
        "rehearsal": rehearsal,
        "to": filled(paper.to, said, BLANK),
        "fields": [[label, filled(text, said)] for label, text in (paper.fields or {}).items()],
        "body": [filled(text, said, BLANK) for text in paper.body],
        "columns": list(columns),
        "rows": rows,
        "after": [filled(text, said, BLANK) for text in paper.after],
        "sign": [filled(text, said) for text in paper.sign],
        "seal": filled(paper.seal, said),
    }
