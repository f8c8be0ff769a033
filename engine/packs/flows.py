"""Workflow files → workflows: every state, role, fact, clock and ladder they name must exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.conditions import ConditionError, Field, parse_cell
from engine.core.errors import Problem, listing, nearest
from engine.core.guards import ActorGuard, ClockGuard, DecisionGuard, FactGuard, Guard, TaskGuard
from engine.core.org import COMMUNITY, LEAD
from engine.core.rulebook import Subject
from engine.core.values import parse_duration
from engine.core.workflows import SAME, Clock, Deadline, Evidence, State, TaskType, Transition, Workflow
from engine.packs.models import StateModel, TransitionModel, WorkflowFile
from engine.packs.yamlfile import Document, Path

MOST_STATES = 200


@dataclass(frozen=True, slots=True)
class Names:
    """What the rest of the pack defines, for a workflow to refer to."""

    subjects: Mapping[str, Subject]
    units: Iterable[str]
    roles: Iterable[str]
    parameters: Iterable[str]
    terms: Iterable[str]
    ladders: Iterable[str]


class FlowBuilder:
    """One workflow file, compiled; every mistake is appended to `problems`."""

    def __init__(self, document: Document, model: WorkflowFile, names: Names, problems: list[Problem]) -> None:
        self.document = document
        self.model = model
        self.names = names
        self.problems = problems
        subject = names.subjects.get(model.subject)
        self.fields: Mapping[str, Field] = subject.fields if subject else {}

    def wrong(self, code: str, path: Path, what: str, expected: str = "", hint: str = "") -> None:
        """Note a mistake at a path of this file."""
        self.problems.append(Problem(code, what, expected, hint, self.document.place(path)))

    def known(self, code: str, path: Path, what: str, name: str, allowed: Iterable[str]) -> bool:
        """Whether a name exists; if not, note it with the nearest right one."""
        options = list(allowed)
        if name in options:
            return True
        self.wrong(code, path, f"没有{what} {name}", f"可用：{listing(options) or '无'}", nearest(name, options))
        return False

    def build(self) -> Workflow | None:
        """The workflow; None when it is too large or has mistakes that leave nothing to build."""
        model = self.model
        before = len(self.problems)
        self.known("RULE-032", ("subject",), "对象", model.subject, self.names.subjects)
        if len(model.states) > MOST_STATES:
            self.wrong(
                "FLOW-015", ("states",), f"有 {len(model.states)} 个环节", f"不超过 {MOST_STATES} 个，请拆分流程"
            )
            return None
        self.known("FLOW-002", ("initial",), "初始环节", model.initial, model.states)
        clocks = {name: self.clock(name) for name in model.clocks}
        tasks = {name: self.task(name) for name in model.tasks}
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
            model.workflow, model.title, model.subject, model.initial, states, transitions, clocks, tasks, model.clause
        )

    def clock(self, name: str) -> Clock:
        """A day count; its anchors are dates or times, its days a parameter or one the rule names."""
        model = self.model.clocks[name]
        path: Path = ("clocks", name)
        for anchor in model.anchor:
            if self.fact((*path, "anchor"), anchor) and self.fields[anchor].type not in ("date", "time"):
                self.wrong("RULE-031", (*path, "anchor"), f"{anchor} 不是日期或时间", "起算要素须为 date 或 time")
        if not model.days.startswith("decision."):
            self.known("RULE-040", (*path, "days"), "参数", model.days, self.names.parameters)
        return Clock(name, model.title, tuple(model.anchor), model.day_zero, model.days)

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
        return TaskType(name, model.title, model.result, model.at, model.clock)

    def fact(self, path: Path, name: str) -> bool:
        """Whether the subject of this workflow has a fact of that name."""
        return self.known("RULE-032", path, "要素", name, self.fields)

    def state(self, name: str, model: StateModel) -> State:
        """A state: open ones have an owner and a deadline (闭环), final ones neither."""
        path: Path = ("states", name)
        if model.owner and model.owner not in (LEAD, COMMUNITY):
            self.known("RULE-023", (*path, "owner"), "单位", model.owner, [*self.names.units, LEAD, COMMUNITY])
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
        return State(name, model.title, model.stage, model.owner, deadlines, model.final, model.clause)

    def deadline(self, path: Path, model: Any) -> Deadline:
        """A due time, with how long and since when resolved to names that exist."""
        options = [*self.names.terms, *self.names.parameters]
        if model.within not in options:
            try:
                parse_duration(model.within)
            except ValueError as error:
                hint = nearest(model.within, options)
                self.wrong(
                    "RULE-027",
                    (*path, "within"),
                    f"{model.within}：{error}",
                    "时长（如 24h）、参数名或 terms 里的词",
                    hint,
                )
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
            )
        return Deadline(model.name, model.title, model.within, model.since, model.ladder)

    def transition(self, path: Path, name: str, model: TransitionModel) -> Transition:
        """A verb, with every state, role, fact, task and guard it names."""
        for source in model.from_:
            if (
                self.known("FLOW-001", (*path, "from"), "环节", source, self.model.states)
                and self.model.states[source].final
            ):
                title = self.model.states[source].title
                self.wrong("FLOW-007", (*path, "from"), f"“{title}”已办结，不能再有动作 {name}", "从未办结的环节出发")
        if model.to != SAME:
            self.known("FLOW-001", (*path, "to"), "环节", model.to, self.model.states)
        for role in model.by:
            self.known("FLOW-012", (*path, "by"), "角色", role, self.names.roles)
        for item in model.evidence:
            self.fact((*path, "evidence", item), item)
        if model.task:
            self.known("FLOW-012", (*path, "task"), "任务", model.task, self.model.tasks)
        several = model.when if isinstance(model.when, list) else [model.when] if model.when else []
        when = tuple(
            tuple(
                guard
                for key, raw in cells.items()
                if (
                    guard := self.guard(
                        (*path, "when", *([index] if isinstance(model.when, list) else []), key), key, raw
                    )
                )
            )
            for index, cells in enumerate(several)
        )
        return Transition(
            name,
            model.title,
            tuple(model.from_),
            model.to,
            tuple(model.by),
            when,
            tuple(Evidence(item, need == "required") for item, need in model.evidence.items()),
            model.task,
            model.danger,
            model.clause,
        )

    def guard(self, path: Path, key: str, raw: Any) -> Guard | None:
        """A cell of a `when:`; None after noting what is wrong with it."""
        kind, _, name = key.partition(".")
        if kind == "clock":
            return self._clock_guard(path, name, raw)
        if kind == "task":
            return self._task_guard(path, name, raw)
        if kind == "decision":
            return DecisionGuard(name, frozenset(raw if isinstance(raw, list) else [str(raw)]))
        if key == "actor":
            return self._actor_guard(path, raw)
        if not self.fact(path, key):
            return None
        try:
            cell = parse_cell(self.fields[key], raw)
        except ConditionError as error:
            self.wrong(error.code, path, str(error))
            return None
        if cell is None:
            return None
        if self.fields[key].pii and raw not in ("known", "unknown"):
            self.wrong("RULE-030", path, f"{key} 是个人信息，条件里只能写 known 或 unknown")
            return None
        return FactGuard(self.fields[key], cell)

    def _clock_guard(self, path: Path, name: str, raw: Any) -> Guard | None:
        if not self.known("FLOW-012", path, "计时", name, self.model.clocks):
            return None
        if raw == "done":
            return ClockGuard(name, None)
        if isinstance(raw, str) and raw.startswith(">=") and raw[2:].strip().isdigit():
            return ClockGuard(name, int(raw[2:]))
        self.wrong("RULE-030", path, f"不认识的计时条件 {raw}", 'done 或 ">= 12"')
        return None

    def _task_guard(self, path: Path, name: str, raw: Any) -> Guard | None:
        if not self.known("FLOW-012", path, "任务", name, self.model.tasks):
            return None
        task = self.model.tasks[name]
        if not isinstance(raw, dict) or "last" not in raw or set(raw) - {"last", "from_day"}:
            self.wrong("RULE-030", path, "不认识的任务条件", "{last: 结果, from_day: 天数或参数}")
            return None
        results = self.fields[task.result].values if task.result in self.fields else ()
        self.known("RULE-022", path, "结果", str(raw["last"]), results)
        from_day = str(raw.get("from_day", ""))
        if from_day and not from_day.isdigit() and not from_day.startswith("decision."):
            self.known("RULE-040", path, "参数", from_day, self.names.parameters)
        if from_day and not task.clock:
            self.wrong("RULE-030", path, f"任务 {name} 没有计时，不能写 from_day", "在 tasks 里写 clock")
        return TaskGuard(name, task.title, str(raw["last"]), from_day, task.clock)

    def _actor_guard(self, path: Path, raw: Any) -> Guard | None:
        stages = list(dict.fromkeys(state.stage for state in self.model.states.values()))
        if not isinstance(raw, dict) or set(raw) != {"not_since"}:
            self.wrong("RULE-030", path, "不认识的经办人条件", "{not_since: 阶段}")
            return None
        if not self.known("FLOW-012", path, "阶段", str(raw["not_since"]), stages):
            return None
        return ActorGuard(str(raw["not_since"]))
