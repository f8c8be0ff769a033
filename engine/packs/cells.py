"""What a `when:` may ask about the results of a task, read into guards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.core.taskguards import Asked, DaysGuard, FirstGuard, GapGuard, LastGuard, TaskGuard, TimesGuard
from engine.core.values import parse_duration, plain

FORMS = (
    "{last, from_day, within}、{result, times, within, apart}、"
    "{result, on_day 或 on_days, times}、{result, first} 或 {gap}"
)
_TIMES = re.compile(r">=\s*([1-9][0-9]?)\Z")
_GAP = re.compile(r"(<=?)\s*(\S+)\Z")
MOST = 99


class CellError(ValueError):
    """A cell that is not in the language, with the code of the mistake and what is asked for."""

    def __init__(self, code: str, what: str, expected: str = "") -> None:
        self.code = code
        self.what = what
        self.expected = expected
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class TaskCell:
    """A guard that was read, and the names in it that must exist: a result, and a parameter that lists days."""

    guard: TaskGuard
    result: str = ""
    days: str = ""


def read_task_cell(asked: Asked, raw: Any) -> TaskCell:
    """The guard of a cell; a `CellError` in words when it is none."""
    keys = frozenset(raw) if isinstance(raw, dict) else frozenset()
    if {"last"} <= keys <= {"last", "from_day", "within"}:
        return _last(asked, raw)
    if keys == {"gap"}:
        return TaskCell(_gap(asked, raw["gap"]))
    result = str(raw["result"]) if "result" in keys else ""
    if keys == {"result", "first"}:
        return TaskCell(FirstGuard(asked, result, _number(raw["first"], "first")), result)
    if {"result", "times"} <= keys <= {"result", "times", "within", "apart"}:
        within, apart = _length(raw, "within"), _length(raw, "apart")
        times = _times(raw["times"])
        if within is not None and apart is not None and apart * (times - 1) > within:
            raise CellError(
                "RULE-030", f"{raw['within']} 内容不下 {times} 次间隔 {raw['apart']} 的结果", "改 within 或 apart"
            )
        return TaskCell(TimesGuard(asked, result, times, within, apart), result)
    if "result" in keys and keys in _ON_DAYS:
        return _on_days(asked, raw, result)
    raise CellError("RULE-030", "不认识的任务条件", FORMS)


_ON_DAYS = [frozenset({"result", day, *times}) for day in ("on_day", "on_days") for times in ((), ("times",))]


def _last(asked: Asked, raw: dict[str, Any]) -> TaskCell:
    from_day = str(raw.get("from_day", ""))
    if from_day:
        _counted(asked, "from_day")
    last = str(raw["last"])
    return TaskCell(
        LastGuard(asked, last, from_day, _length(raw, "within")), last, "" if from_day.isdigit() else from_day
    )


def _on_days(asked: Asked, raw: dict[str, Any], result: str) -> TaskCell:
    key = "on_day" if "on_day" in raw else "on_days"
    _counted(asked, key)
    times = _times(raw["times"]) if "times" in raw else 1
    listed = raw[key]
    if key == "on_days" and isinstance(listed, str):
        return TaskCell(DaysGuard(asked, result, listed, times), result, listed)
    several = listed if key == "on_days" and isinstance(listed, list) and listed else [listed]
    days = tuple(_number(day, key, least=0) for day in several)
    return TaskCell(DaysGuard(asked, result, days, times), result)


def _counted(asked: Asked, key: str) -> None:
    if asked.index:
        raise CellError("RULE-030", f"上级案件的{asked.title}不按本案的天数，不能写 {key}", "写 first: 次数 或 last")
    if not asked.clock:
        raise CellError("RULE-030", f"任务 {asked.task} 没有计时，不能写 {key}", "在 tasks 里写 clock")


def _gap(asked: Asked, raw: Any) -> GapGuard:
    found = _GAP.match(raw) if isinstance(raw, str) else None
    if found is None:
        raise CellError("RULE-030", f"不认识的间隔 {raw}", 'gap: "< 48h" 或 "<= 48h"')
    return GapGuard(asked, _duration(found[2], "gap"), strict=found[1] == "<")


def _times(raw: Any) -> int:
    found = _TIMES.match(raw) if isinstance(raw, str) else None
    if found is None:
        raise CellError("RULE-030", f"不认识的次数 {raw}", 'times: ">= 2"')
    return int(found[1])


def _number(raw: Any, key: str, least: int = 1) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not least <= raw <= MOST:
        raise CellError("RULE-028", f"{key} 要整数，得到 {plain(raw)}", f"{least} 到 {MOST}")
    return raw


def _length(raw: dict[str, Any], key: str) -> timedelta | None:
    return _duration(raw[key], key) if key in raw else None


def _duration(raw: Any, key: str) -> timedelta:
    try:
        return parse_duration(str(raw))
    except ValueError as error:
        raise CellError("RULE-027", f"{key}：{error}") from None
