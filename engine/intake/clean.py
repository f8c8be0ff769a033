"""One cell to one typed value: what was put right is named, what is wrong is told without quoting it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, NamedTuple

from stdnum.cn import ric

from engine.core.conditions import Fact, Field, parse_value
from engine.core.errors import listing, nearest
from engine.core.values import parse_time, same_name

Cell = Any
"""What a reader gives for a cell: text, a number, a date, a time, or nothing."""

_FIRST_SERIAL, _LAST_SERIAL = 20_000, 80_000
"""Excel's day numbers from 1954 to 2119: what is outside is no date."""
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2119, 12, 31)
"""A year like 0001 is a slip of the pen, and no clock can reckon with it."""
_LEAST_ROUNDED = 10**15
"""From here on Excel's numbers have lost their last digits."""
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T].*)?\Z", re.ASCII)
_DATE_LAST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\Z", re.ASCII)
_NO_YEAR = re.compile(r"(\d{1,2})月(\d{1,2})日\Z", re.ASCII)
_WALL = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T]\s*(\d{1,2})[:：时](\d{1,2})分?(?::(\d{1,2}))?\Z", re.ASCII
)
_EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})\Z", re.ASCII)
_SERIAL = re.compile(r"\d{5}\Z", re.ASCII)
_ID = re.compile(r"\d{17}[0-9X]\Z", re.ASCII)
_RUINED = re.compile(r"\d(\.\d+)?[eE]\+?\d{2}\Z", re.ASCII)
_MOBILE = re.compile(r"1[3-9]\d{9}\Z", re.ASCII)
_LANDLINE = re.compile(r"0\d{2,3}\d{7,8}\Z", re.ASCII)
_ABROAD = re.compile(r"\(?(?:\+86|0086|86(?=\D*1[3-9]))", re.ASCII)
_BETWEEN_DIGITS = re.compile(r"[\s()\-\u2010-\u2015]")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What comes along when a cell is copied out of a chat: nobody sees it, and it makes 18 digits 19."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Line breaks and what steers a terminal: no part of anybody's name, nor of anything else written in one line."""
_SPACED_NAME = re.compile(r"[\u3400-\u9fff]+(?:\s+[\u3400-\u9fff]+)+\Z")
MOST_REMEMBERED = 10_000
_CLOCKS_DIFFER = timedelta(minutes=5)
_FORMULA = re.compile(r"=\s*[A-Za-z0-9(+\-$\"'{@\[]")
MOST_NAME = 100


class Cleaned(NamedTuple):
    """A cell understood: its value (None: empty), what was put right, or which kind of mistake it is."""

    value: Fact = None
    normalised: tuple[str, ...] = ()
    error: str = ""
    code: str = ""
    why: str = ""


EMPTY = Cleaned()


def formula(cell: Cell) -> Cleaned | None:
    """A formula that lost its value is refused, whatever it should have said; None for any other cell."""
    if type(cell) is str and cell[:1] == "=" and _FORMULA.match(cell):
        return Cleaned(error="formula", code="SHEET-014", why="公式单元格，请粘贴为数值")
    return None


Cleaner = Callable[[Cell], Cleaned]


def _wrong(kind: str, code: str, why: str) -> Cleaned:
    return Cleaned(error=kind, code=code, why=why)


def _text(cell: Cell) -> tuple[str, tuple[str, ...]]:
    """A cell as text, trimmed; whole numbers without `.0`."""
    if cell is None:
        return "", ()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell)), ()
    text = cell if type(cell) is str else str(cell)
    trimmed = text.strip()
    if not trimmed.isprintable():
        trimmed = _INVISIBLE.sub("", trimmed).strip()
    return trimmed, ("spaces",) if len(trimmed) != len(text) and trimmed else ()


def clean_text(cell: Cell) -> Cleaned:
    """Any text, kept as it is but for spaces at its ends."""
    text, normalised = _text(cell)
    return Cleaned(text or None, normalised)


