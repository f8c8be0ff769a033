"""What a workflow asks for in its `when:` cells → guards, every name in them looked up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.core.conditions import ConditionError, Field, parse_cell
from engine.core.errors import Problem, closest, listing, nearest
from engine.core.guards import (
    ActorGuard,
    ChildrenGuard,
    ClockGuard,
    ComparedGuard,
    DecisionGuard,
    FactGuard,
    Guard,
    HandOverGuard,
    KeptUpGuard,
    NoIndexGuard,
    OutsideGuard,
    StatedGuard,
)
from engine.core.org import FACT
from engine.core.rulebook import Subject, Term
from engine.core.taskguards import Asked
from engine.core.values import Parameter, parse_duration
from engine.packs.cells import CellError, read_task_cell
from engine.packs.models import When, WorkflowFile
from engine.packs.yamlfile import Document, Path

_G = TypeVar("_G", bound=Guard)
NAMED_DAYS = "在 rules/parameters.yaml 里写一个参数（天数随时间会变，要有出处），这里写它的名字；或 decision.X"
"""How days are written in a workflow."""
BEFORE = "before"
"""What the case had of a fact until this step."""
_QUANTITY = re.compile(r"[-+.]?[0-9]")
"""How a length of time begins, right or wrong; anything else is meant for a name."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the rest of the pack defines, for a workflow to refer to."""

    subjects: Mapping[str, Subject]
    units: Iterable[str]
    roles: Iterable[str]
    parameters: Mapping[str, Parameter]
    terms: Mapping[str, Term]
    ladders: Iterable[str]
    results: Mapping[str, frozenset[str]]
    """The tasks of all workflows, and what each may result in."""
    decisions: Mapping[str, Mapping[str, Mapping[str, Any]]]
    """Of each kind of subject: what its table may answer, outcome → its values as written."""
    before: Mapping[str, Iterable[str]]
    """Of each workflow: the stages of those that a case may come from (`continues`)."""

    def no_length(self, within: str) -> str:
        """Why this says no length of time, in words; empty when it does."""
        if within in self.terms or within in self.parameters:
            return ""
        try:
            parse_duration(within)
        except ValueError as error:
            word = bool(within) and not _QUANTITY.match(within)
            return f"没有词或参数 {within}" if word else f"{within}：{error}"
        return ""


def subject_of(model: WorkflowFile, subjects: Iterable[str]) -> str:
    """What a workflow carries, or is most likely meant to carry; empty when it is like none."""
    return model.subject if model.subject in subjects else closest(model.subject, subjects)


