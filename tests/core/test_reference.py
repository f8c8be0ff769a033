from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.conditions import Fact
from engine.core.reference import Entry, Key, Matcher, Reference
from engine.core.rulebook import Rulebook

ZONE = ZoneInfo("Asia/Shanghai")
KNOWN = datetime(2022, 6, 15, 18, tzinfo=ZONE)
AREA, COUNTY = ("province", "city", "county", "area"), ("province", "city", "county")


def stay(day: date | None, area: str = "甲小区") -> dict[str, Fact]:
    return {"origin_province": "省", "origin_city": "市", "origin_county": "县", "origin_area": area, "left_on": day}


def match(reference: Reference, entries: list[tuple[str, Entry]], facts: dict[str, Fact]) -> dict[str, Fact]:
    by_area: dict[Key, list[Entry]] = {}
    by_county: dict[Key, list[Entry]] = {}
    for area, entry in entries:
        by_area.setdefault(f"省\x1f市\x1f县\x1f{area}", []).append(entry)
        by_county.setdefault("省\x1f市\x1f县", []).append(entry)
    asked = reference.stay_of(facts.get)
    if asked is None:
        return {}
    matcher = Matcher(reference, {AREA: by_area, COUNTY: by_county}, KNOWN, ZONE)
    return matcher.of(reference.keys_of(asked), reference.day_of(asked))


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2022, 5, 1, hour, tzinfo=ZONE) + timedelta(days=day)


def naive(entries: list[tuple[str, Entry]], area: str, day: date) -> tuple[str, str]:
    """The words of the matching steps, one after the other."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZONE)
    end = start + timedelta(days=1)
    known = [(name, e) for name, e in entries if e.listed_from <= KNOWN]
    listed = [
        (name, e) for name, e in known if e.listed_from < end and (e.listed_until is None or e.listed_until > start)
    ]
    for level in ("high", "medium", "low"):
        if any(name == area and e.level == level for name, e in listed):
            return level, "listed"
    for level in ("high", "medium", "low"):
        if any(
            name == area and e.level == level and end <= e.listed_from < end + timedelta(days=14) for name, e in known
        ):
            return level, "retroactive"
    if any(e.level in ("high", "medium") for _, e in listed):
        return "county", "county"
    return "none", "none"


@st.composite
def entries(draw: st.DrawFn) -> tuple[str, Entry]:
    since = draw(st.integers(0, 60))
    until = draw(st.none() | st.integers(1, 20))
    hour = draw(st.sampled_from([0, 12]))
    entry = Entry(
        draw(st.sampled_from(["high", "medium", "low"])), at(since, hour), at(since + until, hour) if until else None
    )
    return draw(st.sampled_from(["甲小区", "乙小区"])), entry


@settings(max_examples=300, deadline=None)
@given(st.lists(entries(), max_size=5), st.dates(date(2022, 5, 1), date(2022, 6, 20)))
def test_a_stay_is_matched_as_the_ordered_steps_say(book: Rulebook, listed: list[tuple[str, Entry]], day: date) -> None:
    given_facts = match(book.references["areas"], listed, stay(day))
    assert (given_facts["origin_level"], given_facts["origin_how"]) == naive(listed, "甲小区", day)


def test_a_stay_that_is_not_told_gives_nothing(book: Rulebook) -> None:
    assert match(book.references["areas"], [], stay(None)) == {}


def test_names_are_compared_after_nfkc_and_a_missing_one_matches_nothing(book: Rulebook) -> None:
    listed = [("甲小区", Entry("high", at(0), None))]
    day = date(2022, 5, 10)
    assert match(book.references["areas"], listed, stay(day, " 甲小区　"))["origin_level"] == "high"
    nowhere = stay(day) | {"origin_county": None}
    assert match(book.references["areas"], listed, nowhere)["origin_level"] == "none"
