"""A ladder stops for whoever acknowledges, goes on when nothing is done, and is put off only within its limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.commands.noting import acknowledge
from engine.commands.postponing import put_off
from engine.core.errors import BadInput, Refused
from engine.proof import audit
from engine.reading.queries import alert_list, case_list, case_show
from engine.service import Office
from engine.store import store
from engine.timing.sweep import move_clock
from tests.commands.test_venues import registered
from tests.samples import opened

Later = Callable[..., int]


def raised(office: Office) -> list[tuple[str, int, str]]:
    """Each alert: by which event it was armed, its rung, and at what time it came."""
    with office.store.reading() as driver:
        rows = driver.execute("SELECT armed_by, rung, raised_at FROM alert ORDER BY raised_at, rung").fetchall()
    return [(f"event {armed}", rung, _clock(office, at)) for armed, rung, at in rows]


def _clock(office: Office, at: int) -> str:
    from engine.core.case import moment  # noqa: PLC0415 - only here

    return moment(at).astimezone(office.book().zone).strftime("%d %H:%M")


def verified(office: Office, case: str) -> None:
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})


def postpone(office: Office, case: str, kind: str, user: str = "shenpi", **length: int) -> dict[str, Any]:
    return put_off(office, case, kind, "verify", timedelta(**length), office.actor(user), "等住户回家")


def test_an_acknowledged_ladder_stops_and_goes_on_after_four_hours_without_work(office: Office, later: Later) -> None:
    case = opened(office)
    later(minutes=100)
    assert acknowledge(office, case, "", office.actor("huaye")) == 1
    later(hours=3)
    assert [rung for _, rung, _ in raised(office)] == [0]
    later(days=2)
    assert raised(office) == [
        ("event 1", 0, "26 09:30"),
        ("event 1", 1, "26 13:40"),  # acknowledged at 9:40
        ("event 1", 2, "26 15:40"),  # the rungs keep their distance
        ("event 1", 3, "26 19:40"),
    ]
    assert audit.verify(office).problems == []


def test_work_on_the_case_keeps_an_acknowledged_ladder_silent(office: Office, later: Later) -> None:
    case = opened(office, contact="次密接", left_on="2022-05-26")
    verified(office, case)
    later(hours=11, minutes=30)
    assert [rung for _, rung, _ in raised(office)] == [0]
    acknowledge(office, case, "", office.actor("zhuanyun"))
    later(hours=3)
    office.advance(
        case, "depart", office.actor("zhuanyun"), {"vehicle": "皖A·00001", "departed_at": office.now().isoformat()}
    )
    later(hours=2)
    assert len(raised(office)) == 1
    later(hours=2)
    assert raised(office)[1:] == [("event 2", 1, "27 02:30")]  # four hours after the departure
    assert audit.verify(office).problems == []


def test_a_rung_that_comes_later_anyway_is_not_brought_forward(office: Office, later: Later) -> None:
    case = opened(office)
    later(hours=4)
    acknowledge(office, case, "", office.actor("huaye"))
    assert [rung for _, rung, _ in raised(office)] == [0, 1, 2]
    later(days=1)
    assert raised(office)[3:] == [("event 1", 3, "26 16:00")]


def test_whoever_acknowledges_the_last_rung_and_does_nothing_is_told_again(office: Office, later: Later) -> None:
    case = opened(office)
    later(days=1)
    acknowledge(office, case, "", office.actor("huaye"))
    later(hours=4)
    later(days=1)
    assert raised(office)[4:] == [("event 1", 4, "27 12:00")]
    assert audit.verify(office).problems == []


def test_an_acknowledgement_without_an_alert_stops_nothing(office: Office, later: Later) -> None:
    case = opened(office)
    assert acknowledge(office, case, "", office.actor("huaye")) == 0
    later(hours=2)
    assert [rung for _, rung, _ in raised(office)] == [0, 1]


def test_an_extended_deadline_is_due_later_and_alerts_anew(office: Office, later: Later) -> None:
    case = opened(office)
    later(hours=2)
    before = office.case(case, office.actor("shenpi"))[0]
    answer = postpone(office, case, "extended", hours=6)
    assert answer["deadlines"] == {"verify": "2022-05-26T16:00:00+08:00"}
    after, _ = office.case(case, office.actor("shenpi"))
    assert (after.opened_at, after.entered, after.stages) == (before.opened_at, before.entered, before.stages)
    shown = case_show(office, case, office.actor("shenpi"))
    assert shown["why"] == {"verify": "16:00 = 立案 08:00 + 2小时（及时.核查，二（一）1） + 延期 6小时"}
    assert shown["timeline"][-1]["what"] == "时限 核查延期 6小时"
    later(hours=6)
    assert raised(office) == [
        ("event 1", 0, "26 09:30"),
        ("event 1", 1, "26 10:00"),
        ("event 4", 0, "26 15:30"),
        ("event 4", 1, "26 16:00"),
    ]
    assert audit.verify(office).problems == []


def test_a_key_without_the_arming_event_is_found_to_swallow_the_moved_alert(
    office: Office, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: one alert per case, deadline and rung, whatever armed it."""
    with office.store.writing(0) as writer:
        writer.cursor.execute("CREATE UNIQUE INDEX planted ON alert (case_id, name, rung)")
    case = opened(office)
    later(hours=2)
    postpone(office, case, "extended", hours=6)
    later(hours=6)
    assert {event for event, _, _ in raised(office)} == {"event 1"}
    assert "预警记录与事件推出的不符" in str(audit.verify(office).problems)


