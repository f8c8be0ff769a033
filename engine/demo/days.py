"""The work of every day, by whoever is responsible for it, while the rehearsal's clock runs to the next scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import Any

from engine.commands import custody, tasks, trips
from engine.core import lifecycle
from engine.core.errors import Refused
from engine.core.judging import typed
from engine.core.values import parse_time
from engine.demo.stage import Stage
from engine.reading.queries import task_list
from engine.timing.sweep import move_clock, sweep

STOPS = (8, 14, 20)
"""The hours at which communities and sites act, and tests, temperatures and visits are done."""
RIDES = (14, 20)
"""The hours at which vehicles drive."""
SEATS = 8
WAITING = ("awaiting_transfer", "awaiting_collection")
"""Who waits to be driven."""
SITE = "集中隔离点"
WORKERS = ("officer", "community_worker", "site", "inspector")
FOUND = {"pcr_test": "阴性", "temperature": "正常", "visit": "在家"}
"""What a round finds on a day on which nothing happens."""

Row = dict[str, Any]
Step = tuple[str, str, dict[str, Any]]
"""Who, which transition, with which evidence."""
ACCEPT = "accept"
"""Instead of a transition: the receiver takes over what was offered."""


class Days:
    """Time from scene to scene: at each working hour every open case takes its next step."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.office = stage.office
        self.held: set[str] = set()
        """Cases that a scene moves: the daily work leaves them alone."""
        self.untested: set[str] = set()
        """Cases whose test is forgotten."""
        self._rooms: dict[str, int] = {}
        self._worker = {
            unit: person.user
            for person in reversed(list(self.office.book().organisation.staff.values()))
            for role, unit in person.roles
            if role in WORKERS
        }

    @property
    def now(self) -> str:
        """The present, as evidence states it."""
        return self.office.now().isoformat()

    def until(self, day: str, hour: str) -> None:
        """Work until that moment; what falls to be done at that moment itself waits for the scene."""
        target = parse_time(f"{day}T{hour}+08:00")
        zone = self.office.book().zone
        while (now := self.office.now()) < target:
            here = now.astimezone(zone)
            if here.minute == 0:
                self._act(here.hour)
            move_clock(self.office, min(_next_stop(here), target) - now)

    def ride(self, cases: Sequence[str]) -> None:
        """Bring cases to the site, eight to a vehicle; the site ticks everybody off."""
        for number, start in enumerate(range(0, len(cases), SEATS), 2):
            seated = cases[start : start + SEATS]
            driver = self.office.actor("zhuanyun")
            told = trips.open_trip(self.office, f"皖A·演{number:03}", "示例·驾驶员", SITE, seated, driver)
            ticked = {case: {"quarantine_started": self.now, "room": self.room(case)} for case in seated}
            trips.receive(self.office, told["trip"], ticked, self.office.actor("geli"))

    def room(self, case: str) -> str:
        """A room of her own."""
        return str(101 + self._rooms.setdefault(case, len(self._rooms)))

    def worker(self, owner: str) -> str:
        """Who works for a unit: its community worker, the site's nurse, the department's officer or inspector."""
        return self._worker.get(owner, "shewu")

    def _act(self, hour: int) -> None:
        if hour not in STOPS:
            return
        self._work()
        if hour in RIDES:
            self.ride([row["case"] for row in self._open() if row["state"] in WAITING])
        sweep(self.office)  # whoever came in has tasks now
        self._rounds()

    def _open(self) -> Iterator[Row]:
        return (row for row in self.stage.open_cases() if row["case"] not in self.held)

    def _work(self) -> None:
        for row in self._open():
            step = _STEPS.get(f"{row['workflow']}.{row['state']}")
            for user, transition, evidence in step(self, row) if step else ():
                actor = self.office.actor(user)
                with suppress(Refused):  # what the rules do not allow yet is for another day
                    if transition == ACCEPT:
                        custody.accept(self.office, row["case"], actor, evidence)
                    else:
                        self.office.advance(row["case"], transition, actor, evidence)

    def _rounds(self) -> None:
        """Tests, temperatures and visits that are due, unit by unit."""
        listed = task_list(self.office, self.stage.chief, everything=True, most=100_000)
        due = [row for row in listed if row["state"] == "待做" and not self._left_out(row)]
        for (task, owner), rows in groupby(sorted(due, key=_by_unit), key=_by_unit):
            results = [(row["case"], self._found(task)) for row in rows]
            tasks.done(self.office, task, results, self.office.actor(self.worker(owner)))

    def _found(self, task: str) -> str:
        """What a round finds: nothing that leads anywhere."""
        if task in FOUND:
            return FOUND[task]
        book = self.office.book()
        flow = next(flow for flow in book.workflows.values() if task in flow.tasks)
        asked = flow.tasks[task]
        results = book.subjects[flow.subject].fields[asked.result].values
        return next(result for result in results if result not in asked.on_result)

    def _left_out(self, row: Row) -> bool:
        return row["case"] in self.held or (row["task"] == "pcr_test" and row["case"] in self.untested)

    def release(self, row: Row, transition: str) -> list[Step]:
        """When the clock of a case is done: a last swab unless there is one of today, then the release."""
        case, _ = self.office.case(row["case"], self.stage.chief)
        book = self.office.book(case.release)
        count = lifecycle.count_of(book, case, next(iter(book.workflows[case.workflow].clocks)))
        if count.done_at is None or count.done_at > self.office.now():
            return []
        today = self.office.now().astimezone(book.zone).date()
        swabs = [done.at.astimezone(book.zone).date() for done in case.results if done.task == "pcr_test"]
        days = book.days(str(case.outcome["tests"]), typed(book, case), case.opened_at) or (1,)
        from_day = (count.day_zero or date.min) + timedelta(days=days[-1])
        swab: Step = (self.worker(row["owner"]), "test", {"pcr_result": "阴性", "sampled_at": self.now})
        enough = max(swabs, default=date.min) >= max(from_day, today - timedelta(days=1))
        return [*([] if enough else [swab]), ("shenpi", transition, {})]


