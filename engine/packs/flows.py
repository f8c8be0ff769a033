"""Workflow files → workflows: every state, role, fact, clock and ladder they name must exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

from engine.core.conditions import Field, parse_value
from engine.core.errors import closest, nearest
from engine.core.guards import StatedGuard
from engine.core.org import COMMUNITY, FACT, LEAD, OWNER, SYSTEM
from engine.core.values import parse_duration
from engine.core.workflows import (
    PARENTS,
    PREVIOUS,
    SAME,
    THIS,
    Allowance,
    ChildType,
    Clock,
    Deadline,
    Evidence,
    HandOver,
    Move,
    Place,
    Schedule,
    State,
    TaskType,
    Transition,
    Workflow,
)
from engine.packs.guards import GuardBuilder
from engine.packs.models import AllowanceModel, MoveModel, StateModel, TransitionModel
from engine.packs.yamlfile import Path

MOST_STATES = 200


class FlowBuilder(GuardBuilder):
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
        if any(later <= earlier for earlier, later in pairwise(model.at)):
            self.wrong("RULE-036", (*path, "at"), "时间没有晚于前一个", "按先后写，每个时间一次")
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
        tells = tuple(model.tells)
        return ChildType(name, model.title, model.subject, states, by, sets, carries, tells, model.outlives)

    def carried(self, path: Path, to: Field, name: str) -> None:
        """Note a fact that cannot be what it is to be carried over as."""
        if name == THIS:
            if to.type != "person_ref":
                self.wrong("RULE-031", path, f"{to.name} 不是案件", "case 是本案编号，要素须为 person_ref")
        elif name in (OWNER, LEAD):
            if to.type != "unit":
                self.wrong("RULE-031", path, f"{to.name} 不是单位", f"{name} 是单位，要素须为 unit")
        elif self.fact(path, name):
            of = self.fields[name]
            if (of.type, of.pii) != (to.type, to.pii) or (to.type == "enum" and not set(of.values) <= set(to.values)):
                what = f"{of.title}（{name}）不能作{to.title}（{to.name}）"
                self.wrong("RULE-031", path, what, "类型、选项和是否个人信息须相同")

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

    def is_unit(self, owner: str) -> bool:
        """Whether an owner or receiver can be one; where it cannot, `unit` tells."""
        return owner.removeprefix(FACT) in self.fields or owner in (*self.names.units, LEAD, COMMUNITY)

    def unit(self, path: Path, owner: str, *words: str) -> None:
        """Note an owner or receiver that is no unit, nor a word or fact that names one."""
        if owner.startswith(FACT):
            name = owner.removeprefix(FACT)
            if self.fact(path, name) and self.fields[name].type != "unit":
                self.wrong("RULE-031", path, f"{name} 不是单位", "要素须为 unit")
        else:
            self.known("RULE-023", path, "单位", owner, [*self.names.units, LEAD, COMMUNITY, *words])

    def length(self, path: Path, within: str) -> None:
        """Note a length of time that says none."""
        if words := self.names.no_length(within):
            hint = nearest(within, [*self.names.terms, *self.names.parameters])
            self.wrong("RULE-027", path, words, "时长（如 24h）、参数名或 terms 里的词", hint)

    def fixed_length(self, path: Path, within: str) -> None:
        """Note a length of time that is not the same for every case: a task made ahead must know it by itself."""
        term = self.names.terms.get(within)
        if within in self.names.parameters or (term is not None and term.within is None):
            self.wrong("RULE-027", path, f"{within} 不是固定时长", "任务的时限写时长（如 4h）或已定时限的词")
        else:
            self.length(path, within)

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

    def transition(self, path: Path, name: str, model: TransitionModel) -> Transition:
        """A verb, with every state, role, fact, task and guard it names."""
        for source in model.from_:
            if (
                self.known("FLOW-001", (*path, "from"), "环节", source, self.model.states)
                and self.model.states[source].final
            ):
                title = self.model.states[source].title
                self.wrong("FLOW-007", (*path, "from"), f"“{title}”已办结，不能再有动作 {name}", "从未办结的环节出发")
        if model.to not in (SAME, PREVIOUS):
            self.known("FLOW-001", (*path, "to"), "环节", model.to, [*self.model.states, SAME, PREVIOUS])
        for role in model.by if model.by != [SYSTEM] else ():
            self.known("FLOW-012", (*path, "by"), "角色", role, self.names.roles)
        for unit in model.of:
            self.unit((*path, "of"), unit, OWNER)
        for item in model.evidence:
            self.fact((*path, "evidence", item), item)
        if model.task and self.known("FLOW-012", (*path, "task"), "任务", model.task, self.model.tasks):
            self.result_asked(path, model)
        when = self.several((*path, "when"), model.when, self.guard)
        return Transition(
            name,
            model.title,
            tuple(model.from_),
            model.to,
            tuple(model.by),
            tuple(model.of),
            when,
            evidence_of(model.evidence),
            model.task,
            model.danger,
            model.clause,
            self.hand_over((*path, "hand_over"), model),
            model.decides,
            self.moved((*path, "adds"), model, model.adds),
            self.moved((*path, "takes"), model, model.takes),
            self.opened((*path, "opens"), model.opens),
            tuple(self.move((*path, "moves", fires), fires, item) for fires, item in model.moves.items()),
        )

    def moved(self, path: Path, model: TransitionModel, amounts: Mapping[str, str]) -> Mapping[str, str]:
        """What a number grows or shrinks by: an amount more than nothing, that must be filled in at this step."""
        for name, amount in amounts.items():
            if not (self.fact((*path, name), name) and self.fact((*path, name), amount)):
                continue
            of, by = self.fields[name], self.fields[amount]
            if of.type not in ("integer", "number") or by.type != of.type:
                self.wrong("RULE-031", (*path, name), f"{name} 不能按 {amount} 增减", "两个都是 integer，或都是 number")
            elif by.low is None or by.low <= 0:
                self.wrong("RULE-021", (*path, name), f"{amount} 可以不大于 0，增减会反过来", f"{amount} 写 min: 1")
            elif model.evidence.get(amount) != "required" or model.hand_over is not None:
                self.wrong(
                    "RULE-021",
                    (*path, name),
                    f"增减 {name} 却不必填 {amount}",
                    f"evidence 里写 {amount}: required，不交接",
                )
        return amounts

    def move(self, path: Path, fires: str, model: MoveModel) -> Move:
        """A step of other cases; that the others have it, and are given what it asks for, is proved later."""
        if (kind := "" if model.of == PARENTS else model.of) and self.known(
            "RULE-032", (*path, "of"), "对象", kind, self.names.subjects
        ):
            theirs = self.names.subjects[kind].fields
            for key in ("by", "amount", "first", "up_to"):
                if getattr(model, key):
                    self.known("RULE-032", (*path, key), "要素", getattr(model, key), theirs)
            for key, word in model.with_.items():
                if self.known("RULE-032", (*path, "with", key), "要素", key, theirs):
                    self.carried((*path, "with", key), theirs[key], word)
        if bool(kind) != bool(model.each and model.by and model.amount):
            what = "of 写一种对象时 each、by、amount 都写；of: parents 时都不写"
            self.wrong("RULE-021", path, what, "each: 判定结果，by: 对方的要素，amount: 填数量的要素")
        elif model.each:
            self.outcome((*path, "each"), model.each)
        for key, word in model.with_.items():
            if word in self.fields and self.fields[word].pii:
                self.wrong("RULE-030", (*path, "with", key), f"{word} 是个人信息，不能写进别的案件", "去掉这一项")
        gives = {key: word for key, word in model.with_.items() if word in (OWNER, LEAD, THIS) or self.fact(path, word)}
        return Move(fires, gives, kind, model.each, model.by, model.amount, model.first, model.up_to)

    def opened(self, path: Path, opens: Mapping[str, Mapping[str, Any]]) -> Mapping[str, tuple[StatedGuard, ...]]:
        """The children a step or state opens, each where these facts hold."""
        made = {}
        for child, cells in opens.items():
            if self.known("FLOW-012", (*path, child), "子案件", child, self.model.children):
                found = [self.stated_guard((*path, child, key), key, raw) for key, raw in cells.items()]
                made[child] = tuple(guard for guard in found if guard)
        return made

    def result_asked(self, path: Path, model: TransitionModel) -> None:
        """A result counts by what it is and when it was taken: both must be filled in where it is registered."""
        task = self.model.tasks[model.task]
        asked = model.evidence | (model.hand_over.evidence if model.hand_over else {})
        slips = {closest(name, self.fields) for name in asked if name not in self.fields}
        for name in (task.result, task.at):
            if name in self.fields and name not in slips and asked.get(name) != "required":
                what = f"登记任务“{task.title}”却不必填 {name}"
                self.wrong("RULE-021", (*path, "evidence"), what, f"evidence 里写 {name}: required")

    def hand_over(self, path: Path, model: TransitionModel) -> HandOver | None:
        """Offered, and done when the receiver accepts; whoever receives owns the state it leads to."""
        item = model.hand_over
        if item is None:
            return None
        self.unit((*path, "to"), item.to)
        self.length((*path, "within"), item.within)
        self.known("FLOW-012", (*path, "ladder"), "催办阶梯", item.ladder, self.names.ladders)
        for name in item.evidence:
            self.fact((*path, "evidence", name), name)
        if model.to in (SAME, PREVIOUS):
            self.wrong("FLOW-016", (*path, "to"), f"交接不能用于 to: {model.to}", "写明接收后到哪个环节")
        state = self.model.states.get(model.to)
        named = state is not None and self.is_unit(state.owner) and self.is_unit(item.to)
        if state is not None and named and not state.final and state.owner != item.to:
            self.wrong(
                "FLOW-016", (*path, "to"), f"交给 {item.to}，但环节“{state.title}”归 {state.owner}", "两处写同一个单位"
            )
        return HandOver(item.to, item.within, item.ladder, evidence_of(item.evidence))


def evidence_of(asked: Mapping[str, str]) -> tuple[Evidence, ...]:
    """What must or may be filled in."""
    return tuple(Evidence(item, need == "required") for item, need in asked.items())
