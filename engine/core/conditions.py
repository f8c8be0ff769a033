"""Facts and the cells of a `when:` that ask about them: one closed language, read without evaluating anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Any

from engine.core.errors import listing, nearest
from engine.core.values import parse_date, parse_time, same_name

Fact = str | int | float | bool | date | datetime | None
TYPES = ("text", "enum", "integer", "number", "date", "time", "yes_no", "region", "unit", "file", "person_ref")
ORDERED = ("integer", "number", "date")
_YES_NO: dict[Any, bool] = {"true": True, "是": True, "yes": True, "false": False, "否": False, "no": False}
_COMPARED = re.compile(r"(>=|<=|>|<)\s*(\S+)\Z")
_RANGE = re.compile(r"(\S+?)\.\.(\S+)\Z")


class ConditionError(ValueError):
    """A cell that is not in the language, with the code of the mistake."""

    def __init__(self, code: str, words: str) -> None:
        self.code = code
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Field:
    """A typed fact of a subject; `pii` ones are kept in the vault and never decide anything."""

    name: str
    title: str
    type: str
    values: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    pii: bool = False
    required: bool = False
    check: str = ""
    future: bool = False
    """Whether a date or time may lie ahead: else it tells of what has happened."""
    back: timedelta | None = None
    """How long before the case was opened it may lie when it is stated by hand; None: as its kind has it."""
    noted: tuple[str, ...] = ()
    """Options that, as the result of a task, are only noted: nothing has to follow from them."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """What options are called as well, in the form names are compared in."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The fact is one of these."""

    values: frozenset[Fact]


@dataclass(frozen=True, slots=True)
class NotOneOf:
    """The fact is known and none of these."""

    values: frozenset[Fact]


@dataclass(frozen=True, slots=True)
class Between:
    """The fact lies between two bounds; None: no bound."""

    low: Any = None
    high: Any = None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """The fact has been stated."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The fact has not been stated."""


Cell = OneOf | NotOneOf | Between | Known | Unknown


def parse_value(of: Field, raw: Any) -> Fact:
    """The typed value of what was given; a ValueError in words says what is allowed."""
    if raw is None:
        return None
    if of.type == "enum":
        return _option(of, raw)
    if of.type == "yes_no":
        if isinstance(raw, bool):
            return raw
        if str(raw).strip().lower() in _YES_NO:
            return _YES_NO[str(raw).strip().lower()]
        raise ValueError(f"{of.title}写 是 或 否")
    if of.type in ("integer", "number"):
        return _number(of, raw)
    if of.type == "date":
        return raw if isinstance(raw, date) and not isinstance(raw, datetime) else parse_date(str(raw))
    if of.type == "time":
        return raw.astimezone(UTC) if isinstance(raw, datetime) and raw.tzinfo else parse_time(str(raw))
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{of.title}要写文字")
    return raw.strip()


def _option(of: Field, raw: Any) -> str:
    text = same_name(str(raw))
    for value in of.values:
        if text in (same_name(value), same_name(of.titles.get(value, value))):
            return value
    if text in of.aliases:
        return of.aliases[text]
    shown = [of.titles.get(value, value) for value in of.values]
    hint = nearest(text, [*of.values, *shown])
    raise ConditionError(
        "RULE-022", " — ".join(filter(None, (f"{of.title}没有这个选项，可用：{listing(shown, len(shown))}", hint)))
    )


def _number(of: Field, raw: Any) -> int | float:
    try:
        if isinstance(raw, bool):
            raise ValueError
        number = int(str(raw)) if of.type == "integer" else float(str(raw))
        if not isfinite(number):
            raise ValueError
    except ValueError:
        raise ValueError(f"{of.title}要写{'整数' if of.type == 'integer' else '数字'}") from None
    if (of.low is not None and number < of.low) or (of.high is not None and number > of.high):
        raise ValueError(f"{of.title}须在 {of.low} 到 {of.high} 之间")
    return number


def to_json(value: Fact) -> str | int | float | bool | None:
    """A value as JSON can hold it: dates and times as ISO text."""
    return value.isoformat() if isinstance(value, date) else value


def from_json(of: Field, value: Any) -> Fact:
    """The value that `to_json` wrote."""
    if value is None:
        return None
    if of.type == "date":
        return date.fromisoformat(value)
    if of.type == "time":
        return datetime.fromisoformat(value)
    plain: Fact = value
    return plain


