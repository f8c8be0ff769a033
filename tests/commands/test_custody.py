from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from engine.commands import custody, trips
from engine.commands.corrections import correct
from engine.commands.privacy import personal
from engine.core.case import micros, moment
from engine.core.errors import BadInput, BihuanError, Refused
from engine.core.values import parse_time
from engine.packs.pack import read_folder, shipped
from engine.proof import audit
from engine.reading.queries import alert_list, case_list, case_show
from engine.service import Office
from engine.store import places
from engine.timing.sweep import move_clock
from tests.conftest import Make
from tests.samples import opened, quarantined, several

Later = Callable[..., int]
FILES = read_folder(shipped())
ARRIVED = "入住时间"


def trip(office: Office, cases: list[str], to: str = "集中隔离点", user: str = "zhuanyun") -> str:
    told = trips.open_trip(office, "皖A·00001", "王驾驶", to, cases, office.actor(user))
    return str(told["trip"])


def ticks(office: Office, cases: list[str], **facts: str) -> dict[str, dict[str, str]]:
    now = office.now().isoformat()
    return {case: {ARRIVED: now, "room": str(101 + n)} | facts for n, case in enumerate(cases)}


def owners(office: Office, cases: list[str]) -> set[str]:
    return {office.case(case, office.actor("shuju"))[0].owner for case in cases}


def every_byte(office: Office) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(office.store.path.parent.iterdir()))


def test_who_was_responsible_at_a_moment_is_one_query_over_all_cases_of_a_person(office: Office, later: Later) -> None:
    case = opened(office)
    later(hours=1)
    custody.offer(office, case, "和平社区", office.actor("huaye"))
    later(hours=1)
    custody.accept(office, case, office.actor("heping"))
    later(hours=1)
    office.advance(case, "close_false_alarm", office.actor("shewu"), {"proof": "P"})
    later(hours=1)
    second = opened(office)
    chief = office.actor("shuju")
    assert [(row["unit"], row["since"][11:], row["until"][11:]) for row in custody.line(office, second, chief)] == [
        ("华业社区", "08:00", "10:00"),
        ("和平社区", "10:00", "11:00"),
        ("华业社区", "12:00", ""),
    ]

    def at(text: str) -> list[str]:
        return [row["unit"] for row in custody.line(office, case, chief, parse_time(f"2022-05-26T{text}+08:00"))]

    assert [at(text) for text in ("07:59", "08:00", "09:59", "10:00", "11:30", "12:00")] == [
        [],
        ["华业社区"],
        ["华业社区"],
        ["和平社区"],
        [],
        ["华业社区"],
    ]
    with pytest.raises(Refused, match="那一刻还没有到"):
        at("12:01")
    assert audit.verify(office).problems == []


def test_whoever_is_in_quarantine_goes_to_a_site_and_to_no_other_unit(office: Office) -> None:
    case = quarantined(office)
    with pytest.raises(Refused, match="“集中隔离医学观察”的案件只能归 集中隔离点、第二隔离点"):
        custody.offer(office, case, "华业社区", office.actor("geli"))
    with pytest.raises(Refused, match="只能归 集中隔离点、第二隔离点"):
        custody.assign(office, case, "华业社区", office.actor("yingji"), "户籍在此")
    custody.offer(office, case, "第二隔离点", office.actor("geli"))
    assert custody.accept(office, case, office.actor("geli2"), {"room": "9"})["owner"] == "第二隔离点"
    assert audit.verify(office).problems == []


def test_reasons_are_required_sealed_and_shown_only_with_a_reason_on_record(office: Office) -> None:
    case = opened(office)
    secret = "王某说住在别处"
    with pytest.raises(BadInput, match="缺少理由"):
        custody.decline(office, case, "和平社区", office.actor("huaye"), " ")
    custody.decline(office, case, "和平社区", office.actor("huaye"), secret)
    custody.give_back(office, case, office.actor("heping"), secret)
    custody.assign(office, case, "凤阳社区", office.actor("yingji"), secret)
    assert secret.encode() not in every_byte(office)
    shown = case_show(office, case, office.actor("shuju"))
    assert not [title for title in shown["personal"] if "理由" in title or "reason" in title]
    full = personal(office, office.case(case, office.actor("shuju"))[0], office.actor("shuju"), "核对")
    assert [full[f"reason@{case}:{seq}"] for seq in (2, 3, 4)] == [secret] * 3
    assert audit.verify(office).problems == []


