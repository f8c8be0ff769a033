"""What a draft does to cases: past and open ones decided again, counted by unit, and listed as far as anybody reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.core.case import Case, micros
from engine.core.record import from_json
from engine.core.replaying import KINDS, ROLES, Alike, Change, Compared, Replay
from engine.core.rulebook import Rulebook
from engine.reading.outlook import in_short as ahead_in_short
from engine.reading.outlook import outlook
from engine.reading.outlook import pages as ahead
from engine.reading.reports import Page
from engine.service import Office

MOST = 500
"""So many cases are listed one by one; all are counted."""
MOST_GROUPS = 65_536
BATCH = 1_000
BACK = timedelta(days=90)
"""How far back cases are decided again, unless said otherwise."""
_THESE = "FROM \"case\" WHERE opened_at >= ? OR final = ''"
Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes on what is gone through, of which there are so many, and shows how far it has come."""
TITLES = {
    "workflow": "流程",
    "category": "类别",
    "lead": "牵头",
    "supporting": "配合",
    "owner": "责任单位",
    "days": "天数",
    "due": "时限",
    "uncovered": "不再有规则对得上",
    "undecided": "不能判定",
}
"""What may be another, and what a unit may be, as people are told."""


def unseen(each: Iterable[Any], _: int) -> Iterable[Any]:
    """Nobody is watching."""
    return each


def impact(
    office: Office,
    base: Rulebook,
    draft: Rulebook,
    begins: datetime,
    back: timedelta = BACK,
    progress: Progress = unseen,
) -> dict[str, Any]:
    """What becomes of open cases when the draft comes into force, and what would be another were all decided anew.

    All: each case opened so long back or later, and every open one. The first is what happens (`plan`), the second
    shows what the rules mean. Read a batch at a time; nothing is written, and nothing personal is in it.
    """
    now = office.now()
    tally = Tally()
    replay = Replay(base, draft, now)
    for case in _cases(office, micros(now - back), progress):
        tally.take(case, replay.compare(case))
    at, since = (moment.astimezone(base.zone).isoformat(timespec="minutes") for moment in (now, now - back))
    told = {"base": base.release, "digest": draft.digest, "since": since, "at": at}
    told |= tally.told({name: flow.title for name, flow in {**draft.workflows, **base.workflows}.items()})
    return told | {"plan": outlook(office, draft, begins, MOST)}


def _cases(office: Office, since: int, progress: Progress) -> Iterator[Case]:
    with office.store.reading() as driver:
        (total,) = driver.execute(f"SELECT count(*) {_THESE}", (since,)).fetchone()
        rows = driver.execute(f"SELECT id, seq, snapshot {_THESE}", (since,))
        batches = iter(lambda: rows.fetchmany(BATCH), [])
        for case_id, seq, snapshot in progress((row for batch in batches for row in batch), total):
            yield from_json(snapshot, case_id, seq)


