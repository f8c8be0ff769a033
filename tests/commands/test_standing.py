"""Cases of which one is always open: once each, by the system, planned like any other."""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.commands.standing import open_standing
from engine.proof.audit import verify
from engine.reading.queries import case_list, task_list
from engine.service import Office
from tests.samples import published


def test_each_is_opened_once_whoever_asks_how_often(office: Office) -> None:
    opened = open_standing(office)
    assert len(opened) == len(office.book().standing) > 1
    assert open_standing(office) == []
    with office.store.reading() as driver:
        actors = driver.execute("SELECT DISTINCT actor FROM event WHERE case_id <> 'system'").fetchall()
    assert actors == [("system",)]
    assert not verify(office).problems


def test_two_who_open_them_at_once_open_each_once(office: Office) -> None:
    opened: list[str] = []
    barrier = threading.Barrier(2)

    def go() -> None:
        barrier.wait()
        opened.extend(open_standing(office))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == len(office.book().standing)
    assert len(case_list(office, office.actor("shuju"))) == len(opened)


def test_what_is_declared_and_was_ended_is_opened_again_with_the_next_release(
    office: Office, pack_files: dict[str, bytes]
) -> None:
    open_standing(office)
    case = next(row["case"] for row in case_list(office, office.actor("shewu")) if row["category"] == "数据日报")
    office.advance(case, "propose_end", office.actor("shewu"), {"proof": "文-1"})
    office.advance(case, "end", office.actor("shewuzhang"))
    changed = pack_files["rules/terms.yaml"] + b"# v2\n"
    (again,) = published(office, pack_files | {"rules/terms.yaml": changed})["standing"]
    assert again != case
    assert office.case(again, office.actor("shuju"))[0].release == 2


def test_its_schedules_make_the_tasks_and_a_late_report_is_overdue_and_climbs(
    office: Office, later: Callable[..., int]
) -> None:
    open_standing(office)
    later(hours=9, minutes=5)  # 17:05
    shuju = office.actor("shewu")
    (row,) = [
        row for row in task_list(office, shuju) if row["task"] == "submit" and row["due"].startswith("2022-05-26")
    ]
    assert not row["overdue"]
    later(hours=8)
    with office.store.reading() as driver:
        told = driver.execute("SELECT told FROM alert WHERE name LIKE 'submissions%' ORDER BY raised_at").fetchall()
    assert told == [("社会事务部",), ("社会事务部",), ("社会事务部主要负责人",), ("示例·分管领导甲",)]


def test_each_unit_signs_for_the_plan_and_again_for_the_next_release(
    office: Office, pack_files: dict[str, bytes], later: Callable[..., int]
) -> None:
    open_standing(office)
    listed = case_list(office, office.actor("shuju"), most=1000)
    asked = {row["owner"]: row["case"] for row in listed if row["category"] == "签收方案"}
    units = office.book().organisation.units.values()
    assert set(asked) == {unit.name for unit in units if unit.kind in ("department", "community")}
    office.advance(asked["物业办"], "sign", office.actor("wuye"), {"signed_at": office.now().isoformat()})
    later(hours=31)
    told = "SELECT count(*) FROM alert WHERE case_id = ? AND level = '红'"
    with office.store.reading() as driver:
        assert driver.execute(told, (asked["城管中队"],)).fetchone() == (1,)
        assert driver.execute(told, (asked["物业办"],)).fetchone() == (0,)
    files = pack_files | {"rules/terms.yaml": pack_files["rules/terms.yaml"] + b"# v2\n"}
    (again,) = published(office, files)["standing"]
    assert office.case(again, office.actor("wuye"))[0].owner == "物业办"
