"""The steps of a workflow: who may, what must hold and be filled in, what they open and move, and hand-overs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.conditions import Field
from engine.core.errors import closest, nearest
from engine.core.guards import StatedGuard
from engine.core.org import COMMUNITY, FACT, LEAD, OWNER, SYSTEM
from engine.core.workflows import PARENTS, PREVIOUS, SAME, THIS, Evidence, HandOver, Move, Transition
from engine.packs.guards import GuardBuilder
from engine.packs.models import MoveModel, TransitionModel
from engine.packs.yamlfile import Path


class StepBuilder(GuardBuilder):
    """The transitions of one workflow file; every mistake is appended to `problems`."""

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