def test_an_extension_sent_twice_is_granted_once(office: Office) -> None:
    case = opened(office)
    for _ in range(2):
        answer = put_off(
            office, case, "extended", "verify", timedelta(hours=3), office.actor("shenpi"), "等住户回家", "key-1"
        )
        assert answer["deadlines"] == {"verify": "2022-05-26T13:00:00+08:00"}


def test_extension_has_a_limit_in_all(office: Office) -> None:
    case = opened(office)
    postpone(office, case, "extended", hours=20)
    with pytest.raises(Refused, match="已延期 20小时，最多共 1天"):
        postpone(office, case, "extended", hours=5)
    postpone(office, case, "extended", hours=4)
    with pytest.raises(Refused, match="已延期 1天，最多共 1天"):
        postpone(office, case, "extended", hours=1)


def test_a_shelved_deadline_is_silent_until_its_day_and_then_goes_on(office: Office, later: Later) -> None:
    case = opened(office)
    later(minutes=100)
    answer = postpone(office, case, "shelved", days=3)
    assert answer["deadlines"] == {"verify": "2022-05-26T10:00:00+08:00"}
    (row,) = case_list(office, office.actor("huaye"))
    assert row["shelved_until"] == "2022-05-29 09:40"
    assert case_show(office, case, office.actor("huaye"))["shelved_until"] == {"verify": "2022-05-29 09:40"}
    assert later(days=2) == 0
    later(days=2)
    assert raised(office)[1:] == [
        ("event 1", 1, "29 09:40"),
        ("event 1", 2, "29 11:40"),
        ("event 1", 3, "29 15:40"),
    ]
    (row,) = case_list(office, office.actor("huaye"))
    assert (row["shelved_until"], row["overdue"]) == ("", True)
    assert audit.verify(office).problems == []


def test_shelving_again_goes_on_from_there_within_the_limit_in_all(office: Office) -> None:
    case = opened(office)
    postpone(office, case, "shelved", days=3)
    postpone(office, case, "shelved", days=4)
    assert case_show(office, case, office.actor("huaye"))["shelved_until"] == {"verify": "2022-06-02 08:00"}
    with pytest.raises(Refused, match="已挂账 7天，最多共 7天"):
        postpone(office, case, "shelved", hours=1)
    postpone(office, case, "extended", hours=2)
    assert case_show(office, case, office.actor("huaye"))["shelved_until"] == {"verify": "2022-06-02 08:00"}
    assert audit.verify(office).problems == []


def test_only_an_approver_puts_off_only_what_may_be_put_off_and_says_why(office: Office) -> None:
    case = opened(office)
    with pytest.raises(Refused, match=r"须由 解除审批人（approver） 办理"):
        postpone(office, case, "extended", "huaye", hours=1)
    with pytest.raises(BadInput, match="CASE-019"):
        put_off(office, case, "shelved", "verify", timedelta(hours=1), office.actor("shenpi"), " ")
    with pytest.raises(BadInput, match=r"没有时限 verfy .*did you mean verify"):
        put_off(office, case, "shelved", "verfy", timedelta(hours=1), office.actor("shenpi"), "等")
    verified(office, case)
    with pytest.raises(Refused, match="时限“转运到位”不能延期"):
        put_off(office, case, "extended", "transfer", timedelta(hours=1), office.actor("shenpi"), "等")


