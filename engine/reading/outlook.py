"""What new rules make of open cases when they come: counted by entry and unit, and listed with a reason each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.commands.migrating import Forecast, forecast, fresh
from engine.core.migrating import LEAD, OFFERED, OWNER
from engine.core.migrations import WORDS
from engine.core.rulebook import Rulebook
from engine.reading.reports import Page
from engine.service import Office

_ROLES = {OWNER: "owner", OFFERED: "owner", LEAD: "lead"}
_TITLES = {"owner": OWNER, "lead": LEAD}
"""The differences that say which unit gains or loses a case, and as what."""


def outlook(office: Office, draft: Rulebook, begins: datetime, most: int) -> dict[str, Any]:
    """What becomes of each open case when these rules come into force; the first of them one by one, all counted.

    An entry that is about no case is told with none; cases that no entry names keep their rules. Nothing is written.
    """
    with office.store.reading() as driver:
        counts = {(each.name, each.action): 0 for some in fresh(driver, draft).values() for each in some}
        (there,) = driver.execute("SELECT count(*) FROM \"case\" WHERE final = ''").fetchone()
    units: Counter[tuple[str, str, str]] = Counter()
    listed: list[dict[str, Any]] = []
    named = late = deadlines = 0
    for each in forecast(office, draft, begins):
        key = (each.entry.name, each.action)
        counts[key] = counts.get(key, 0) + 1
        named, late, deadlines = named + 1, late + bool(each.overdue), deadlines + len(each.overdue)
        for what, before, after in each.differences:
            if role := _ROLES.get(what):
                units.update([(after, role, "gained"), (before, role, "lost")])
        if len(listed) < most:
            listed.append(_row(each))
    return {
        "entries": [
            {"entry": entry, "action": action, "cases": number}
            for (entry, action), number in counts.items()
            if number or not any(other and name == entry for (name, _), other in counts.items())
        ],
        "kept": there - named,
        "overdue": {"cases": late, "deadlines": deadlines},
        "units": [
            {"unit": unit, "role": role, "gained": units[unit, role, "gained"], "lost": units[unit, role, "lost"]}
            for unit, role in sorted({(unit, role) for unit, role, _ in units})
        ],
        "listed": listed,
        "unlisted": named - len(listed),
    }


def _row(each: Forecast) -> dict[str, Any]:
    return {
        "case": each.case.id,
        "workflow": each.case.workflow,
        "state": each.case.state,
        "state_title": each.state,
        "owner": each.case.owner,
        "entry": each.entry.name,
        "action": each.action,
        "why": each.why,
        "changes": [{"what": what, "before": before, "after": after} for what, before, after in each.differences],
        "overdue": list(each.overdue),
    }


def pages(told: Mapping[str, Any]) -> tuple[Page, ...]:
    """The same as pages: how many cases go which way, units that gain or lose, cases one by one."""
    counts = [(each["entry"], WORDS[each["action"]], each["cases"]) for each in told["entries"]]
    late = told["overdue"]["cases"]
    units = [(each["unit"], _TITLES[each["role"]], each["gained"], each["lost"]) for each in told["units"]]
    lines = [(row["case"], row["state_title"], WORDS[row["action"]], row["why"], words(row)) for row in told["listed"]]
    more = f"（列出前 {len(told['listed'])} 件，另有 {told['unlisted']} 件）" if told["unlisted"] else ""
    return (
        Page(
            "在办的：生效以后",
            ("哪一项", "怎么办", "件数"),
            (*counts, ("（没有点到）", WORDS["keep"], told["kept"]), ("其中立即逾期", "", late)),
        ),
        Page("在办的：单位", ("单位", "职责", "增加", "减少"), tuple(units)),
        Page(f"在办的：案件{more}", ("案件", "环节", "怎么办", "为什么", "会变成"), tuple(lines)),
    )


def words(row: Mapping[str, Any]) -> str:
    """What is another for a case, in one line."""
    changes = (f"{one['what']} {one['before'] or '无'} → {one['after'] or '无'}" for one in row["changes"])
    overdue = [f"立即逾期：{'、'.join(row['overdue'])}"] if row["overdue"] else []
    return "；".join([*changes, *overdue])


def in_short(told: Mapping[str, Any]) -> str:
    """The same in one line."""
    entries = "".join(f"{each['entry']} {WORDS[each['action']]} {each['cases']} 件，" for each in told["entries"])
    late = told["overdue"]["cases"]
    return f"{entries}{WORDS['keep']} {told['kept']} 件" + (f"，立即逾期 {late} 件" if late else "")