def test_the_arbiter_is_alerted_of_what_was_given_back_too_often(office: Office) -> None:
    case = opened(office)
    custody.decline(office, case, "和平社区", office.actor("huaye"), "不在本社区")
    custody.give_back(office, case, office.actor("heping"), "也不在")
    told = [(row["deadline"], row["told"]) for row in alert_list(office, office.actor("yingji"))]
    assert told == [("unsettled", "应急办")]
    with pytest.raises(Refused, match="由 应急办 裁定"):
        custody.decline(office, case, "凤阳社区", office.actor("huaye"), "不在本社区")
    assert custody.assign(office, case, "凤阳社区", office.actor("yingji"), "户籍在此")["owner"] == "凤阳社区"
    assert audit.verify(office).problems == []


def test_what_waits_is_listed_for_giver_and_receiver_and_rings_when_it_waits_too_long(
    office: Office, later: Later
) -> None:
    case = opened(office)
    custody.offer(office, case, "和平社区", office.actor("huaye"))
    for user, mine in (("huaye", False), ("heping", True), ("shuju", False)):
        (row,) = custody.waiting(office, office.actor(user))
        assert (row["case"], row["giver"], row["receiver"], row["mine"]) == (case, "华业社区", "和平社区", mine)
    assert custody.waiting(office, office.actor("fengyang")) == []
    later(hours=3)
    assert custody.waiting(office, office.actor("heping"))[0]["overdue"]
    assert ("签收", "蓝") in {(row["title"], row["level"]) for row in alert_list(office, office.actor("heping"))}
    custody.give_back(office, case, office.actor("heping"), "不在本社区")
    assert custody.waiting(office, office.actor("heping")) == []


def test_an_acceptance_takes_only_what_it_asks_for_and_a_request_is_answered_once(office: Office) -> None:
    (case,) = several(office, 1)
    with pytest.raises(BadInput, match=r"admit 不收 room — .*由接收方签收时填写：bihuan handover accept"):
        office.advance(case, "admit", office.actor("zhuanyun"), {"site": "集中隔离点", "room": "1"})
    office.advance(case, "admit", office.actor("zhuanyun"), {"site": "集中隔离点"})
    with pytest.raises(BadInput, match="签收不收 hospital"):
        custody.accept(office, case, office.actor("geli"), {"hospital": "院"})
    facts = {"quarantine_started": office.now().isoformat(), "room": "1"}
    first = custody.accept(office, case, office.actor("geli"), facts, request_key="k")
    assert custody.accept(office, case, office.actor("geli"), facts, request_key="k") == first
    other = opened(office)
    one = custody.offer(office, other, "和平社区", office.actor("huaye"), request_key="o")
    assert custody.offer(office, other, "和平社区", office.actor("huaye"), request_key="o") == one
    with pytest.raises(BadInput, match="已用于另一个请求"):
        custody.offer(office, other, "凤阳社区", office.actor("huaye"), request_key="o")


