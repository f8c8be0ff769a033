from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.core.errors import BadInput, Damaged
from engine.proof import audit
from engine.reading.queries import case_list
from engine.service import Office
from engine.timing.delivery import deliver
from engine.timing.scheduler import tick
from engine.timing.sweep import move_clock, sweep, sweep_once
from tests.samples import opened

Later = Callable[..., int]


def alerts(office: Office) -> list[tuple[Any, ...]]:
    with office.store.reading() as driver:
        found: list[tuple[Any, ...]] = driver.execute(
            "SELECT name, rung, level, told FROM alert ORDER BY raised_at, rung"
        ).fetchall()
        return found


def test_each_rung_is_raised_once_at_its_time_to_whom_the_ladder_says(office: Office, later: Later) -> None:
    opened(office)
    assert later(minutes=89) == 0
    assert later(minutes=1) == 1
    assert later(days=3) == 3
    assert alerts(office) == [
        ("verify", 0, "提醒", "华业社区"),
        ("verify", 1, "蓝", "华业社区"),
        ("verify", 2, "黄", "华业社区主要负责人"),
        ("verify", 3, "红", "示例·分管领导甲"),
    ]
    assert sweep(office) == 0
    assert audit.verify(office).problems == []


def test_a_moved_clock_sweeps_at_each_due_instant(office: Office, later: Later) -> None:
    opened(office)
    later(days=2)
    with office.store.reading() as driver:
        times = driver.execute("SELECT raised_at - due FROM alert ORDER BY rung").fetchall()
    assert [late // 60_000_000 for (late,) in times] == [-30, 0, 120, 360]


def test_catching_up_after_silence_raises_every_rung_once(office: Office) -> None:
    opened(office)
    target = office.now() + timedelta(days=5)
    office.set_clock(int(target.timestamp() * 1_000_000))  # nobody swept meanwhile
    assert sweep(office) == 4
    assert [rung for _, rung, _, _ in alerts(office)] == [0, 1, 2, 3]


def test_a_step_done_in_time_is_not_alerted(office: Office, later: Later) -> None:
    case = opened(office)
    later(hours=1)
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    later(hours=2)
    assert alerts(office) == []


def test_nobody_matched_by_the_rules_raises_an_alert_at_once(office: Office) -> None:
    office.open_case("person", {"name": "甲乙", "pcr_result": "阴性", "community": "和平社区"}, office.actor("heping"))
    assert alerts(office) == [("no_match", 0, "蓝", "社会事务部主要负责人")]
    assert audit.verify(office).problems == []


def test_messages_are_delivered_at_least_once_and_then_no_more(office: Office, later: Later) -> None:
    opened(office)
    later(hours=2)
    sent: list[str] = []

    def die(_: str, text: str) -> None:
        sent.append(text)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(office, die)  # sent, but not yet noted
    assert deliver(office, lambda _, text: sent.append(text)) == 2
    assert sent[0] == sent[1]
    assert "提醒" in sent[0]
    assert deliver(office, lambda _, text: sent.append(text)) == 0


def test_a_tick_leaves_a_heartbeat(office: Office) -> None:
    opened(office)
    assert tick(office) == 0
    with office.store.reading() as driver:
        assert driver.execute("SELECT at FROM heartbeat WHERE name = 'sweeper'").fetchall() == [
            (int(office.now().timestamp() * 1_000_000),)
        ]


def test_a_batch_takes_no_more_than_asked(office: Office, later: Later) -> None:
    for number in range(3):
        opened(office, id_number="", name=f"甲{number}", phone=f"1390000000{number}")
    office.set_clock(int((office.now() + timedelta(hours=2)).timestamp() * 1_000_000))
    assert sweep_once(office, 2) == 2
    assert sweep(office) == 4


def test_a_clock_only_goes_forward(office: Office) -> None:
    with pytest.raises(BadInput, match="只能往前拨"):
        move_clock(office, timedelta(hours=-1))


@pytest.mark.parametrize("snapshot", ["{broken", "{}", "", "[]"])
def test_one_damaged_record_does_not_silence_the_others(office: Office, later: Later, snapshot: str) -> None:
    damaged = opened(office)
    whole = opened(office, id_number="", name="甲乙", phone="13900000002")
    with office.store.writing(0) as writer:
        writer.cursor.execute('UPDATE "case" SET snapshot = ? WHERE id = ?', (snapshot, damaged))
    later(minutes=90)
    with office.store.reading() as driver:
        told = driver.execute("SELECT case_id FROM alert WHERE name = 'verify'").fetchall()
        aside = {case for (case,) in driver.execute("SELECT case_id FROM incident").fetchall()}
    assert (whole,) in told
    assert damaged in aside or (damaged,) in told
    listed = {row["case"] for row in case_list(office, office.actor("huaye"))}
    assert {damaged, whole} <= listed
    assert [damaged in str(problem) for problem in audit.verify(office).problems].count(True) > 0
    with pytest.raises(Damaged, match=f"案件 {damaged} 的记录已损坏"):
        office.case(damaged, office.actor("huaye"))


def test_one_broken_deadline_does_not_silence_the_others(office: Office, later: Later) -> None:
    broken = opened(office)
    opened(office, id_number="", name="甲乙", phone="13900000002")
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE deadline SET ladder = 'gone' WHERE case_id = ?", (broken,))
    assert later(minutes=90) == 2
    assert [name for name, *_ in alerts(office)] == ["verify"]
    with office.store.reading() as driver:
        (data,) = driver.execute("SELECT data FROM event WHERE type = 'set_aside'").fetchone()
    assert broken in data