@dataclass(slots=True)
class Tally:
    """Cases counted as they come: by unit, by what is another for them, and the first of them one by one."""

    decided: int = 0
    open: int = 0
    changed: int = 0
    overdue_cases: int = 0
    overdue: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    units: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    groups: dict[Alike, int] = field(default_factory=dict)
    listed: tuple[list[dict[str, Any]], ...] = field(default_factory=lambda: ([], [], []))
    """Those with something overdue at once, other open ones, closed ones."""

    def take(self, case: Case, found: Compared) -> None:
        """Count one more case."""
        alike, changes, overdue = found
        self.decided += 1
        self.open += not case.final
        self.groups[alike] = self.groups.get(alike, 0) + 1
        if len(self.groups) > MOST_GROUPS:
            self._sum_up()
        if not changes:
            return
        self.changed += 1
        self.kinds.update({change.kind for change in changes})
        self.overdue += len(overdue)
        self.overdue_cases += bool(overdue)
        listed = self.listed[0 if overdue else 2 if case.final else 1]
        if len(listed) < MOST:
            listed.append(_line(case, changes, overdue))

    def _sum_up(self) -> None:
        """How many cases each unit has before and after, of those counted so far."""
        for alike, cases in self.groups.items():
            if alike.before.cannot or alike.after.cannot:
                continue
            for role in ROLES:
                before, after = alike.before.units(role), alike.after.units(role)
                for what, units in (
                    ("before", before),
                    ("after", after),
                    ("gained", after - before),
                    ("lost", before - after),
                ):
                    for unit in units:
                        self.units[unit, role, what] += cases
        self.groups.clear()

    def told(self, titles: Mapping[str, str]) -> dict[str, Any]:
        """All of it, as JSON holds it."""
        self._sum_up()
        rows = sorted({(unit, role) for unit, role, _ in self.units}, key=lambda row: (row[0], ROLES.index(row[1])))
        units = [
            {
                "unit": unit,
                "role": role,
                **{what: self.units[unit, role, what] for what in ("before", "after", "gained", "lost")},
            }
            for unit, role in rows
        ]
        listed = [line for some in self.listed for line in some][:MOST]
        for line in listed:
            line["workflow"] = titles.get(line["workflow"], line["workflow"])
        return {
            "cases": {"decided": self.decided, "open": self.open, "changed": self.changed},
            "changes": {kind: self.kinds[kind] for kind in KINDS},
            "overdue": {"cases": self.overdue_cases, "deadlines": self.overdue},
            "units": units,
            "listed": listed,
            "unlisted": self.changed - len(listed),
        }


def _line(case: Case, changes: tuple[Change, ...], overdue: tuple[str, ...]) -> dict[str, Any]:
    return {
        "case": case.id,
        "workflow": case.workflow,
        "category": case.category,
        "open": not case.final,
        "changes": [change._asdict() for change in changes],
        "overdue": list(overdue),
    }


def pages(told: Mapping[str, Any]) -> tuple[Page, ...]:
    """The same as pages: what is another in how many cases, units that gain or lose, cases one by one."""
    cases, overdue = told["cases"], told["overdue"]
    summary = [
        ("重新判定的案件", cases["decided"]),
        ("其中在办", cases["open"]),
        ("有改变的", cases["changed"]),
        *((f"　{TITLES[kind]}", number) for kind, number in told["changes"].items() if number),
        ("立即逾期的在办案件", overdue["cases"]),
        ("立即逾期的时限", overdue["deadlines"]),
    ]
    units = [
        (each["unit"], TITLES[each["role"]], each["before"], each["after"], each["gained"], each["lost"])
        for each in told["units"]
        if each["gained"] or each["lost"]
    ]
    lines = [
        (line["case"], line["workflow"], "在办" if line["open"] else "已办结", *words)
        for line in told["listed"]
        for words in [
            *((_what(change), change["before"], change["after"]) for change in line["changes"]),
            *(("立即逾期", "", title) for title in line["overdue"]),
        ]
    ]
    more = f"（列出前 {len(told['listed'])} 件，另有 {told['unlisted']} 件）" if told["unlisted"] else ""
    return (
        *ahead(told["plan"]),
        Page("假如全部重判", ("会怎样", "件数"), tuple(summary)),
        Page("假如全部重判：单位", ("单位", "职责", "现在", "以后", "增加", "减少"), tuple(units)),
        Page(f"假如全部重判：案件{more}", ("案件", "流程", "在办", "什么", "现在", "以后"), tuple(lines)),
    )


def in_short(told: Mapping[str, Any]) -> str:
    """The same in one line."""
    cases, overdue = told["cases"], told["overdue"]["cases"]
    kinds = "、".join(f"{TITLES[kind]} {number} 件" for kind, number in told["changes"].items() if number)
    what = f"{cases['changed']} 件不同（{kinds}）" if kinds else "没有一件不同"
    late = f"，{overdue} 件立即逾期" if overdue else ""
    return f"在办的 {ahead_in_short(told['plan'])}；假如 {cases['decided']} 件全部重判，{what}{late}"


def _what(change: Mapping[str, str]) -> str:
    title = TITLES[change["kind"]]
    return f"{title} {change['what']}" if change["kind"] in ("days", "due") else title