def test_a_trip_moves_whoever_is_ticked_and_makes_a_matter_of_who_is_missing_or_extra(
    office: Office, later: Later
) -> None:
    *cases, stranger = several(office, 4)
    number = trip(office, cases)
    later(hours=1)
    told = trips.receive(office, number, ticks(office, cases[:2]), office.actor("geli"), extra=[stranger])
    assert (told["accepted"], told["missing"], told["extra"]) == (sorted(cases[:2]), [cases[2]], [stranger])
    assert owners(office, cases[:2]) == {"集中隔离点"}
    assert owners(office, [cases[2], stranger]) == {"转运专班"}
    shown = trips.trip_show(office, number, office.actor("zhuanyun"))
    assert (shown["driver"], shown["vehicle"], shown["on_their_way"]) == ("王*", "皖A·00001", 0)
    assert {row["case"]: row["outcome"] for row in shown["cases"]} == {
        cases[0]: "accepted",
        cases[1]: "accepted",
        cases[2]: "missing",
    }
    for about, what in ((cases[2], "应到未到"), (stranger, "多出一人")):
        matter = case_show(office, told["matters"][about], office.actor("zhuanyun"))
        assert (matter["owner"], matter["facts"]["所涉案件"], matter["facts"]["差异"]) == ("转运专班", about, what)
        assert matter["deadlines"]
        office.advance(matter["case"], "clear", office.actor("zhuanyun"), {"cleared_as": "已找到并送达"})
    with pytest.raises(Refused, match="没有等待签收的案件"):
        trips.receive(office, number, {}, office.actor("geli"))
    assert "王驾驶".encode() not in every_byte(office)
    assert trips.trip_show(office, number, office.actor("shuju"), "核对")["driver"] == "王驾驶"
    assert audit.verify(office).problems == []


def test_a_trip_is_opened_whole_or_not_at_all_with_the_reasons_for_each(office: Office) -> None:
    cases = several(office, 2)
    found = opened(office)
    with pytest.raises(Refused) as refused:
        trip(office, [*cases, found], user="zhuanyun")
    assert f"案件 {found}：" in str(refused.value)
    assert custody.waiting(office, office.actor("shuju")) == []
    assert trips.trip_list(office, office.actor("shuju")) == []
    with pytest.raises(BadInput, match="案件 X：没有案件 X"):
        trip(office, [*cases, "X"])
    with pytest.raises(BadInput) as lacks:
        trips.open_trip(office, "", " ", "集中隔离点", [], office.actor("zhuanyun"))
    assert [problem.what for problem in lacks.value.problems] == ["缺少车辆", "缺少驾驶员", "缺少案件"]
    trip(office, cases)
    with pytest.raises(Refused, match=f"案件 {cases[0]}：已交 集中隔离点，等待签收"):
        trip(office, cases[:1])
    assert audit.verify(office).problems == []


def test_who_is_not_on_the_trip_is_not_ticked_and_who_is_on_it_is_not_extra(office: Office) -> None:
    *cases, stranger = several(office, 3)
    number = trip(office, cases)
    with pytest.raises(Refused, match=f"案件 {stranger} 不在车次"):
        trips.receive(office, number, ticks(office, [*cases, stranger]), office.actor("geli"))
    with pytest.raises(Refused, match="不是多出的人"):
        trips.receive(office, number, {}, office.actor("geli"), extra=[cases[0]])
    with pytest.raises(BadInput, match="没有案件 0000"):
        trips.receive(office, number, ticks(office, cases), office.actor("geli"), extra=["0000"])
    with pytest.raises(BadInput, match="没有车次"):
        trips.receive(office, number, ticks(office, cases), office.actor("fengyang"))
    with pytest.raises(Refused, match="须由 集中隔离点 签收，zhuanyun 不在其中"):
        trips.receive(office, number, ticks(office, cases), office.actor("zhuanyun"))
    bare = {cases[1]: {ARRIVED: office.now().isoformat()}}
    with pytest.raises(Refused, match=f"案件 {cases[1]}：缺少佐证：房间"):
        trips.receive(office, number, ticks(office, cases) | bare, office.actor("geli"))
    assert owners(office, cases) == {"转运专班"}
    assert trips.trip_show(office, number, office.actor("geli"))["on_their_way"] == 2