def clean_name(cell: Cell) -> Cleaned:
    """A name: text that is more than blanks and digits; `李　四`, spaced out to fill its column, is 李四."""
    text, normalised = _text(cell)
    if _SPACED_NAME.match(text):
        return Cleaned("".join(text.split()), ("spaces",))
    if text.isdigit() or len(text) > MOST_NAME or _CONTROL.search(text):
        return _wrong("name_invalid", "SHEET-017", f"姓名不能只有数字、不能换行或含控制字符，最多 {MOST_NAME} 个字")
    return Cleaned(text or None, normalised)


def clean_id(cell: Cell, known_on: date = _LAST_DAY) -> Cleaned:
    """A citizen's ID number: 18 characters, a birth date that has been, and a last character that fits the others."""
    text, normalised = _text(cell)
    if not text:
        return EMPTY
    number = isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) >= _LEAST_ROUNDED
    if number or _RUINED.match(text):
        return _wrong("id_ruined", "SHEET-010", "身份证号被 Excel 改成数字，末位已丢失，请设为文本重填")
    bare = text.replace(" ", "")
    plain = bare if bare.isascii() else unicodedata.normalize("NFKC", bare).replace(" ", "")
    if plain != bare:
        normalised += ("id_full_width",)
    if plain != plain.upper():
        normalised += ("id_lower_x",)
        plain = plain.upper()
    if len(plain) != 18:  # noqa: PLR2004 - the length of the number
        return _wrong("id_length", "SHEET-011", f"身份证号应为 18 位，现为 {len(plain)} 位")
    if not _ID.match(plain) or ric.calc_check_digit(plain) != plain[17]:
        return _wrong("id_checksum", "SHEET-011", "身份证号校验位不对，请核对原件")
    born = _day(plain[6:10], plain[10:12], plain[12:14])
    if born is None or born > known_on + timedelta(days=1):
        return _wrong("id_birth", "SHEET-011", "身份证号里的出生日期不存在或在将来，请核对原件")
    return Cleaned(plain, normalised)


def clean_phone(cell: Cell) -> Cleaned:
    """A mobile number of 11 digits, or a landline with its area code."""
    text, normalised = _text(cell)
    if not text:
        return EMPTY
    plain = unicodedata.normalize("NFKC", text)
    if abroad := _ABROAD.match(plain):
        plain = plain[abroad.end() :]
        normalised += ("phone_plus86",)
    digits = _BETWEEN_DIGITS.sub("", plain)
    if digits != plain.strip():
        normalised += ("phone_spaces",)
    if not _MOBILE.match(digits) and not _LANDLINE.match(digits):
        return _wrong("phone_invalid", "SHEET-012", "电话应为 11 位手机号，或带区号的座机号")
    return Cleaned(digits, normalised)


def _day(year: Any, month: Any, day: Any) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def clean_date(cell: Cell, known_on: date) -> Cleaned:
    """A day in any form offices write it; `5月26日` is the last such day not after tomorrow of the list's own day."""
    found: date | None
    normalised: tuple[str, ...] = ()
    if isinstance(cell, date):
        found = cell.date() if isinstance(cell, datetime) else cell
    else:
        text, normalised = _text(cell)
        if not text:
            return EMPTY
        found = _written_day(unicodedata.normalize("NFKC", text).replace(" 00:00:00", ""), known_on)
    if found is None or not _FIRST_DAY <= found <= _LAST_DAY:
        return _wrong("date_impossible", "SHEET-013", "日期不存在或认不出，写作 2022-05-26、2022/5/26 或 5月26日")
    return Cleaned(found, normalised)


def _written_day(plain: str, known_on: date) -> date | None:
    if match := _DATE.match(plain) or _EIGHT.match(plain):
        return _day(match[1], match[2], match[3])
    if match := _DATE_LAST.match(plain):
        return _day(match[3], match[2], match[1])
    if match := _NO_YEAR.match(plain):
        days = [_day(year, match[1], match[2]) for year in (known_on.year + 1, known_on.year, known_on.year - 1)]
        return next((day for day in days if day and day <= known_on + timedelta(days=1)), None)
    if _SERIAL.match(plain) and _FIRST_SERIAL <= int(plain) <= _LAST_SERIAL:
        return date(1899, 12, 30) + timedelta(days=int(plain))
    return None


