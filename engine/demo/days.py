"""The work of every day, by whoever is responsible for it, while the rehearsal's clock runs to the next scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count, groupby
from typing import Any

from engine.commands import custody, tasks, trips
from engine.core.errors import BadInput, Problem, Refused, nearest
from engine.core.org import Actor
from engine.core.workflows import Workflow
from engine.demo.memory import MOST, Memory
from engine.demo.models import ActModel, Facts, TripsModel, WorkFile, WorkModel
from engine.reading.queries import case_list, task_list
from engine.timing.sweep import move_clock, sweep

Row = dict[str, Any]


class Days:
    """Time from scene to scene: at each working hour every open case takes its next steps."""

    def __init__(self, memory: Memory, told: WorkFile) -> None:
        self.memory = memory
        self.office = memory.office
        self.told = told
        self.held: set[str] = set()
        """Cases that a scene moves: the daily work leaves them alone."""
        self.undone: set[tuple[str, str]] = set()
        """Cases of which a task is left undone."""
        self._vehicles, self._riders = count(1), count(1)
        self._check()

    def until(self, moment: datetime) -> None:
        """Work until that moment; what falls to be done at that moment itself waits for the scene."""
        target = moment.replace(tzinfo=self.office.book().zone)
        while (now := self.office.now()) < target:
            here = now.astimezone(target.tzinfo)
            if here.minute == 0 and here.hour in self.told.hours:
                self._act(here.hour)
            move_clock(self.office, min(self._next_stop(here), target) - now)

    def first(self, place: str) -> str:
        """The case that stands there, of several the one that is due first."""
        found = next((row["case"] for row in self._open() if _place(row) == place), None)
        if found is None:
            raise BadInput(Problem("RULE-026", f"没有案件在 {place}", "流程.环节"))
        return str(found)

    def _next_stop(self, here: datetime) -> datetime:
        days = (here + timedelta(days=day) for day in (0, 1))
        coming = [day.replace(hour=hour, minute=0) for day in days for hour in self.told.hours]
        return next(stop for stop in coming if stop > here)

    def _act(self, hour: int) -> None:
        for row in self._open():
            if work := next((work for work in self.told.work if self._fits(work, row)), None):
                self._work(work, row)
        for riding in self.told.trips:
            if hour in riding.hours:
                self._ride(riding, [row["case"] for row in self._open() if _place(row) in riding.in_])
        sweep(self.office)  # whoever came in has tasks now
        self._rounds()

    def _open(self) -> Iterator[Row]:
        """Every open case that may be moved, those due first."""
        listed = case_list(self.office, self.memory.chief, most=MOST)
        return (row for row in listed if row["case"] not in self.held)

    def _fits(self, work: WorkModel, row: Row) -> bool:
        if _place(row) not in work.in_ or (work.category and row["category"] not in work.category):
            return False
        if not work.due:
            return True
        armed, now = self.office.case(row["case"], self.memory.chief)[0].deadlines, self.office.now()
        return all(name in armed and armed[name].due - now <= left for name, left in work.due.items())

    def _work(self, work: WorkModel, row: Row) -> None:
        flow = self.office.book().workflows[row["workflow"]]
        for step in work.steps:
            actor = self.office.actor(step.by) if step.by else self._able(row["owner"], flow.transitions[step.do].by)
            if actor is not None:
                with suppress(Refused):  # what the rules do not allow yet is for another day
                    self._step(row["case"], step, actor)

    def _step(self, case: str, step: ActModel, actor: Actor) -> None:
        facts = self._facts(step.with_)
        if step.accept:
            custody.accept(self.office, case, actor, facts)
        else:
            self.office.advance(case, step.do, actor, facts)

    def _ride(self, riding: TripsModel, cases: list[str]) -> None:
        """Bring cases where they have to be, and tick everybody off."""
        giver, receiver = self.office.actor(riding.by), self.office.actor(riding.received_by)
        for start in range(0, len(cases), riding.seats):
            seated = cases[start : start + riding.seats]
            vehicle = self.memory.said(riding.vehicle, nth=next(self._vehicles))
            told = trips.open_trip(self.office, vehicle, riding.driver, riding.to, seated, giver)
            ticked = {case: self._facts(riding.with_, nth=next(self._riders)) for case in seated}
            trips.receive(self.office, told["trip"], ticked, receiver)

    def _rounds(self) -> None:
        """Scheduled work that is due, unit by unit, each with the first result that leads nowhere."""
        flows = {row["case"]: row["workflow"] for row in self._open()}

        def kind(row: Row) -> tuple[str, str, str]:
            return flows[row["case"]], row["task"], row["owner"]

        listed = task_list(self.office, self.memory.chief, everything=True, most=10 * MOST)
        due = [row for row in listed if row["state"] == "待做" and row["case"] in flows]
        left = [row for row in due if (row["case"], row["task"]) not in self.undone]
        for (workflow, task, owner), rows in groupby(sorted(left, key=kind), key=kind):
            flow = self.office.book().workflows[workflow]
            doers = {role for verb in flow.transitions.values() if verb.task == task for role in verb.by}
            if actor := self._able(owner, doers):
                more = self._facts(self.told.results.get(task, {}))
                result = self._ordinary(flow, task)
                tasks.done(self.office, task, [tasks.Row(row["case"], result, more) for row in rows], actor)

    def _ordinary(self, flow: Workflow, task: str) -> str:
        """What is found on a day on which nothing happens."""
        asked = flow.tasks[task]
        results = self.office.book().subjects[flow.subject].fields[asked.result].values
        return next(result for result in results if result not in asked.on_result)

    def _able(self, unit: str, roles: set[str] | tuple[str, ...]) -> Actor | None:
        """The first of a unit who may."""
        staff = self.office.book().organisation.staff.values()
        able = (person.user for person in staff for role, of in person.roles if of == unit and role in roles)
        user = next(able, None)
        return None if user is None else self.office.actor(user)

    def _facts(self, told: Facts, **also: int) -> Facts:
        return {name: self.memory.said(text, **also) for name, text in told.items()}

    def _check(self) -> None:
        """A name that is nowhere defined would leave cases lying without a word."""
        flows = self.office.book().workflows.values()
        states = {f"{flow.name}.{state}" for flow in flows for state in flow.states}
        verbs = {f"{flow.name}.{verb}" for flow in flows for verb in flow.transitions}
        work, riding = self.told.work, self.told.trips
        places = [place for one in work for place in one.in_] + [place for one in riding for place in one.in_]
        done = [(place, step.do) for one in work for place in one.in_ for step in one.steps if step.do]
        wrong = dict.fromkeys(places, states)
        wrong |= {f"{place.partition('.')[0]}.{verb}": verbs for place, verb in done}
        problems = [
            Problem("RULE-022", f"没有 {name}", "流程.环节 或流程的动作", nearest(name, known))
            for name, known in wrong.items()
            if name not in known
        ]
        steps = [step for one in work for step in one.steps]
        if any(step.accept == bool(step.do) or (step.accept and not step.by) for step in steps):
            problems.append(Problem("RULE-021", "一步要么写 do，要么写 accept 和签收的人 by"))
        if problems:
            raise BadInput(problems)


def _place(row: Row) -> str:
    return f"{row['workflow']}.{row['state']}"