def test_one_sent_back_at_the_gate_is_off_the_trip_and_the_rest_goes_on(office: Office) -> None:
    cases = several(office, 3)
    number = trip(office, cases)
    custody.give_back(office, cases[0], office.actor("geli"), "发热，先送医")
    correct(office, cases[1], {"pcr_result": "阳性"}, "化验单", office.actor("shewu"))
    told = trips.receive(office, number, ticks(office, cases[2:]), office.actor("geli"), request_key="r")
    assert trips.receive(office, number, ticks(office, cases[2:]), office.actor("geli"), request_key="r") == told
    shown = trips.trip_show(office, number, office.actor("geli"))
    assert {row["case"]: row["outcome"] for row in shown["cases"]} == dict(
        zip(cases, ("returned", "moved", "accepted"), strict=True)
    )
    assert trips.trip_list(office, office.actor("zhuanyun"))[0]["outcomes"] == {
        "accepted": 1,
        "moved": 1,
        "returned": 1,
    }
    assert audit.verify(office).problems == []


def small(make_office: Make, places: int = 1) -> Office:
    organisation = FILES["rules/organisation.yaml"].replace(b"places: 300", f"places: {places}".encode())
    return make_office(files=FILES | {"rules/organisation.yaml": organisation})


def sick(office: Office, case: str) -> None:
    """Re-checked, positive and fetched: she stays in her place until the hospital has her."""
    office.advance(case, "recheck", office.actor("geli"), {})
    told = office.advance(case, "recheck_positive", office.actor("shewu"), {"recheck_result": "阳性"})
    driver, taken = office.actor("zhuanyun"), custody.sites(office)[0]["taken"]
    assert told["case"] in {row["case"] for row in case_list(office, office.actor("geli"))}, "the site sees her still"
    office.advance(told["case"], "hospitalise", driver, {})
    assert custody.sites(office)[0]["taken"] == taken
    admitted = {"hospital": "院", "admitted_at": office.now().isoformat(), "receipt": "R"}
    custody.accept(office, told["case"], driver, admitted)
    assert custody.sites(office)[0]["taken"] == taken - 1
    assert (
        "room" not in office.case(told["case"], driver)[0].facts
        or not office.case(told["case"], driver)[0].facts["room"]
    )


def test_a_site_holds_no_more_than_its_places_and_a_closed_case_frees_its_own(make_office: Make) -> None:
    office = small(make_office)
    first, second = several(office, 2)
    for case in (first, second):
        office.advance(case, "admit", office.actor("zhuanyun"), {"site": "集中隔离点"})
    here = ticks(office, [first, second])
    custody.accept(office, first, office.actor("geli"), here[first])
    assert custody.sites(office)[0] == {"site": "集中隔离点", "places": 1, "taken": 1, "free": 0}
    with pytest.raises(Refused, match="集中隔离点 只有 1 个床位"):
        custody.accept(office, second, office.actor("geli"), here[second])
    sick(office, first)
    custody.accept(office, second, office.actor("geli"), here[second])
    assert custody.sites(office)[0]["free"] == 0
    assert audit.verify(office).problems == []


def test_a_room_is_given_twice_only_to_those_who_belong_together(office: Office) -> None:
    mother, child, other = several(office, 3)
    number = trip(office, [mother, child, other])
    here = ticks(office, [mother, child, other])
    same = {case: facts | {"room": "101"} for case, facts in here.items()}
    with pytest.raises(Refused) as refused:
        trips.receive(office, number, same, office.actor("geli"))
    assert len(refused.value.problems) == 3
    together = here | {child: here[child] | {"room": "101", "accompanies": f"{mother[:5]}-{mother[5:]}".lower()}}
    trips.receive(office, number, together, office.actor("geli"))
    custody.offer(office, other, "第二隔离点", office.actor("geli"))
    with pytest.raises(Refused, match="缺少佐证：房间"):
        custody.accept(office, other, office.actor("geli2"))
    custody.accept(office, other, office.actor("geli2"), {"room": "101"})
    assert [row["taken"] for row in custody.sites(office)] == [2, 1]
    assert audit.verify(office).problems == []