def clean_choice(cell: Cell, of: Field, meanings: Mapping[str, str]) -> Cleaned:
    """One of the options, by its own name, its title, or what this sender calls it."""
    text, normalised = _text(cell)
    if not text:
        return EMPTY
    try:
        return Cleaned(parse_value(of, meanings.get(text, text)), normalised)
    except ValueError as error:
        return _wrong("option_unknown", "SHEET-015", str(error))


def clean_unit(cell: Cell, of: Field, current: Callable[[str], str | None], shown: tuple[str, ...]) -> Cleaned:
    """A unit by its present or a former name."""
    text, normalised = _text(cell)
    if not text:
        return EMPTY
    unit = current(same_name(text))
    if unit is None or unit not in shown:
        hint = nearest(text, shown)
        why = " — ".join(part for part in (f"没有这个{of.title}，可用：{listing(shown)}", hint) if part)
        return _wrong(f"{of.name}_unknown", "SHEET-016", why)
    return Cleaned(unit, normalised)


def clean_plain(cell: Cell, of: Field) -> Cleaned:
    """Any other typed value."""
    text, normalised = _text(cell)
    if not text:
        return EMPTY
    try:
        return Cleaned(parse_value(of, text), normalised)
    except ValueError as error:
        return _wrong("value_invalid", "SHEET-017", str(error))


def ahead(of: Field, value: Fact, known_at: datetime) -> Cleaned | None:
    """What tells of something that has happened, and is said to lie ahead, is refused; None: it is not so."""
    if of.future or not isinstance(value, date):
        return None
    if isinstance(value, datetime):
        late, kind = value > known_at + _CLOCKS_DIFFER, "time_future"
    else:
        late, kind = value > known_at.date() + timedelta(days=1), "date_future"
    return _wrong(kind, "SHEET-013", f"{of.title}在将来，这里只记已发生的事") if late else None


def clean_time(cell: Cell, zone: tzinfo | None) -> Cleaned:
    """A moment: with its zone, or as the clock on the office's wall shows it."""
    if isinstance(cell, datetime):
        return Cleaned((cell if cell.tzinfo else cell.replace(tzinfo=zone)).astimezone(UTC))
    text, normalised = _text(cell)
    if not text:
        return EMPTY
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    try:
        match = _WALL.match(plain)
        if match:
            year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
            return Cleaned(datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC), normalised)
        return Cleaned(parse_time(plain), normalised)
    except (ValueError, OverflowError):
        return _wrong("value_invalid", "SHEET-017", "时间写作 2022-05-26 18:00，或带时区 2022-05-26T18:00+08:00")


_CHECKS: dict[str, Cleaner] = {"phone": clean_phone, "name": clean_name}


def cleaner(
    of: Field,
    *,
    known_at: datetime,
    meanings: Mapping[str, str] | None = None,
    current: Callable[[str], str | None] = lambda name: name,
    shown: tuple[str, ...] = (),
) -> Cleaner:
    """How cells of a fact are cleaned, by its declared type and check alone; `known_at`: now, in the office's zone."""
    known_on = known_at.date()
    if of.check == "cn_id":
        return partial(clean_id, known_on=known_on)
    if of.check:
        return _CHECKS[of.check]
    if of.type in ("text", "region"):
        return _remembering(clean_text)
    if of.type == "date":
        return _remembering(partial(clean_date, known_on=known_on))
    if of.type == "time":
        return partial(clean_time, zone=known_at.tzinfo)
    if of.type in ("enum", "yes_no"):
        return _remembering(partial(clean_choice, of=of, meanings=meanings or {}))
    if of.type == "unit":
        return _remembering(partial(clean_unit, of=of, current=current, shown=shown))
    return partial(clean_plain, of=of)


def _remembering(clean: Cleaner) -> Cleaner:
    """Days, options, units and places come again and again in a list: each text is read once."""
    known: dict[str, Cleaned] = {}

    def read(cell: Cell) -> Cleaned:
        if type(cell) is not str:
            return clean(cell)
        done = known.get(cell)
        if done is None:
            done = clean(cell)
            if len(known) < MOST_REMEMBERED:
                known[cell] = done
        return done

    return read