def parse_cell(of: Field, raw: Any) -> Cell | None:
    """The predicate a cell stands for; None for an empty one, which any value meets, known or not."""
    if raw is None or raw == []:
        return None
    if raw == "known":
        return Known()
    if raw == "unknown":
        return Unknown()
    if isinstance(raw, dict):
        if set(raw) != {"not"}:
            raise ConditionError("RULE-030", "不在条件语言里：映射只能写 {not: [...]}")
        return NotOneOf(_values(of, raw["not"]))
    if isinstance(raw, str) and of.type in (*ORDERED, "time"):
        return _interval(of, raw)
    if isinstance(raw, str) and (_COMPARED.match(raw) or _RANGE.match(raw)):
        raise ConditionError("RULE-031", f"{of.title}是{of.type}，不能比大小：{raw}")
    return OneOf(_values(of, raw))


def _values(of: Field, raw: Any) -> frozenset[Fact]:
    listed = raw if isinstance(raw, list) else [raw]
    return frozenset(_cell_value(of, item) for item in listed)


def _cell_value(of: Field, raw: Any) -> Fact:
    if isinstance(raw, dict | list):
        raise ConditionError("RULE-030", "不在条件语言里：单元格只写值、列表、范围、known 或 unknown")
    if of.type in ("integer", "number") and isinstance(raw, str):
        raise ConditionError("RULE-031", f"{of.title}是数字，不能与文字比较：{raw}")
    if of.type in ("enum", "unit", "region", "text") and not isinstance(raw, str):
        raise ConditionError("RULE-031", f"{of.title}是文字，不能与 {raw} 比较")
    try:
        return parse_value(of, raw)
    except ConditionError as error:
        apart = "；几个值之间用半角逗号加空格" if re.search("[，、；]", str(raw)) else ""
        raise ConditionError(error.code, f"“{raw}”：{error}{apart}") from None
    except ValueError as error:
        raise ConditionError("RULE-031", str(error)) from None


def _interval(of: Field, raw: str) -> Cell:
    if found := _COMPARED.match(raw):
        bound = _bound(of, found[2])
        low, high = (bound, None) if found[1].startswith(">") else (None, bound)
        strict = len(found[1]) == 1
        return Between(low, high, strict and low is not None, strict and high is not None)
    if found := _RANGE.match(raw):
        low, high = _bound(of, found[1]), _bound(of, found[2])
        if low > high:
            raise ConditionError("RULE-031", f"范围 {raw} 的起点大于终点")
        return Between(low, high)
    return OneOf(frozenset({_bound(of, raw)}))


def _bound(of: Field, text: str) -> Any:
    try:
        return parse_value(of, text)
    except ValueError:
        looks_like_code = re.search(r"[()_.\[\]]", text)
        code = "RULE-030" if looks_like_code else "RULE-031"
        words = "不在条件语言里" if looks_like_code else f"不能与{of.title}（{of.type}）比较"
        raise ConditionError(code, f"{words}：{text}；可写值、列表、>= 14、3..7、known、unknown") from None


def holds(cell: Cell | None, value: Fact) -> bool:
    """Whether a value meets a cell; an unknown one meets only `unknown` or an empty cell."""
    if cell is None:
        return True
    if value is None:
        return isinstance(cell, Unknown)
    if isinstance(cell, OneOf):
        return value in cell.values
    if isinstance(cell, NotOneOf):
        return value not in cell.values
    if isinstance(cell, Between):
        return _within(cell, value)
    return isinstance(cell, Known)


def _within(cell: Between, value: Any) -> bool:
    if cell.low is not None and (value < cell.low or (cell.low_open and value == cell.low)):
        return False
    return cell.high is None or (value < cell.high or (not cell.high_open and value == cell.high))


def label(of: Field, value: Fact) -> str:
    """A value as it is shown."""
    if value is None:
        return "未知"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, date):
        return value.isoformat()
    return of.titles.get(str(value), str(value))


def words(of: Field, cell: Cell) -> str:
    """What a cell asks for, in words."""
    if isinstance(cell, OneOf | NotOneOf):
        listed = " 或 ".join(sorted(label(of, value) for value in cell.values))
        return f"{of.title}{'为' if isinstance(cell, OneOf) else '不为'} {listed}"
    if isinstance(cell, Known):
        return f"{of.title}已填写"
    if isinstance(cell, Unknown):
        return f"{of.title}未知"
    parts = []
    if cell.low is not None:
        parts.append(f"{'大于' if cell.low_open else '不小于'} {label(of, cell.low)}")
    if cell.high is not None:
        parts.append(f"{'小于' if cell.high_open else '不大于'} {label(of, cell.high)}")
    return f"{of.title}{'且'.join(parts)}"
