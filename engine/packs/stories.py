"""Stories of the example files, read: names looked up, times and facts typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.core.conditions import Fact, parse_value
from engine.core.reckoning import CONFIRM, HAND_OVER
from engine.core.rulebook import Expected, Story, StoryStep, Subject
from engine.core.values import local_day, local_time
from engine.packs import models as m
from engine.packs.models import WorkflowFile
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document, Path

_ON_DAY = re.compile(r"day (\d{1,3})(?: (([01][0-9]|2[0-3]):[0-5][0-9]))?\Z")
_WRITTEN = '写作 "day 14 08:00"（立案当天为 day 0）或 2022-05-26 08:00'


class StoryBuilder:
    """Every story of a pack; each mistake is noted where it stands."""

    def __init__(self, pack: Resolver, zone: ZoneInfo, subjects: Mapping[str, Subject], staff: Iterable[str]) -> None:
        self.pack = pack
        self.zone = zone
        self.subjects = subjects
        self.staff = staff
        self.places: dict[str, tuple[Document, Path]] = {}
        """Where each story stands."""
        self.flows: dict[str, WorkflowFile] = {model.workflow: model for _, model in pack.files(WorkflowFile)}

    def build(self) -> list[Story]:
        """The stories, in the order of the files."""
        made = []
        for document, model in self.pack.files(m.ExamplesFile):
            for index, told in enumerate(model.stories):
                path: Path = ("stories", index)
                name = f"story {told.name}"
                if name in self.places:
                    self.pack.wrong(
                        document, "RULE-001", (*path, "name"), f"故事 {told.name} 写了两次", "每个名字只写一次"
                    )
                self.places[name] = (document, path)
                story = _Telling(self, document, path, told).story()
                if story is not None:
                    made.append(story)
        return made


class _Telling:
    """One story being read: its first moment is the day 0 that its times count from."""

    def __init__(self, of: StoryBuilder, document: Document, path: Path, model: m.StoryModel) -> None:
        self.of = of
        self.document = document
        self.path = path
        self.model = model
        self.opened: datetime | None = None
        self.last: datetime | None = None

    def story(self) -> Story | None:
        """The story; None after noting why it has no beginning."""
        opening = self.model.open
        path: Path = (*self.path, "open")
        if opening.workflow and not self.known(
            "RULE-040", (*path, "workflow"), "流程", opening.workflow, self.of.flows
        ):
            return None
        decided = [subject.name for subject in self.of.subjects.values() if subject.decided_by]
        named = self.of.flows[opening.workflow].subject if opening.workflow else ""
        subject = opening.subject or named or (decided[0] if decided else "")
        if not self.known("RULE-032", (*path, "subject"), "对象", subject, self.of.subjects):
            return None
        self.opened = self.last = self.moment((*path, "at"), opening.at)
        if self.opened is None:
            return None
        facts, personal = self.facts((*path, "with"), opening.with_, subject, self.opened)
        self.known("FLOW-012", (*path, "by"), "人员", opening.by, self.of.staff)
        expect = self.expected((*self.path, "expect"), self.model.expect)
        first = StoryStep(self.opened, opening.by, facts=facts, personal=personal, expect=expect)
        steps = [self.step((*self.path, "steps", at), step, subject) for at, step in enumerate(self.model.steps)]
        return Story(self.model.name, subject, opening.workflow, (first, *steps))

    def step(self, path: Path, model: m.StoryStepModel, subject: str) -> StoryStep:
        """One step; without a time of its own it happens when the last one did."""
        at = (self.moment((*path, "at"), model.at) if model.at else None) or self.last or _NEVER
        if self.last is not None and at < self.last:
            self.wrong("RULE-036", (*path, "at"), "比上一步早", "各步按时间先后写")
        self.last = at
        if sum((bool(model.do), model.accept, model.correct, bool(model.told))) != 1:
            self.wrong("RULE-021", path, "一步恰写一件事", "do: 动作、accept: true、correct: true 或 told: {…} 之一")
        if not model.told:
            self.known("FLOW-012", (*path, "by"), "人员", model.by, self.of.staff)
        for key, value in model.told.items():
            self.told((*path, "told", key), key, value)
        if model.do:
            verbs = dict.fromkeys(verb for flow in self.of.flows.values() for each in flow.transitions for verb in each)
            self.known("FLOW-012", (*path, "do"), "动作", model.do, verbs)
        facts, personal = self.facts((*path, "with"), model.with_, subject, at)
        return StoryStep(
            at,
            model.by,
            model.do,
            model.correct,
            facts,
            personal,
            tuple(model.told.items()),
            self.expected((*path, "expect"), model.expect),
            tuple(model.refused),
        )

    def told(self, path: Path, key: str, value: str) -> None:
        """Note what no linked case can tell."""
        if key.startswith("children.") and value in ("opened", "closed"):
            return
        if not key.startswith("index.task."):
            self.wrong(
                "RULE-030", path, f"不认识 {key}: {value}", "index.task.任务: 结果，或 children.种类: opened／closed"
            )

    def facts(
        self, path: Path, raw: Mapping[str, Any], subject: str, at: datetime
    ) -> tuple[dict[str, Fact], frozenset[str]]:
        """What is stated: open facts typed (`now` and `day 3` are times too), personal ones by name only."""
        fields = self.of.subjects[subject].fields
        facts: dict[str, Fact] = {}
        personal = set()
        for key, value in raw.items():
            if not self.known("RULE-032", (*path, key), "要素", key, fields):
                continue
            of = fields[key]
            if of.type == "unit":
                self.known("RULE-023", (*path, key), "单位", str(value), of.values)
            if of.pii:
                personal.add(key)
                continue
            try:
                if of.type in ("time", "date") and isinstance(value, str):
                    moment = at if value == "now" else self.read(value)
                    facts[key] = moment if of.type == "time" else local_day(moment, self.of.zone)
                else:
                    facts[key] = parse_value(of, value)
            except ValueError as error:
                self.wrong("RULE-022", (*path, key), str(error))
        return facts, frozenset(personal)

    def expected(self, path: Path, model: m.ExpectModel) -> Expected:
        """What the case must be like then."""
        flows = self.of.flows.values()
        deadlines = [each.name for flow in flows for state in flow.states.values() for each in state.deadlines]
        named: tuple[tuple[str, str, Iterable[str], Iterable[str]], ...] = (
            ("due", "时限", model.due, [*deadlines, HAND_OVER, CONFIRM]),
            ("count", "计时", model.count, [name for flow in flows for name in flow.clocks]),
            ("planned", "计划", model.planned, [name for flow in flows for name in flow.schedules]),
        )
        for key, what, names, allowed in named:
            for name in names:
                self.known("FLOW-012", (*path, key, name), what, name, dict.fromkeys(allowed))
        said = {key: getattr(model, key) for key in ("state", "owner", "category", "workflow", "final")}
        due = {name: self.moment((*path, "due", name), at) if at else None for name, at in model.due.items()}
        planned = {
            name: tuple(at for told in times if (at := self.moment((*path, "planned", name), told)))
            for name, times in model.planned.items()
        }
        return Expected({key: value for key, value in said.items() if value}, due, model.count, planned)

    def moment(self, path: Path, raw: str) -> datetime | None:
        """A time of the story; None after noting that it is none."""
        try:
            return self.read(raw)
        except ValueError:
            self.wrong("RULE-036", path, f"不认识的时间 {raw}", _WRITTEN)
            return None

    def read(self, raw: str) -> datetime:
        """`day 14 08:00` counted from the day of the opening, or an absolute local time."""
        found = _ON_DAY.match(raw)
        if found is not None and self.opened is not None:
            day = local_day(self.opened, self.of.zone) + timedelta(days=int(found[1]))
            return local_time(day, found[2] or "00:00", self.of.zone)
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            raise ValueError(f"不认识的时间 {raw}，{_WRITTEN}") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self.of.zone)

    def known(self, code: str, path: Path, what: str, name: str, allowed: Iterable[str]) -> bool:
        """Whether a name exists; if not, note it with the nearest right one."""
        return self.of.pack.known(self.document, code, path, what, name, allowed)

    def wrong(self, code: str, path: Path, what: str, expected: str = "") -> None:
        """Note a mistake of this story."""
        self.of.pack.wrong(self.document, code, path, what, expected)


_NEVER = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
"""Stands in for a time that could not be read, which is told."""
