"""What the models of all files are made of: lengths, days, names, and a strict piece of a pack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.core.values import parse_date, parse_duration, parse_offset


def reads(code: str, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader whose ValueError in words is told under a code."""

    def reader(value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise PydanticCustomError(code, "{words}", {"words": str(error)}) from error

    return reader


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _duration(value: Any) -> timedelta:
    if not isinstance(value, str):
        raise ValueError("时长要写明单位，如 24h（m 分、h 时、d 天）")
    return parse_duration(value)


def _date(value: Any) -> date:
    if not isinstance(value, str):
        raise ValueError("日期写作 2022-05-26")
    return parse_date(value)


def _written(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{pattern}$"}


_DURATION = _written("[0-9]{1,6}[mhd]")

Day = Annotated[date, PlainValidator(reads("RULE-036", _date)), WithJsonSchema(_written("[0-9]{4}-[0-9]{2}-[0-9]{2}"))]
Duration = Annotated[timedelta, PlainValidator(reads("RULE-027", _duration)), WithJsonSchema(_DURATION)]
Offset = Annotated[
    timedelta,
    PlainValidator(reads("RULE-027", parse_offset)),
    WithJsonSchema({"anyOf": [_written("[+-][0-9]{1,6}[mhd]"), {"enum": [0, "0"]}]}),
]
Length = Annotated[
    timedelta,
    PlainValidator(reads("RULE-027", lambda raw: timedelta(0) if raw == 0 else _duration(raw))),
    WithJsonSchema({"anyOf": [_DURATION, {"const": 0}]}),
]
"""A duration, or 0."""
Names = Annotated[list[str], BeforeValidator(_one_or_more, json_schema_input_type=str | list[str])]
Number = int | float


class Model(BaseModel):
    """A piece of a pack: unknown keys and surprising types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class File(Model):
    """A file of a pack; `schema` is the number of the language it is written in."""

    schema_: Literal[1] = Field(alias="schema")
    """这份文件用的写法的版本，现在是 1"""


class Cited(Model):
    """Something that says where it comes from and when it holds."""

    clause: str = ""
    """出自哪一条：条款的标题或编号，几条用“、”隔开"""
    source: str = ""
    """出自别的文件：文件名和文号"""


When = dict[str, Any] | list[dict[str, Any]]
