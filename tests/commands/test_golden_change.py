"""14+7 → 7+3 on 2022-06-28, by YAML alone: everybody who is inside is let go on the day that plain counting gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.commands import custody, drafts
from engine.core.case import Case, micros
from engine.core.errors import Refused
from engine.core.stories import planned
from engine.core.values import parse_time
from engine.proof.audit import verify
from engine.service import Office
from engine.timing.sweep import move_clock
from tests.editions import eighth, ninth

CHANGE = date(2022, 6, 28)
ZONE = ZoneInfo("Asia/Shanghai")
AFTER = timedelta(hours=24)
"""How long after the last day somebody may be let go: the pack's 及时.解除."""


# What the two editions say, as plain counting: days since day 0, and nothing of the engine's.


@dataclass
class Inside:
    """Somebody who was inside when the rules changed: day 0, days served elsewhere, and the days tested so far.

    Tests at home after the central days are those of the home days.
    """

    case: str
    kind: str
    zero: date
    served: int = 0
    tested: list[date] = field(default_factory=list)
    tested_at_home: list[date] = field(default_factory=list)

    @property
    def start(self) -> date:
        return self.zero - timedelta(days=self.served)


@dataclass(frozen=True)
class Edition:
    """How many days a kind is kept under the old and the new edition, and on which days it is tested under the new."""

    old: int
    new: int
    tests: tuple[int, ...]


CENTRAL = {
    "contact": Edition(14, 7, (1, 2, 3, 5, 7)),
    "high": Edition(14, 7, (1, 2, 3, 5, 7)),
    "medium": Edition(14, 7, (1, 4, 7)),
    "low": Edition(7, 3, (1, 3)),
    "secondary": Edition(7, 7, (1, 4, 7)),
}
HOME_OLD, HOME_NEW, HOME_TEST = 7, 3, 3
OLD_TESTS = {"contact": (1, 4, 7, 14), "high": (1, 4, 7, 14), "medium": (1, 4, 7, 14), "low": (1, 3)}
OLD_TESTS["secondary"] = (1, 4, 7)
OLD_HOME_TESTS = (2, 7)


def days(number: int) -> timedelta:
    return timedelta(days=number)


def over(start: date, old: int, new: int) -> date:
    """The first day on which the days are full: those of the new edition, but not before there was one."""
    return min(start + days(old), max(CHANGE, start + days(new)))


def free(person: Inside) -> date:
    """The day on which she may go."""
    if person.kind == "contact":
        return over(person.start, CENTRAL["contact"].old + HOME_OLD, CENTRAL["contact"].new + HOME_NEW)
    edition = CENTRAL[person.kind]
    return over(person.start, edition.old, edition.new)


def still_ahead(start: date, listed: tuple[int, ...], tested: list[date]) -> list[date]:
    """The days on which she is still tested; the last one at once where it had passed and nobody tested her since."""
    ahead = [day for number in listed if (day := start + days(number)) >= CHANGE]
    last = start + days(listed[-1])
    if last < CHANGE and not any(last <= day for day in tested):
        ahead.append(CHANGE)
    return ahead


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


