from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.cli import main
from engine.commands import tasks
from engine.commands.children import open_child
from engine.commands.noting import acknowledge
from engine.commands.standing import open_standing
from engine.core.errors import Refused
from engine.core.values import parse_time
from engine.intake.take import take
from engine.proof import audit
from engine.reading.queries import alert_list, case_list
from engine.service import Office
from engine.timing.loop import check, nightly
from engine.timing.sweep import move_clock, sweep
from engine.timing.undone import Undone, idle, undone
from tests.commands.test_venues import registered
from tests.conftest import Make
from tests.samples import CONTACT, opened, quarantined

Later = Callable[..., int]


def plant(office: Office, sql: str, *args: str) -> None:
    with office.store.writing(0) as writer:
        writer.cursor.execute(sql, args)


def found(office: Office) -> list[tuple[str, ...]]:
    return [tuple(breach) for breach in check(office).breaches]


def test_the_loop_of_an_office_at_work_is_closed(office: Office, later: Later, data: Path) -> None:
    quarantined(office)
    take(office, data / "dev3_hotel_2022-05-28.csv", "酒店", office.actor("shuju"))
    later(days=3)
    counted, breaches = check(office)
    assert breaches == []
    assert counted["在办案件"] > 150
    assert counted["名单中的人"] == 250


PLANTED = [
    pytest.param("UPDATE \"case\" SET owner = '' WHERE id = ?", "责任", "没有责任单位", id="no owner"),
    pytest.param("DELETE FROM custody WHERE case_id = ? AND until IS NULL", "责任", "此刻无人负责", id="nobody now"),
    pytest.param(
        "UPDATE custody SET unit = '和平社区' WHERE case_id = ? AND until IS NULL",
        "责任",
        "不符",
        id="another than told",
    ),
    pytest.param(
        "UPDATE custody SET until = until - 1 WHERE case_id = ? AND until IS NOT NULL", "责任", "空缺", id="a hole"
    ),
    pytest.param("DELETE FROM deadline WHERE case_id = ?", "工作", "没有时限", id="no deadline"),
    pytest.param("UPDATE \"case\" SET final = 'released' WHERE id = ?", "责任", "仍有人负责", id="closed but held"),
    pytest.param("UPDATE \"case\" SET owner = '不存在的单位' WHERE id = ?", "责任", "已不存在", id="no such unit"),
    pytest.param("UPDATE \"case\" SET state = 'released' WHERE id = ?", "流程", "没有下一步", id="no way on"),
]


@pytest.mark.parametrize(("sql", "closure", "what"), PLANTED)
def test_every_gap_is_found(office: Office, sql: str, closure: str, what: str) -> None:
    case = quarantined(office)
    plant(office, sql, case)
    assert any(each[0] == closure and what in each[1] and each[2] == case for each in found(office))


def test_a_child_its_parent_knows_nothing_of_is_found(office: Office) -> None:
    parent = quarantined(office)
    raw = {"name": "次密接甲", "phone": "13900020077", "community": "和平社区", "last_exposure": "2022-05-25"}
    child = open_child(office, parent, "", raw, office.actor("shewu"))["case"]
    assert found(office) == []
    plant(office, "UPDATE \"case\" SET final = 'released' WHERE id = ?", child)
    assert ("流程", "名下案件与它自己的记录不符", parent) in found(office)


def test_a_row_without_an_outcome_is_found(office: Office, data: Path) -> None:
    taken = take(office, data / "dev3_hotel_2022-05-28.csv", "酒店", office.actor("shuju"))
    plant(office, "UPDATE intake_row SET case_id = '' WHERE file = ? AND row = 5", taken.file)
    assert [breach for breach in found(office) if "没有唯一的着落" in breach[1]] != []