def last_place(office: Office, monkeypatch: pytest.MonkeyPatch | None = None) -> list[int]:
    """Two accept for the last place at the same moment, again and again: how many then have it."""
    if monkeypatch:
        _look_before_the_lock(monkeypatch)
    taken = []
    for n in range(12):
        pair = [opened(office, id_number="", name=f"甲{n}{k}", phone=f"139{n:07d}{k}") for k in range(2)]
        now = office.now().isoformat()
        for case in pair:
            office.advance(case, "verify", office.actor("huaye"), {"checked_at": now})
            office.advance(case, "admit", office.actor("zhuanyun"), {"site": "集中隔离点"})
        barrier = threading.Barrier(2)

        def go(case: str, room: str, barrier: threading.Barrier, now: str) -> None:
            barrier.wait()
            try:
                custody.accept(office, case, office.actor("geli"), {ARRIVED: now, "room": room})
            except Refused:
                return

        threads = [threading.Thread(target=go, args=(case, case, barrier, now)) for case in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken.append(custody.sites(office)[0]["taken"])
        with office.store.writing(0) as writer:
            writer.cursor.execute("DELETE FROM place")  # room for the next two
    return taken


def _look_before_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: whether there is room is asked before the write lock only, as two may at once."""
    decided = custody.accepted
    barrier = threading.Barrier(2)

    def early(office: Office, *rest: Any) -> Any:
        with office.store.reading() as driver:
            full = driver.execute("SELECT count(*) FROM place").fetchone()[0]
        if full:
            raise Refused([])
        barrier.wait()
        return decided(office, *rest)

    monkeypatch.setattr(places, "refuse_overfull", lambda *_: None)
    monkeypatch.setattr(custody, "accepted", early)


def test_two_who_accept_for_the_last_place_at_once_do_not_both_get_it(make_office: Make) -> None:
    office = small(make_office)
    assert last_place(office) == [1] * 12


def test_looking_for_room_before_the_lock_is_found(make_office: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 in last_place(small(make_office), monkeypatch)


def test_a_quarantined_person_shows_her_line_and_who_else_sees_the_case(office: Office) -> None:
    case = quarantined(office)
    shown = case_show(office, case, office.actor("geli"))
    assert [step["what"] for step in shown["timeline"]][-2:] == [
        "交 集中隔离点，待签收",
        "送隔离点（签收） → 集中隔离医学观察",
    ]
    assert case in {row["case"] for row in case_list(office, office.actor("geli"))}
    assert case not in {row["case"] for row in case_list(office, office.actor("geli2"))}


class Hands(RuleBasedStateMachine):
    """Everybody offers, accepts, returns, declines, assigns, drives and moves on, now or late."""

    cases = Bundle("cases")
    USERS = ("huaye", "heping", "shewu", "zhuanyun", "geli", "geli2", "yingji")
    UNITS = ("华业社区", "和平社区", "社会事务部", "转运专班", "集中隔离点", "第二隔离点", "外市", "派出所")

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        base = Path(self.folder.name)
        start = parse_time("2022-05-26T08:00+08:00")
        self.office = Office.create(base / "db" / "x.db", base / "k" / "key", FILES, start)
        self.number = 0

    @rule(target=cases, contact=st.booleans())
    def open(self, *, contact: bool) -> str:
        self.number += 1
        facts = {"contact": "密切接触者"} if contact else {"origin_level": "high"}
        facts |= {"name": f"甲{self.number}", "phone": f"139{self.number:08d}", "left_on": "2022-05-24"}
        facts |= {"community": "华业社区"}
        return str(self.office.open_case("person", facts, self.office.actor("shuju"))["case"])

    def tried(self, case: str, do: Callable[[datetime], Any]) -> None:
        """Do it; and whatever was done or refused, no return, decline or offer moved a deadline of the person."""
        before, _ = self.office.case(case, self.office.actor("shuju"))
        try:
            do(self.office.now())
        except BihuanError:
            return
        after, _ = self.office.case(case, self.office.actor("shuju"))
        if after.state == before.state:
            for name, armed in before.deadlines.items():
                if name != "hand_over":
                    assert after.deadlines[name].due == armed.due, name

    @rule(case=cases, user=st.sampled_from(USERS), to=st.sampled_from(UNITS), late=st.sampled_from([0, 20, 90]))
    def offer(self, case: str, user: str, to: str, late: int) -> None:
        at = timedelta(minutes=late)
        self.tried(
            case,
            lambda now: custody.offer(self.office, case, to, self.office.actor(user), occurred_at=now - at),
        )

    @rule(case=cases, user=st.sampled_from(USERS), to=st.sampled_from(UNITS))
    def decline(self, case: str, user: str, to: str) -> None:
        self.tried(case, lambda _: custody.decline(self.office, case, to, self.office.actor(user), "不是"))

    @rule(case=cases, to=st.sampled_from(UNITS))
    def assign(self, case: str, to: str) -> None:
        self.tried(case, lambda _: custody.assign(self.office, case, to, self.office.actor("yingji"), "裁定"))

    @rule(case=cases, late=st.sampled_from([0, 20, 90]))
    def accept(self, case: str, late: int) -> None:
        found, _ = self.office.case(case, self.office.actor("shuju"))
        user = self.receiver(found.offer.to if found.offer else "", found.owner)
        room = {"room": case, ARRIVED: self.office.now().isoformat(), "receipt": "R"}
        asked = {"room", "receipt"} if found.offer and not found.offer.transition else set(room)
        flow = self.office.book().workflows[found.workflow]
        if found.offer and found.offer.transition:
            hand_over = flow.transitions[found.offer.transition].hand_over
            assert hand_over
            asked = {ARRIVED if item.field == "quarantine_started" else item.field for item in hand_over.evidence}
        elif flow.states[found.state].place is None:
            asked = set()
        raw = {name: value for name, value in room.items() if name in asked - {"receipt"} or name in asked}
        at = timedelta(minutes=late)
        self.tried(
            case,
            lambda now: custody.accept(self.office, case, self.office.actor(user), raw, occurred_at=now - at),
        )

    def receiver(self, to: str, owner: str) -> str:
        staff = self.office.book().organisation.staff.values()
        for unit in (to, owner):
            for person in staff:
                if any(of == unit for _, of in person.roles):
                    return person.user
        return "shuju"

    @rule(case=cases)
    def give_back(self, case: str) -> None:
        found, _ = self.office.case(case, self.office.actor("shuju"))
        user = self.receiver(found.offer.to if found.offer else "", found.owner)
        self.tried(case, lambda _: custody.give_back(self.office, case, self.office.actor(user), "不收"))

    @rule(case=cases, late=st.sampled_from([0, 30]), away=st.booleans())
    def goes_on(self, case: str, late: int, *, away: bool) -> None:
        found, _ = self.office.case(case, self.office.actor("shuju"))
        verb = {"found": "hand_over_out" if away else "verify", "awaiting_transfer": "admit"}.get(found.state, "test")
        at = self.office.now() - timedelta(minutes=late)
        evidence: dict[str, dict[str, Any]] = {
            "verify": {"checked_at": at.isoformat()},
            "hand_over_out": {"destination": "外市"},
            "admit": {"site": "集中隔离点"},
            "test": {"pcr_result": "阴性", "sampled_at": at.isoformat()},
        }
        actor = self.office.actor(self.receiver(found.owner, found.owner))
        self.tried(case, lambda _: self.office.advance(case, verb, actor, evidence[verb], occurred_at=at))

    @rule(case=cases, other=cases, tick=st.booleans())
    def drive(self, case: str, other: str, *, tick: bool) -> None:
        try:
            number = trip(self.office, [case, other])
            here = ticks(self.office, [case] if tick else [], room=case)
            trips.receive(self.office, number, here, self.office.actor("geli"))
        except BihuanError:
            return

    @rule(minutes=st.sampled_from([10, 45, 300]))
    def later(self, minutes: int) -> None:
        move_clock(self.office, timedelta(minutes=minutes))

    @invariant()
    def somebody_is_responsible_at_every_moment(self) -> None:
        """From first contact to end: one unit after another, nobody twice at once, and nobody never."""
        if not hasattr(self, "office"):
            return
        with self.office.store.reading() as driver:
            cases = driver.execute('SELECT id, opened_at, final, owner FROM "case"').fetchall()
            for case, opened_at, final, owner in cases:
                rows = driver.execute(
                    "SELECT unit, since, until FROM custody WHERE case_id = ? ORDER BY event", (case,)
                ).fetchall()
                assert rows[0][1] == opened_at
                for before, after in pairwise(rows):
                    assert before[2] == after[1] >= before[1]
                    assert before[0] != after[0]
                assert (rows[-1][2] is not None) is bool(final)
                assert final or rows[-1][0] == owner
            for site, taken in driver.execute("SELECT site, count(*) FROM place GROUP BY site"):
                assert taken <= (self.office.book().organisation.units[site].places or 0)

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        with self.folder:
            if hasattr(self, "office"):
                with contextlib.closing(self.office):
                    assert audit.verify(self.office).problems == []


TestHands = Hands.TestCase
TestHands.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_a_hole_in_the_line_is_found(office: Office, later: Later) -> None:
    """The planted bug: the line of whoever gave ends when the hand-over was entered, not when it happened."""
    case = opened(office)
    later(hours=2)
    custody.offer(office, case, "和平社区", office.actor("huaye"), occurred_at=office.now() - timedelta(hours=1))
    custody.accept(office, case, office.actor("heping"), occurred_at=office.now() - timedelta(minutes=30))
    with office.store.writing(micros(office.now())) as writer:
        writer.cursor.execute("UPDATE custody SET until = ? WHERE until IS NOT NULL", (writer.now,))
    hands = Hands()
    hands.office = office
    with pytest.raises(AssertionError):
        hands.somebody_is_responsible_at_every_moment()
    assert [problem.what for problem in audit.verify(office).problems] == ["交接链的记录与事件推出的不符"]
    assert moment(micros(office.now())) == office.now()


def test_a_trip_entered_late_left_when_it_left_and_says_by_when_it_must_be_received(
    office: Office, later: Later
) -> None:
    cases = several(office, 2)
    later(hours=1)
    geli, left = office.actor("geli"), office.now() - timedelta(minutes=40)
    told = trips.open_trip(office, "皖A·1", "王驾驶", "集中隔离点", cases, office.actor("zhuanyun"), occurred_at=left)
    [listed] = trips.trip_list(office, geli)
    assert (listed["opened_at"][11:], listed["due"][11:], listed["overdue"]) == ("08:20", "12:20", False)
    later(hours=4)
    assert trips.trip_show(office, told["trip"], geli)["overdue"]
    arrived = left + timedelta(minutes=20)
    here = ticks(office, cases, **{ARRIVED: arrived.isoformat()})
    trips.receive(office, told["trip"], here, geli, occurred_at=arrived)
    assert [row["since"][11:] for row in custody.line(office, cases[0], geli)][-1] == "08:40"
    assert trips.trip_list(office, geli)[0]["due"] == ""
    assert audit.verify(office).problems == []


def test_a_trip_leaves_neither_ahead_nor_long_ago_and_carries_nobody_twice(office: Office) -> None:
    cases = several(office, 2)
    driver = office.actor("zhuanyun")
    for away, why in ((timedelta(hours=1), "晚于现在"), (timedelta(days=-31), "早于 30 天前")):
        with pytest.raises(Refused, match=why):
            trips.open_trip(office, "皖A·1", "王", "集中隔离点", cases, driver, occurred_at=office.now() + away)
    with pytest.raises(BadInput, match=f"案件 {cases[0]} 写了两次"):
        trips.open_trip(office, "皖A·1", "王", "集中隔离点", [*cases, cases[0].lower()], driver)
    assert trips.trip_list(office, driver) == []
    with pytest.raises(BadInput) as refused:
        trips.open_trip(office, "皖A\n1", "王\x1b[31m", "集中隔离点", cases, driver)
    assert len(refused.value.problems) == 2
    assert trips.trip_list(office, driver) == []