class World:
    """The street from the first who came in until the last one went."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.people: list[Inside] = []

    def go_to(self, day: date, hour: int, minute: int = 0) -> None:
        self.office.set_clock(micros(at(day, hour, minute)))

    def now(self) -> str:
        return self.office.now().isoformat()

    def does(self, case: str, verb: str, user: str, **facts: Any) -> None:
        self.office.advance(case, verb, self.office.actor(user), facts)

    def case(self, person: Inside) -> Case:
        return self.office.case(person.case, self.office.actor("shuju"))[0]

    def opens(self, kind: str, zero: date, served: int = 0) -> None:
        """Found, checked and brought where she has to be, all on her day 0."""
        number = len(self.people)
        facts: dict[str, Any] = {"name": f"示例{number}", "phone": f"139{number:08d}", "community": "华业社区"}
        facts |= {
            "contact": {"contact": "密切接触者", "last_exposure": zero.isoformat()},
            "secondary": {"contact": "次密接", "last_exposure": zero.isoformat()},
        }.get(kind, {"origin_level": kind, "left_on": zero.isoformat(), **({"days_served": served} if served else {})})
        case = str(self.office.open_case("person", facts, self.office.actor("shuju"))["case"])
        checked = {"checked_at": self.now()}
        if kind == "low":
            self.does(case, "keep_at_home", "huaye", **checked)
        else:
            self.does(case, "verify", "huaye", **checked)
            self.does(case, "depart", "zhuanyun", vehicle="皖A·00001", departed_at=self.now())
            self.does(case, "admit", "zhuanyun2", site="集中隔离点")
            received = {"quarantine_started": self.now(), "room": f"{number}"}
            custody.accept(self.office, case, self.office.actor("geli"), received)
        self.people.append(Inside(case, kind, zero, served))

    def swabs(self, person: Inside) -> None:
        """Whoever has her there tests her, and finds nothing."""
        state = self.case(person).state
        verb, user = {"quarantined": ("test", "geli"), "sent_home": ("test_home", "huaye")}.get(
            state, ("test", "huaye")
        )
        self.does(person.case, verb, user, pcr_result="阴性", sampled_at=self.now())
        tested = person.tested_at_home if state == "sent_home" else person.tested
        tested.append(self.office.now().astimezone(ZONE).date())

    def lets_go(self, person: Inside) -> None:
        """Whoever has had no hand in it lets her go."""
        state = self.case(person).state
        verb = {"quarantined": "release", "sent_home": "end_home", "monitored": "release_home"}[state]
        self.does(person.case, verb, "shenpi2")


Made = Callable[..., Office]


@pytest.fixture
def world(make_office: Made, pack_files: dict[str, bytes]) -> World:
    """The street at the end of 2022-06-27, the change approved for midnight."""
    made = World(make_office("2022-06-01T08:00+08:00", files=eighth(pack_files)))
    office = made.office
    for back in range(21, 0, -1):
        a_day(made, CHANGE - days(back))
    made.go_to(CHANGE - days(1), 20)
    draft = drafts.draft(
        office, ninth(pack_files), office.actor("guanli"), "第九版", parse_time("2022-06-28T00:00+08:00")
    )
    drafts.approve(office, draft, office.actor("pizhun"))
    return made


def a_day(world: World, day: date) -> None:
    """A day under the old plan: who is due is tested, who is through goes home, and new ones come."""
    world.go_to(day, 9)
    for person in world.people:
        home = world.case(person).state == "sent_home"
        first = person.start + days(14 if home else 0)
        if day in [first + days(number) for number in (OLD_HOME_TESTS if home else OLD_TESTS[person.kind])]:
            world.swabs(person)
        if person.kind == "contact" and not home and day >= person.zero + days(14):
            world.does(person.case, "send_home", "shenpi")
    world.go_to(day, 10)
    back = (CHANGE - day).days
    world.opens("contact", day)
    if back <= 14:
        world.opens("high", day)
        world.opens("medium", day)
    if back <= 7:
        world.opens("secondary", day)
        world.opens("low", day)
    if back in (3, 6):
        world.opens("high", day, 4)
        world.opens("medium", day, 2)


def refused(world: World, person: Inside) -> bool:
    try:
        world.lets_go(person)
    except Refused:
        return True
    return False


def due(case: Case) -> date:
    """The day from which the release may be asked for: the deadline says until when it must be done."""
    return (case.deadlines["release"].due - AFTER).astimezone(ZONE).date()


def test_everybody_inside_is_let_go_on_the_day_that_plain_counting_gives(world: World) -> None:
    office = world.office
    before = {person.case: due(world.case(person)) for person in world.people}
    assert sum(person.kind == "contact" for person in world.people) == 21
    move_clock(office, at(CHANGE, 0, 1) - office.now())
    for person in world.people:
        case = world.case(person)
        assert case.release == 2, person
        edition = CENTRAL[person.kind]
        expected = over(person.start, edition.old, edition.new) if case.state == "quarantined" else free(person)
        assert due(case) == expected, (person, before[person.case])
        schedule, listed, start, tested = "tests", edition.tests, person.start, person.tested
        if case.state == "sent_home":
            schedule, listed, start = "home_tests", (HOME_TEST,), person.zero + days(7)
            tested = person.tested_at_home
        ahead = [when.astimezone(ZONE).date() for when in planned(office.book(2), case, schedule, office.now())]
        assert ahead == still_ahead(start, listed, tested), person
    assert {person.kind for person in world.people if world.case(person).state == "monitored"} == {
        "medium",
        "secondary",
        "low",
    }
    assert verify(office).problems == []
    gone = the_days_after(world)
    assert gone == {person.case: free(person) for person in world.people}
    assert verify(office).problems == []


def the_days_after(world: World) -> dict[str, date]:
    """Day after day everybody is tested as planned and asks to go; on which day each went."""
    gone = dict[str, date]()
    day = CHANGE
    while len(gone) < len(world.people):
        assert day < CHANGE + days(12)
        for person in [each for each in world.people if each.case not in gone]:
            world.go_to(day, 9)
            asked(world, person, day)
            world.go_to(day, 10)
            case = world.case(person)
            if case.state == "quarantined" and person.kind == "contact":
                if not attempt(world, person, "send_home"):
                    continue
                world.go_to(day, 11)
                asked(world, person, day)
            if not refused(world, person):
                gone[person.case] = day
        day += days(1)
    return gone


def attempt(world: World, person: Inside, verb: str) -> bool:
    try:
        world.does(person.case, verb, "shenpi")
    except Refused:
        return False
    return True


def asked(world: World, person: Inside, day: date) -> None:
    """Test her, if a test is planned for today."""
    case = world.case(person)
    listed = (plan.due for plan in case.plans.values() if plan.due)
    if any(datetime.fromtimestamp(one / 1e6, ZONE).date() == day for plan in listed for one in plan):
        world.swabs(person)