def _next_stop(here: datetime) -> datetime:
    coming = [(here + timedelta(days=day)).replace(hour=hour, minute=0) for day in (0, 1) for hour in STOPS]
    return next(stop for stop in coming if stop > here)


def _by_unit(row: Row) -> tuple[str, str]:
    return row["task"], row["owner"]


def _verify(days: Days, row: Row) -> list[Step]:
    return [(days.worker(row["owner"]), "verify", {"checked_at": days.now})]


def _arrival(days: Days, row: Row) -> list[Step]:
    home = row["category"] in ("低风险", "所在县区有风险")
    return [(days.worker(row["owner"]), "keep_at_home" if home else "verify", {"checked_at": days.now})]


def _follow_up(days: Days, row: Row) -> list[Step]:
    """Once a week, well before it is due."""
    due = parse_time(row["due"].replace(" ", "T") + "+08:00")
    near = due - days.office.now() <= timedelta(days=7)
    return [("shewu", "follow_up", {"proof": "随访记录"})] if near else []


def _sign(days: Days, row: Row) -> list[Step]:
    """Somebody of the unit who may."""
    organisation, flow = days.office.book().organisation, days.office.book().workflows[row["workflow"]]
    able = (
        person.user
        for person in organisation.staff.values()
        for role, unit in person.roles
        if unit == row["owner"] and role in flow.transitions["sign"].by
    )
    return [(user, "sign", {"signed_at": days.now}) for user in islice(able, 1)]


def _bulletin(days: Days, row: Row) -> list[Step]:
    """The bulletin and its receipts, when they are due."""
    listed = task_list(days.office, days.stage.chief, everything=True, most=100_000)
    due = {task["task"] for task in listed if task["case"] == row["case"] and task["state"] == "待做"}
    sent = {"bulletin_sent": "已印发", "sent_at": days.now, "bulletin_no": days.now[:10], "told_until": days.now}
    signed = {"bulletin_receipt": "全部签收", "receipt_at": days.now}
    steps: list[Step] = [("jigong", "issue", sent), ("xiaoneng", "receive", signed)]
    return [step for step, task in zip(steps, ("issue", "receipt"), strict=True) if task in due]


def _hospital(days: Days, _: Row) -> list[Step]:
    admitted = {"hospital": "示例定点医院", "admitted_at": days.now, "receipt": "收治单"}
    return [("zhuanyun", "hospitalise", {}), ("zhuanyun", ACCEPT, admitted)]


def _sampled(days: Days, row: Row) -> list[Step]:
    if row["category"] == "阳性":
        return [("shewu", "confirm", {"recheck_result": "阳性"}), *_hospital(days, row)]
    return [("shewu", "return_to_group", {"recheck_result": "阴性"})]


_STEPS: dict[str, Callable[[Days, Row], list[Step]]] = {
    "signing.waiting": _sign,
    "bulletin.running": _bulletin,
    "registration.recorded": lambda days, row: [(days.worker(row["owner"]), "inform", {"informed_at": days.now})],
    "arrival.found": _arrival,
    "arrival.quarantined": lambda days, row: days.release(row, "release"),
    "arrival.monitored": lambda days, row: days.release(row, "release_home"),
    "close_contact.found": _verify,
    "close_contact.quarantined": lambda days, row: days.release(row, "release"),
    "close_contact.monitored": lambda days, row: days.release(row, "release_home"),
    "key_group.found": lambda days, row: [(days.worker(row["owner"]), "enrol", {"managed_from": days.now[:10]})],
    "key_group.monitored": lambda days, row: days.release(row, "release"),
    "positive.found": lambda days, _: [("shewu", "send_sample", {"sent_at": days.now})],
    "positive.rechecking": _sampled,
    "positive.awaiting_hospital": _hospital,
    "positive.in_hospital": _follow_up,
}