def test_the_reason_of_a_delay_is_sealed(office: Office) -> None:
    case = opened(office)
    postpone(office, case, "shelved", days=1)
    raw = b"".join(path.read_bytes() for path in office.store.path.parent.iterdir())
    assert "等住户回家".encode() not in raw


def test_an_acknowledgement_that_stops_nothing_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: alerts are marked, and the ladder climbs on."""

    class Nothing:
        def many(self, *_: Any) -> int:
            return 0

    monkeypatch.setitem(store.EFFECTS, "quiet", Nothing())
    case = opened(office)
    move_clock(office, timedelta(minutes=100))
    acknowledge(office, case, "", office.actor("huaye"))
    assert "时限记录与事件推出的不符" in str(audit.verify(office).problems)


def test_a_deadline_is_put_off_by_its_title_too(office: Office) -> None:
    case, day = opened(office), timedelta(hours=2)
    answer = put_off(office, case, "extended", "核查", day, office.actor("shenpi"), "等住户回家")
    assert answer["deadlines"] == {"verify": "2022-05-26T12:00:00+08:00"}


def open_alerts(office: Office, *, everything: bool = False) -> list[tuple[str, str]]:
    listed = alert_list(office, office.actor("huaye"), everything=everything)
    return [(row["title"], row["superseded"]) for row in listed]


def test_alerts_of_a_deadline_that_moved_or_ended_since_are_no_longer_open(office: Office, later: Later) -> None:
    case = opened(office)
    later(hours=2)
    assert open_alerts(office) == [("核查", ""), ("核查", "")]
    postpone(office, case, "extended", hours=6)
    assert open_alerts(office) == []
    assert open_alerts(office, everything=True) == [("核查", "moved"), ("核查", "moved")]
    later(hours=6)
    assert open_alerts(office) == [("核查", ""), ("核查", "")]
    verified(office, case)
    assert open_alerts(office) == []
    assert {past for _, past in open_alerts(office, everything=True)} == {"ended"}


def test_an_alert_that_no_deadline_stands_behind_stays_open_until_somebody_takes_note(office: Office) -> None:
    person = {"name": "丙", "phone": "13922222222", "community": "华业社区"}
    office.open_case("person", person, office.actor("huaye"))
    (alert,) = alert_list(office, office.actor("shuju"))
    assert (alert["title"], alert["superseded"]) == ("没有规则覆盖", "")


FIELDS: dict[str, Callable[[Office], str]] = {
    "转运专班": lambda office: _verified(office, opened(office, community="铁路新村社区")),
    "党群工作部": lambda office: _told(office, "负面舆情"),
    "市场监督管理所": lambda office: registered(office, "冷冻肉制品经营单位").id,
    "应急办": lambda office: _told(office, "对接事项", community="东七社区"),
}
"""Cases of departments whose leader is not the one of the community they are in."""


def _verified(office: Office, case: str) -> str:
    office.advance(case, "verify", office.actor("tielu"), {"checked_at": office.now().isoformat()})
    return case


def _told(office: Office, nature: str, community: str = "华业社区") -> str:
    facts = {"nature": nature, "summary": "示例", "community": community}
    return str(office.open_case("info", facts, office.actor("huaye"))["case"])


@pytest.mark.parametrize("department", FIELDS)
def test_where_the_leader_of_the_field_is_told_so_is_the_one_of_the_community(
    department: str, office: Office, later: Later
) -> None:
    case = FIELDS[department](office)
    later(days=4)
    organisation = office.book().organisation
    found, _ = office.case(case, office.actor("shuju"))
    community = str(found.facts["community"])
    both = [organisation.leader_of(unit) for unit in (found.owner, found.lead, community)]
    told = [row for row in alert_list(office, office.actor("shuju"), of=case, most=1000) if row["level"] == "红"]
    assert {row["told"] for row in told} == {"、".join(dict.fromkeys(both))}
    assert len(set(both)) == 2
    assert department in (found.owner, found.lead)
    assert audit.verify(office).problems == []
