"""The schedule and task rows that a case's events lead to, for `audit verify` to compare with those that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.case import Case, Plan, occurrence, parts
from engine.core.planning import DAY, due_next, dues
from engine.core.reckoning import MICRO
from engine.core.rulebook import Rulebook
from engine.store.changes import Due
from engine.store.plans import PLANNED, Op, plan_of
from engine.store.store import Driver

FURTHEST = 366 * DAY
"""Nothing is planned further ahead than this: a forged `next_at` must not keep anybody counting."""


class Retold:
    """The plans of one case and their occurrences; how far a plan was made is all that its row is believed."""

    def __init__(self, driver: Driver, case_id: str, due: dict[str, Due], now: int) -> None:
        self.driver = driver
        self.case_id = case_id
        self.due = due
        """All deadlines of the case, shared with whoever derives those of its states."""
        self.latest = now + FURTHEST
        self.plans: dict[tuple[str, int], list[Any]] = {}
        self.tasks: dict[tuple[str, int], tuple[int, int, str, str]] = {}
        self.passed: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self.running: dict[str, int] = {}
        """Schedule → the event that made the plan which runs now."""
        self.complete: set[tuple[str, int]] = set()
        """Plans that are ending: all that was made of them is there, and must not come back."""
        self.instead: dict[tuple[str, int], tuple[str, int]] = {}
        """Plan → the one in whose place it goes on: from its next due time, or from how far the other had been made."""
        self.since: dict[tuple[str, int], int] = {}
        """From when on the occurrences of a plan are its own."""
        self.book: Rulebook
        self.books: dict[tuple[str, int], Rulebook] = {}
        """The rules that each plan was made under: its occurrences go by them, whatever the case is under since."""
        self._made: dict[tuple[str, int], int | None] | None = None

    def follow(self, book: Rulebook, planned: tuple[tuple[Op, ...], ...]) -> None:
        """Take into account what an event did to schedules and tasks."""
        self.book = book
        does = {
            "mark": self._mark,
            "undue": self._undue,
            "gone": self._gone,
            "ahead": self._ahead,
            "end": self._end,
            "close": self._close,
            "plan": self._plan,
        }
        for ops in planned:
            for verb in PLANNED:
                for name, row in ops:
                    if name == verb:
                        does[verb](row)

    def passed_over(self, data: Mapping[str, Any]) -> None:
        """Occurrences of a time when nobody swept, which were never made."""
        self.passed.setdefault((data["schedule"], data["planned"]), []).append((data["from"], data["to"]))

    def made(self, name: str) -> None:
        """A deadline is spoken of: when it is that of an occurrence, that was made by then."""
        schedule, due = parts(name)
        if due and schedule in self.running:
            self._arm(schedule, due)

    def finish(self) -> None:
        """Make the occurrences of the plans that still run."""
        for name in self.running:
            self._make(name)

    def wrong(self, case: Case) -> Iterator[str]:
        """Rows that are not as they must be."""
        kept = {
            (name, event): [release, plan, ended]
            for name, event, release, plan, ended in self.driver.execute(
                "SELECT name, event, release, plan, ended FROM schedule WHERE case_id = ?", (case.id,)
            )
        }
        for name, event in sorted(kept.keys() | self.plans.keys()):
            if kept.get((name, event)) != self.plans.get((name, event)) or not self._possible((name, event)):
                yield f"计划 {name}"
        rows = {
            (schedule, due): tuple(rest)
            for schedule, due, *rest in self.driver.execute(
                "SELECT schedule, due, event, ends, state, who FROM task WHERE case_id = ?", (case.id,)
            )
        }
        for schedule, due in sorted(rows.keys() | self.tasks.keys()):
            if rows.get((schedule, due)) != self.tasks.get((schedule, due)):
                yield f"任务 {occurrence(schedule, due)}"

    def _possible(self, key: tuple[str, int]) -> bool:
        """Whether a plan can have been made so far: up to one of its due times, or to its end."""
        plan, next_at = plan_of(self.plans[key][1]), self._next(key)
        if next_at is None:
            return not plan.daily
        if key in self.instead and next_at == self._next(self.instead[key]):
            return True
        return due_next(plan, next_at - 1, self.book.zone) == next_at

    def _next(self, key: tuple[str, int]) -> int | None:
        if self._made is None:
            sql = "SELECT name, event, next_at FROM schedule WHERE case_id = ?"
            self._made = {(name, event): at for name, event, at in self.driver.execute(sql, (self.case_id,))}
        return self._made.get(key, 0)

    def _make(self, name: str) -> None:
        """The occurrences that were made of the running plan of this name, as far as its row says it came."""
        event = self.running[name]
        plan, next_at = self._plan_of(name), self._next((name, event))
        until = self.latest if next_at is None else min(self.latest, next_at - 1)
        for due in dues(plan, self.since.get((name, event), 0), until, self.book.zone):
            over = any(first <= due <= last for first, last in self.passed.get((name, event), ()))
            known = self.tasks.get((name, due))
            if not over and (known is None or known[2] == "ended"):
                self.tasks[name, due] = (event, due + plan.within, "open", "")
                self._arm(name, due)

    def _plan_of(self, name: str) -> Plan:
        return plan_of(self.plans[name, self.running[name]][1])

    def _arm(self, name: str, due: int) -> None:
        plan = self._plan_of(name)
        ends = due + plan.within
        first = self.books[name, self.running[name]].ladders[plan.ladder].rungs[0].at // MICRO
        told = occurrence(name, due)
        self.due.setdefault(told, Due(told, self.running[name], ends, plan.ladder, 0, ends + first, None))

    def _open_of(self, name: str) -> list[int]:
        if (name, self.running[name]) not in self.complete:
            self.complete.add((name, self.running[name]))
            self._make(name)
        return [due for (of, due), row in self.tasks.items() if of == name and row[2] in ("open", "claimed")]

    def _mark(self, row: Mapping[str, Any]) -> None:
        name, due = row["schedule"], row["due"]
        known = self.tasks.get((name, due))
        event, ends = known[:2] if known is not None and known[2] != "ended" else (row["event"], row["ends"])
        self.tasks[name, due] = (event, ends, row["state"], row["who"])
        if row["state"] in ("open", "claimed"):
            self._arm(name, due)

    def _undue(self, row: Mapping[str, Any]) -> None:
        self.due.pop(row["name"], None)

    def _gone(self, row: Mapping[str, Any]) -> None:
        if row["due"] in self._open_of(row["schedule"]):
            del self.tasks[row["schedule"], row["due"]]
        self._undue(row)

    def _ahead(self, row: Mapping[str, Any]) -> None:
        for due in self._open_of(row["schedule"]):
            if due > row["at"]:
                event, ends, _, who = self.tasks[row["schedule"], due]
                self.tasks[row["schedule"], due] = (event, ends, "ended", who)
                self._undue({"name": occurrence(row["schedule"], due)})

    def _end(self, row: Mapping[str, Any]) -> None:
        for due in self._open_of(row["schedule"]):
            event, ends, _, who = self.tasks[row["schedule"], due]
            state = "missed" if ends <= row["at"] else "ended"
            self.tasks[row["schedule"], due] = (event, ends, state, who)
            self._undue({"name": occurrence(row["schedule"], due)})

    def _close(self, row: Mapping[str, Any]) -> None:
        self._open_of(row["name"])
        self.plans[row["name"], self.running.pop(row["name"])][2] = row["ended"]

    def _plan(self, row: Mapping[str, Any]) -> None:
        key = (row["name"], row["event"])
        self.plans[key] = [row["release"], row["plan"], 0]
        if row["instead"]:
            self.instead[key] = (row["name"], row["instead"])
            so_far = self._next(self.instead[key])
            starts = [at for at in (row["next_at"], so_far) if at is not None]
            self.since[key] = min(starts, default=self.latest + 1)
        self.books[row["name"], row["event"]] = self.book
        self.running[row["name"]] = row["event"]