class GuardBuilder:
    """The conditions of one workflow file, read; every mistake is appended to `problems`."""

    def __init__(self, document: Document, model: WorkflowFile, names: Names, problems: list[Problem]) -> None:
        self.document = document
        self.model = model
        self.names = names
        self.problems = problems
        self.subject = subject_of(model, names.subjects)
        subject = names.subjects.get(self.subject)
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

    def fact(self, path: Path, name: str) -> bool:
        """Whether the subject of this workflow has a fact of that name."""
        return self.known("RULE-032", path, "要素", name, self.fields)

    def several(self, path: Path, raw: When, read: Callable[[Path, str, Any], _G | None]) -> tuple[tuple[_G, ...], ...]:
        """The lists of conditions of a `when:`, of which one must hold whole; one mapping is a list of one."""
        listed = raw if isinstance(raw, list) else [raw] if raw else []
        told = []
        for index, cells in enumerate(listed):
            spot: Path = (*path, index) if isinstance(raw, list) else path
            asked = (
                (key, {part: cell[part]} if split else cell)
                for key, cell in cells.items()
                for split in [key == "actor" and isinstance(cell, dict)]
                for part in (cell if split else [""])
            )
            guards = (read((*spot, key), key, cell) for key, cell in asked)
            told.append(tuple(guard for guard in guards if guard is not None))
        return tuple(told)

    def guard(self, path: Path, key: str, raw: Any) -> Guard | None:
        """A cell of a `when:`; None after noting what is wrong with it."""
        kind, _, name = key.partition(".")
        if kind == "clock":
            return self._clock_guard(path, name, raw)
        if kind == "task":
            return self._task_guard(path, name, raw)
        if kind == "index":
            return self._index_guard(path, name, raw)
        if kind == "children":
            return self._children_guard(path, name, raw)
        if key == "hand_over":
            if raw == "accepted":
                return HandOverGuard()
            self.wrong("RULE-030", path, f"不认识的交接条件 {raw}", "accepted")
            return None
        if key == "actor":
            return self._actor_guard(path, raw)
        if raw == {"not_below": BEFORE}:
            return self._kept_up(path, key)
        return self.stated_guard(path, key, raw)

    def _kept_up(self, path: Path, key: str) -> KeptUpGuard | None:
        if not self.fact(path, key):
            return None
        if self.fields[key].type in ("integer", "number", "date", "time"):
            return KeptUpGuard(self.fields[key])
        self.wrong("RULE-031", path, f"{key} 没有大小先后", "要素须为 integer、number、date 或 time")
        return None

    def stated_guard(self, path: Path, key: str, raw: Any) -> StatedGuard | None:
        """A cell on a fact or on what was decided; None when it is empty, or after noting what is wrong with it."""
        kind, _, name = key.partition(".")
        if kind == "decision":
            return self._decision_guard(path, name, raw)
        if not self.fact(path, key):
            return None
        if isinstance(raw, dict) and set(raw) <= {"below", "not_below"} and len(raw) == 1:
            return self._compared(path, key, raw)
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

    def _decision_guard(self, path: Path, name: str, raw: Any) -> DecisionGuard | None:
        """What the deciding rule must have given: an outcome that some rule has, with a value that some rule gives."""
        if not self.outcome(path, name):
            return None
        values = self.names.decisions[self.subject][name]
        negated = isinstance(raw, dict) and set(raw) == {"not"}
        listed = raw["not"] if negated else raw
        if isinstance(listed, dict):
            self.wrong("RULE-030", path, "不认识的判定条件", "值、列表或 {not: [值]}")
            return None
        asked = [str(value) for value in (listed if isinstance(listed, list) else [listed])]
        known = [value for value in asked if self.known("RULE-022", path, f"判定 {name} 的值", value, values)]
        return DecisionGuard(name, frozenset(str(values[value]) for value in known), negated=negated)

    def outcome(self, path: Path, name: str) -> bool:
        """Whether some rule that decides the subject of this workflow has an outcome of that name."""
        return self.known("RULE-032", path, "判定结果", name, self.names.decisions.get(self.subject, {}))

    def days(self, path: Path, name: str) -> None:
        """Note a day count that neither a parameter nor an outcome of the rules names."""
        if name.startswith("decision."):
            self.outcome(path, name.removeprefix("decision."))
        elif name.isdigit():
            self.wrong("RULE-040", path, f"要参数名，得到数字 {name}", NAMED_DAYS)
        else:
            self.known("RULE-040", path, "参数", name, self.names.parameters)

    def _compared(self, path: Path, key: str, raw: Mapping[str, Any]) -> ComparedGuard | None:
        """A number held against another number, or a day against another day."""
        (word, name), of = next(iter(raw.items())), self.fields[key]
        if not self.fact(path, str(name)):
            return None
        other = self.fields[str(name)]
        if {of.type, other.type} <= {"integer", "number"} or of.type == other.type == "date":
            return ComparedGuard(of, other, word == "below")
        self.wrong("RULE-031", path, f"{key} 与 {name} 不能比大小", "两个都是数字，或都是日期")
        return None

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
        results = self.fields[task.result].values if task.result in self.fields else None
        return self._results(path, Asked(name, task.title, task.clock), raw, results)

    def _index_guard(self, path: Path, name: str, raw: Any) -> Guard | None:
        """What the results of the case this one hangs on must say; on which days of its clock nobody here knows."""
        if not name and raw == "none":
            return NoIndexGuard()
        word, _, task = name.partition(".")
        if word != "task":
            self.wrong("RULE-030", path, "不认识的上级案件条件", "index: none，或 index.task.任务名")
            return None
        if not self.known("FLOW-012", path, "任务", task, self.names.results):
            return None
        title = self.model.tasks[task].title if task in self.model.tasks else task
        return self._results(path, Asked(task, title, index=True), raw, self.names.results[task])

    def _results(self, path: Path, asked: Asked, raw: Any, results: Iterable[str] | None) -> Guard | None:
        """A cell on results; `results` None: what they are is not known, which is told where it is said."""
        try:
            cell = read_task_cell(asked, raw)
        except CellError as error:
            self.wrong(error.code, path, error.what, error.expected)
            return None
        if cell.result and results is not None:
            self.known("RULE-022", path, "结果", cell.result, results)
        if cell.days:
            self.days(path, cell.days)
        return cell.guard

    def _children_guard(self, path: Path, kind: str, raw: Any) -> Guard | None:
        if not kind:
            if raw == "none_open":
                return ChildrenGuard("", "由本案开出的案件")
            self.wrong("RULE-030", path, f"不认识的子案件条件 {raw}", "children: none_open，或 children.种类: closed")
            return None
        if not self.known("FLOW-012", path, "子案件", kind, self.model.children):
            return None
        if raw not in ("closed", {"closed": "all"}, {"closed": "any"}):
            self.wrong("RULE-030", path, f"不认识的子案件条件 {raw}", "closed、{closed: all} 或 {closed: any}")
            return None
        return ChildrenGuard(kind, self.model.children[kind].title, any_one=raw == {"closed": "any"})

    def _actor_guard(self, path: Path, raw: Any) -> Guard | None:
        stages = list(dict.fromkeys(state.stage for state in self.model.states.values()))
        if isinstance(raw, dict) and set(raw) == {"outside"}:
            return self._outside_guard(path, str(raw["outside"]))
        if not isinstance(raw, dict) or set(raw) != {"not_since"}:
            self.wrong("RULE-030", path, "不认识的经办人条件", "{not_since: 阶段}、{outside: fact 要素} 或两者")
            return None
        if not self.known("FLOW-012", path, "阶段", str(raw["not_since"]), stages):
            return None
        return ActorGuard(str(raw["not_since"]))

    def _outside_guard(self, path: Path, raw: str) -> Guard | None:
        name = raw.removeprefix(FACT)
        if name == raw:
            self.wrong("RULE-030", path, f"不认识的单位 {raw}", "outside: fact 要素")
            return None
        if not self.fact(path, name):
            return None
        if self.fields[name].type != "unit":
            self.wrong("RULE-031", path, f"{name} 不是单位", "要素须为 unit")
            return None
        return OutsideGuard(self.fields[name])
