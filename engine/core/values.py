"""Durations, days and dated values: the quantities that rules are written in."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

_DURATION = re.compile(r"([0-9]{1,6})([mhd])\Z")
_OFFSET = re.compile(r"([+-])([0-9]{1,6})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=366)


def parse_duration(text: str) -> timedelta:
    """`30m`, `2h` or `14d`: more than nothing and at most 366 days; anything else is a ValueError in words."""
    found = _DURATION.match(text)
    if found is None:
        raise ValueError("时长要写明单位，如 24h（m 分、h 时、d 天），不能为负")
    length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if not timedelta(0) < length <= LONGEST:
        raise ValueError("时长须大于 0 且不超过 366d")
    return length


def parse_offset(raw: object) -> timedelta:
    """`-30m`, `+2h` or 0: how far from a due time."""
    if raw in (0, "0"):
        return timedelta(0)
    found = _OFFSET.match(raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError("偏移写作 -30m、+2h 或 0")
    length = timedelta(**{_UNITS[found[3]]: int(found[2])})
    if length > LONGEST:
        raise ValueError("偏移不超过 366d")
    return -length if found[1] == "-" else length


def duration_words(length: timedelta) -> str:
    """A length of time in words: 2小时, 14天, 1小时30分钟."""
    minutes = length // timedelta(minutes=1)
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    parts = ((days, "天"), (hours, "小时"), (minutes, "分钟"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0分钟"


def parse_date(text: str) -> date:
    """`2022-05-26`; anything else is a ValueError in words."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("日期写作 2022-05-26，且须真实存在") from None


def parse_time(text: str) -> datetime:
    """An ISO time with its zone, in UTC; without a zone it is a ValueError, for nobody could tell when it was."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("时间写作 2022-05-26T18:00+08:00") from None
    if moment.tzinfo is None:
        raise ValueError("时间要带时区，如 2022-05-26T18:00+08:00")
    return moment.astimezone(UTC)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of a moment where the rules apply."""
    return moment.astimezone(zone).date()


@lru_cache(4_096)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """00:00 of a local day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_time(day: date, at: str, zone: ZoneInfo) -> datetime:
    """A time of day (`08:00`) of a local day, in UTC."""
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)


@lru_cache(65_536)
def same_name(text: str) -> str:
    """The form in which names are compared: NFKC, without space at the ends."""
    return unicodedata.normalize("NFKC", text).strip()


@dataclass(frozen=True, slots=True)
class Dated:
    """A value from a day on, with where it comes from; None: abolished."""

    since: date
    value: int | tuple[int, ...] | None
    clause: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number (or list of days) that changes with time; `values` in the order of their dates."""

    name: str
    title: str
    unit: str
    dated_by: str
    values: tuple[Dated, ...]

    def at(self, day: date) -> Dated | None:
        """The value in force on a day; None before the first."""
        index = bisect_right(self.values, day, key=lambda dated: dated.since)
        return self.values[index - 1] if index else None


def plain(value: Any) -> str:
    """What was written or came out, in plain words."""
    if value is None or value in ("", [], (), {}):
        return "无"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Mapping):
        return "、".join(f"{key} {plain(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "、".join(map(plain, value))
    return str(value)
