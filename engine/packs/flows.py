"""Workflow files → workflows: every state, role, fact, clock and ladder they name must exist."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Any

from engine.core.conditions import parse_value
from engine.core.errors import nearest
from engine.core.guards import StatedGuard
from engine.core.values import parse_duration
from engine.core.workflows import (
    Allowance,
    ChildType,
    Clock,
    Deadline,
    Place,
    Schedule,
    State,
    TaskType,
    Transition,
    Workflow,
)
from engine.packs.models import AllowanceModel, StateModel
from engine.packs.steps import StepBuilder
from engine.packs.yamlfile import Path

MOST_STATES = 200


class FlowBuilder(StepBuilder):
    """One workflow file, compiled; every mistake is appended to `problems`."""

    def build(self) -> Workflow | None:
        """The workflow; None when it is too large or has mistakes that leave nothing to build."""
        model = self.model
        before = len(self.problems)
        if not self.known("RULE-032", ("subject",), "对象", model.subject, self.names.subjects) and not self.subject:
            return None
        if len(model.states) > MOST_STATES:
            self.wrong(
                "FLOW-015", ("states",), f"有 {len(model.states)} 个环节", f"不超过 {MOST_STATES} 个，请拆分流程"
            )
            return None
        self.known("FLOW-002", ("initial",), "初始环节", model.initial, model.states)
        clocks = {name: self.clock(name) for name in model.clocks}
        tasks = {name: self.task(name) for name in model.tasks}
        for stage, state in model.continues.items():
            self.known("FLOW-012", ("continues", stage), "阶段", stage, self.names.before[model.workflow])
            if self.known("FLOW-001", ("continues", stage), "环节", state, model.states) and model.states[state].final:
                self.wrong(
                    "FLOW-007",
                    ("continues", stage),
                    f"“{model.states[state].title}”已办结，不能从它继续",
                    "写未办结的环节",
                )
        schedules = {name: self.schedule(name) for name in model.schedules}
        children = {name: self.child(name) for name in model.children}
        states = {name: self.state(name, state) for name, state in model.states.items()}
        transitions: dict[str, Transition] = {}
        for index, item in enumerate(model.transitions):
            for name, transition in item.items():
                if name in transitions:
                    self.wrong("FLOW-012", ("transitions", index, name), f"动作 {name} 写了两次", "每个动作名只用一次")
                transitions[name] = self.transition(("transitions", index, name), name, transition)
        if len(self.problems) > before:
            return None
        return Workflow(
            model.workflow,
            model.title,
            model.subject,
            model.initial,
            states,
            transitions,
            clocks,
            tasks,
            schedules,
            children,
            model.continues,
            model.clause,
            model.stream,
        )

    def clock(self, name: str) -> Clock:
        """A day count; its anchors are dates or times, its days a parameter or one the rule names."""
        model = self.model.clocks[name]
        path: Path = ("clocks", name)
        for key, facts in (("anchor", model.anchor), ("restarts_on", model.restarts_on)):
            for fact in facts:
                if self.fact((*path, key), fact) and self.fields[fact].type not in ("date", "time"):
                    self.wrong("RULE-031", (*path, key), f"{fact} 不是日期或时间", "起算要素须为 date 或 time")
        if bool(model.anchor) == bool(model.after):
            self.wrong("RULE-021", path, "anchor 与 after 写一个，且只写一个", "anchor: 要素，或 after: 另一个计时")
        if model.after and self.known("FLOW-012", (*path, "after"), "计时", model.after, self.model.clocks):
            self._no_circle((*path, "after"), name)
        minus = self.fields.get(model.minus)
        if model.minus and self.fact((*path, "minus"), model.minus) and minus and minus.type != "integer":
            self.wrong("RULE-031", (*path, "minus"), f"{model.minus} 不是整数", "已满的天数须为 integer")
        self.days((*path, "days"), model.days)
        ends = [self.stated_guard((*path, "ends_when", key), key, raw) for key, raw in model.ends_when.items()]
        return Clock(
            name,
            model.title,
            tuple(model.anchor),
            model.day_zero,
            model.days,
            model.after,
            model.minus,
            tuple(model.restarts_on),
            tuple(guard for guard in ends if guard),
        )

    def _no_circle(self, path: Path, name: str) -> None:
        """Note a clock that would have to wait for its own end."""
        seen = [name]
        while (clock := self.model.clocks.get(seen[-1])) and clock.after:
            if clock.after in seen:
                self.wrong("FLOW-017", path, f"计时互相等待：{' → '.join([*seen, clock.after])}", "其中一个改写 anchor")
                return
            seen.append(clock.after)

    def task(self, name: str) -> TaskType:
        """Work whose result is an enum fact, and whose time is a time fact."""
        model = self.model.tasks[name]
        path: Path = ("tasks", name)
        if self.fact((*path, "result"), model.result) and self.fields[model.result].type != "enum":
            self.wrong("RULE-031", (*path, "result"), f"{model.result} 不是选项", "结果要素须为 enum")
        if self.fact((*path, "at"), model.at) and self.fields[model.at].type != "time":
            self.wrong("RULE-031", (*path, "at"), f"{model.at} 不是时间", "时间要素须为 time")
        if model.clock:
            self.known("FLOW-012", (*path, "clock"), "计时", model.clock, self.model.clocks)
        verbs = [verb for item in self.model.transitions for verb in item]
        opens = {result: to.open for result, to in model.on_result.items() if not isinstance(to, str)}
        fires = {result: to for result, to in model.on_result.items() if isinstance(to, str)}
        for result in model.on_result if model.result in self.fields else ():
            self.known("RULE-022", (*path, "on_result", result), "结果", result, self.fields[model.result].values)
        for result, verb in fires.items():
            self.known("FLOW-012", (*path, "on_result", result), "动作", verb, verbs)
        for result, child in opens.items():
            self.known("FLOW-012", (*path, "on_result", result, "open"), "子案件", child, self.model.children)
        if model.within:
            self.fixed_length((*path, "within"), model.within)
        for role in model.skip_by:
            self.known("FLOW-012", (*path, "skip_by"), "角色", role, self.names.roles)
        if model.ladder:
            self.known("FLOW-012", (*path, "ladder"), "催办阶梯", model.ladder, self.names.ladders)
        return TaskType(
            name,
            model.title,
            model.result,
            model.at,
            model.clock,
            fires,
            opens,
            model.within,
            model.ladder,
            tuple(model.skip_by),
        )

    def schedule(self, name: str) -> Schedule:
        """A task that recurs: its clock, its days, its stages; what recurs has a time limit and a ladder of its own."""
        model = self.model.schedules[name]
        path: Path = ("schedules", name)
        stages = {state.stage for state in self.model.states.values()}
        for stage in model.while_:
            self.known("FLOW-012", (*path, "while"), "阶段", stage, stages)
        if self.known("FLOW-012", (*path, "task"), "任务", model.task, self.model.tasks):
            task = self.model.tasks[model.task]
            if not task.within or not task.ladder:
                self.wrong(
                    "FLOW-006",
                    ("tasks", model.task),
                    f"任务“{task.title}”会重复，却没有时限或催办阶梯",
                    "写 within 与 ladder",
                )
        for where, times in (("at",), model.at), *((("in_profile", key), at) for key, at in model.in_profile.items()):
            if any(later <= earlier for earlier, later in pairwise(times)):
                self.wrong("RULE-036", (*path, *where), "时间没有晚于前一个", "按先后写，每个时间一次")
        clock = model.anchor.removeprefix("clock ")
        if bool(model.anchor) != bool(model.days):
            self.wrong(
                "RULE-021", path, "anchor 与 days 要么都写，要么都不写（每日）", "anchor: clock 计时名，days: 参数"
            )
        elif model.anchor:
            self.known("FLOW-012", (*path, "anchor"), "计时", clock, self.model.clocks)
            self.days((*path, "days"), model.days)
        if model.every:
            self.whole_days((*path, "every"), model.every)
            if model.days:
                self.wrong(
                    "RULE-021", (*path, "every"), "every 与 days 只写一个", "每隔几天写 every；计时的某几天写 days"
                )
        asked: tuple[tuple[StatedGuard, ...], ...] = self.several((*path, "when"), model.when, self.stated_guard)
        stages_of, at = tuple(model.while_), tuple(model.at)
        return Schedule(name, model.title, model.task, stages_of, clock, model.days, at, model.every, asked)

    def whole_days(self, path: Path, every: str) -> None:
        """Note a distance between days that is none."""
        term = self.names.terms.get(every)
        name = term.parameter if term is not None and term.parameter else every
        if name in self.names.parameters:
            if self.names.parameters[name].unit != "day":
                self.wrong("RULE-027", path, f"{every} 不以天为单位", "如 7d，或以天为单位的参数")
            return
        self.length(path, every)
        length = term.within if term is not None else None if self.names.no_length(every) else parse_duration(every)
        if (length is None and term is not None) or (length is not None and length % timedelta(days=1)):
            self.wrong("RULE-027", path, f"{every} 不是整天", "如 7d，或以天为单位的参数")

    def child(self, name: str) -> ChildType:
        """Cases this one opens, and what is known of each at once."""
        model = self.model.children[name]
        path: Path = ("children", name)
        known = self.known("RULE-032", (*path, "subject"), "对象", model.subject, self.names.subjects)
        for state in model.from_:
            self.known("FLOW-001", (*path, "from"), "环节", state, self.model.states)
        for role in model.by:
            self.known("FLOW-012", (*path, "by"), "角色", role, self.names.roles)
        for task in model.tells:
            self.known("FLOW-012", (*path, "tells"), "任务", task, self.model.tasks)
        fields = self.names.subjects[model.subject].fields if known else {}
        sets = {}
        for key, raw in model.sets.items() if known else ():
            if self.known("RULE-032", (*path, "sets", key), "要素", key, fields):
                try:
                    sets[key] = parse_value(fields[key], raw)
                except ValueError as error:
                    self.wrong("RULE-022", (*path, "sets", key), str(error))
        for key, words in model.carries.items():
            if self.known("RULE-032", (*path, "carries", key), "要素", key, fields):
                for word in words:
                    self.carried((*path, "carries", key), fields[key], word)
        carries = {key: tuple(words) for key, words in model.carries.items()}
        states, by = tuple(model.from_), tuple(model.by)
        tells, more = tuple(model.tells), (model.outlives, model.several)
        return ChildType(name, model.title, model.subject, states, by, sets, carries, tells, *more)

    def state(self, name: str, model: StateModel) -> State:
        """A state: open ones have an owner and a deadline (闭环), final ones neither."""
        path: Path = ("states", name)
        if model.owner:
            self.unit((*path, "owner"), model.owner)
        if not model.final and (not model.owner or not model.deadlines):
            lacks = "、".join(
                word
                for word, there in (("责任单位 owner", model.owner), ("时限 deadlines", model.deadlines))
                if not there
            )
            self.wrong(
                "FLOW-006", path, f"环节“{model.title}”未办结却没有{lacks}", "未办结的环节都要有人负责、有时限（闭环）"
            )
        if model.final and (model.owner or model.deadlines):
            self.wrong(
                "FLOW-006", path, f"环节“{model.title}”已办结，不应再有责任单位或时限", "去掉 owner 与 deadlines"
            )
        deadlines = tuple(
            self.deadline((*path, "deadlines", index), item) for index, item in enumerate(model.deadlines)
        )
        place = self.place((*path, "place"), model)
        if model.on_decision:
            verbs = [verb for item in self.model.transitions for verb in item]
            self.known("FLOW-012", (*path, "on_decision"), "动作", model.on_decision, verbs)
        stages = {state.stage for state in self.model.states.values()}
        for stage in model.verified_since:
            self.known("FLOW-012", (*path, "verified_since"), "阶段", stage, stages)
        return State(
            name,
            model.title,
            model.stage,
            model.owner,
            deadlines,
            model.final,
            model.clause,
            place,
            model.on_decision,
            tuple(model.verified_since),
            self.opened((*path, "opens"), model.opens),
        )

    def place(self, path: Path, model: StateModel) -> Place | None:
        """What a case takes up in this state: a unit, a room, and whose room it may share."""
        item = model.place
        if item is None:
            return None
        if model.final:
            self.wrong("FLOW-006", path, f"环节“{model.title}”已办结，不再占床位", "去掉 place")
        asked = {
            "site": (item.site, "unit"),
            "room": (item.room, "text"),
            "shared_with": (item.shared_with, "person_ref"),
        }
        for key, (name, type_) in asked.items():
            if (name or key != "shared_with") and self.fact((*path, key), name) and self.fields[name].type != type_:
                self.wrong("RULE-031", (*path, key), f"{name} 不是 {type_}", f"要素须为 {type_}")
        return Place(item.site, item.room, item.shared_with)

    def deadline(self, path: Path, model: Any) -> Deadline:
        """A due time, with how long and since when resolved to names that exist."""
        self.length((*path, "within"), model.within)
        self.known("FLOW-012", (*path, "ladder"), "催办阶梯", model.ladder, self.names.ladders)
        word, _, name = model.since.partition(" ")
        stages = {state.stage for state in self.model.states.values()}
        if word == "stage":
            self.known("FLOW-012", (*path, "since"), "阶段", name, stages)
        elif word == "clock":
            self.known("FLOW-012", (*path, "since"), "计时", name, self.model.clocks)
        elif word == "fact":
            if self.fact((*path, "since"), name) and self.fields[name].type not in ("date", "time"):
                self.wrong("RULE-031", (*path, "since"), f"{name} 不是日期或时间", "起算要素须为 date 或 time")
        elif model.since not in ("opened", "state"):
            self.wrong(
                "FLOW-012",
                (*path, "since"),
                f"不认识 {model.since}",
                "opened、state、stage 阶段、fact 要素 或 clock 计时",
                nearest(model.since, self.beginnings(stages)),
            )
        extend, shelve = (self.allowance((*path, key), getattr(model, key)) for key in ("extend", "shelve"))
        if model.opens:
            self.known("FLOW-012", (*path, "opens"), "子案件", model.opens, self.model.children)
        return Deadline(model.name, model.title, model.within, model.since, model.ladder, extend, shelve, model.opens)

    def beginnings(self, stages: Iterable[str]) -> list[str]:
        """Everything a deadline of this workflow may count from."""
        stated = [name for name, of in self.fields.items() if of.type in ("date", "time")]
        named = {"stage": stages, "clock": self.model.clocks, "fact": stated}
        return ["opened", "state", *(f"{word} {name}" for word, names in named.items() for name in names)]

    def allowance(self, path: Path, model: AllowanceModel | None) -> Allowance | None:
        """Who may put a deadline off, each role of which must exist."""
        if model is None:
            return None
        for role in model.by:
            self.known("FLOW-012", (*path, "by"), "角色", role, self.names.roles)
        return Allowance(tuple(model.by), model.most)