def test_a_gap_is_alerted_once_a_night_however_many_ask(office: Office, later: Later) -> None:
    case = quarantined(office)
    opened(office, id_number="", name="甲乙", phone="13900000002")
    later(hours=17)
    plant(office, "DELETE FROM deadline WHERE case_id = ? AND instr(name, '@') = 0", case)
    assert nightly(office) == 0  # one in the morning: this day's check was made, and the next is due at two
    office.set_clock(int(office.now().timestamp() * 1_000_000) + 2 * 3_600_000_000)
    counted: list[int] = []
    threads = [threading.Thread(target=lambda: counted.append(nightly(office))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == [0, 0, 0, 1]
    alerts = [alert for alert in alert_list(office, office.actor("shuju")) if alert["deadline"] == "breach"]
    assert [alert["case"] for alert in alerts] == [case]
    assert nightly(office) == 0


def test_the_check_of_the_night_leaves_a_sound_record(make_office: Make) -> None:
    office = make_office()
    quarantined(office)
    office.set_clock(int(office.now().timestamp() * 1_000_000) + 24 * 3_600_000_000)
    sweep(office)
    assert audit.verify(office).problems == []
    with office.store.reading() as driver:
        assert driver.execute("SELECT count(*) FROM heartbeat WHERE name = 'loop'").fetchone() == (1,)


def test_a_row_that_is_asked_about_waits_with_its_list_after_the_case_of_the_person_is_closed(
    office: Office, tmp_path: Path
) -> None:
    case = opened(office)
    path = tmp_path / "list.csv"
    path.write_text(f"姓名,身份证号\n另一人,{CONTACT['id_number']}\n", "utf-8")
    taken = take(office, path, "酒店", office.actor("shuju"))
    assert [(line.outcome, line.case) for line in taken.lines] == [("ask", case)]
    office.advance(case, "close_false_alarm", office.actor("shewu"), {"proof": "P"})
    assert found(office) == []
    plant(office, "UPDATE \"case\" SET final = 'closed' WHERE id = ?", taken.matter)
    assert [breach for breach in found(office) if "没有唯一的着落" in breach[1]] != []


def test_what_is_overdue_is_told_by_measure_and_unit_until_it_is_done(office: Office, later: Later) -> None:
    case = registered(office, "网吧", community="和平社区").id
    assert undone(office) == []
    later(hours=14)
    told = undone(office)
    assert Undone("场所管理·每日巡查", "和平社区", 1, 0) in told
    assert sum(each.overdue for each in told) == len(told) == 9
    at = parse_time("2022-05-26T18:00+08:00")
    assert tasks.done(office, "ventilation", [(case, "落实")], office.actor("heping"), at=at)[0].refused == ""
    assert sum(each.overdue for each in undone(office)) == 8


def test_what_was_missed_keeps_the_loop_open_until_somebody_has_taken_note(office: Office, later: Later) -> None:
    case = registered(office, "网吧", community="和平社区").id
    later(hours=14)
    office.advance(case, "remove", office.actor("shewuzhang"), {"ended_at": "2022-05-26 21:00", "proof": "P1"})
    assert Undone("场所管理·每日巡查", "和平社区", 0, 1) in undone(office)
    acknowledge(office, case, "", office.actor("shuju"))
    assert undone(office) == []
    assert audit.verify(office).problems == []


def test_a_duty_that_was_ended_is_named_and_one_that_is_done_once_is_not(office: Office) -> None:
    open_standing(office)
    assert idle(office) == []
    cases = {row["category"]: row["case"] for row in case_list(office, office.actor("shewu"))}
    office.advance(cases["签收方案"], "sign", office.actor("shewu"), {"signed_at": office.now().isoformat()})
    office.advance(cases["数据日报"], "propose_end", office.actor("shewu"), {"proof": "文-1"})
    assert idle(office) == []
    office.advance(cases["数据日报"], "end", office.actor("shewuzhang"))
    assert idle(office) == ["数据日报、社会事务部"]


def main_exits(code: int) -> None:
    with pytest.raises(SystemExit) as told:
        main()
    assert (told.value.code or 0) == code


def test_the_command_says_that_the_loop_is_not_closed_while_work_is_overdue(
    make_office: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office = make_office()
    registered(office, "网吧", community="和平社区")
    monkeypatch.setenv("BIHUAN_KEYS", str(tmp_path / "keys" / "master.key"))
    monkeypatch.setattr("sys.argv", ["bihuan", "loop", "--db", str(office.store.path)])
    main_exits(0)
    assert "闭环合上了" in capsys.readouterr().out
    move_clock(office, timedelta(hours=14))
    main_exits(Refused.exit_code)
    told = capsys.readouterr()
    assert "闭环合上了" not in told.out
    assert "场所管理·每日巡查" in told.out
    assert "LOOP-002" in told.err
