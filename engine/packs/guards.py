"""What a workflow asks for in its `when:` cells → guards, every name in them looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.conditions import ConditionError, Field, parse_cell
from engine.core.errors import Problem, listing, nearest
from engine.core.guards import ActorGuard, ClockGuard, DecisionGuard, FactGuard, Guard, TaskGuard
from engine.core.rulebook import Subject, Term
from engine.core.values import parse_duration
from engine.packs.flowmodels import WorkflowFile
from engine.packs.yamlfile import Document, Path


@dataclass(frozen=True, slots=True)
class Names:
    """What the rest of the pack defines, for a workflow to refer to."""

    subjects: Mapping[str, Subject]
    units: Iterable[str]
    roles: Iterable[str]
    parameters: Iterable[str]
    terms: Mapping[str, Term]
    ladders: Iterable[str]

    def no_length(self, within: str) -> str:
        """Why this says no length of time, in words; empty when it does."""
        if within in self.terms or within in self.parameters:
            return ""
        try:
            parse_duration(within)
        except ValueError as error:
            return f"{within}：{error}"
        return ""


class GuardBuilder:
    """The conditions of one workflow file, read; every mistake is appended to `problems`."""

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

    def fact(self, path: Path, name: str) -> bool:
        """Whether the subject of this workflow has a fact of that name."""
        return self.known("RULE-032", path, "要素", name, self.fields)

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
