from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import areas
from engine.commands.corrections import correct
from engine.core.case import Case
from engine.proof import audit
from engine.reading.queries import case_show
from engine.service import Office
from engine.timing import lookback
from engine.timing.sweep import sweep

Later = Callable[..., int]
HEAD = "province,city,county,area,level,listed_from,listed_until\n"
STAY = {"来源地省": "省", "来源地市": "市", "来源地县区": "县", "来源地详址": "甲小区", "离开时间": "2022-05-24"}


def listed(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "areas.csv"
    path.write_text(HEAD + "".join(f"省,市,县,{row}\n" for row in rows), "utf-8")
    return path


def arrived(office: Office, number: int = 0, **facts: Any) -> str:
    named = {"name": f"来人{number}", "phone": f"1390003{number:04d}", "community": "和平社区"}
    return str(office.open_case("person", named | STAY | facts, office.actor("heping"))["case"])


def seen(office: Office, case: str) -> Case:
    return office.case(case, office.actor("shuju"))[0]


def current(office: Office, case: str) -> Case:
    """The case that goes on in the stead of this one."""
    with office.store.reading() as driver:
        row = driver.execute(
            "SELECT id FROM \"case\" WHERE json_extract(snapshot, '$.follows') = ?", (case,)
        ).fetchone()
    return seen(office, row[0] if row else case)


def test_a_list_that_comes_later_re_routes_who_was_there(office: Office, tmp_path: Path, later: Later) -> None:
    case = arrived(office)
    assert (seen(office, case).workflow, seen(office, case).category) == ("registration", "登记备案")
    later(hours=10)
    path = listed(tmp_path, "甲小区,high,2022-05-26T12:00+08:00,")
    shown = areas.load(office, path, office.actor("shuju"), dry_run=True)
    assert (shown["stays"], shown["higher"], shown["total"]) == (1, 1, 1)
    assert seen(office, case).final == ""
    told = areas.load(office, path, office.actor("shuju"))
    assert (told["higher"], told["rerouted"], told["opened"]) == (1, 1, 0)
    now = current(office, case)
    assert (now.workflow, now.category, now.facts["origin_how"]) == ("arrival", "高风险来返", "retroactive")
    with office.store.reading() as driver:
        alerts = driver.execute("SELECT name FROM alert WHERE name = 'looked_back'").fetchall()
    assert len(alerts) == 1
    assert audit.verify(office).problems == []


def test_whose_case_was_closed_has_one_again(office: Office, tmp_path: Path, later: Later) -> None:
    case = arrived(office)
    office.advance(case, "inform", office.actor("heping"), {"informed_at": office.now().isoformat()})
    assert seen(office, case).final
    later(hours=10)
    told = areas.load(office, listed(tmp_path, "甲小区,medium,2022-05-26T12:00+08:00,"), office.actor("shuju"))
    assert (told["rerouted"], told["opened"]) == (0, 1)
    assert current(office, case).category == "中风险来返"
    again = listed(tmp_path, "甲小区,medium,2022-05-26T12:00+08:00,", "乙小区,low,2022-05-26T12:00+08:00,")
    assert areas.load(office, again, office.actor("shuju"))["opened"] == 0
    assert audit.verify(office).problems == []


def test_a_lower_level_or_another_place_moves_nobody(office: Office, tmp_path: Path) -> None:
    areas.load(office, listed(tmp_path, "甲小区,high,2022-05-20T00:00+08:00,"), office.actor("shuju"))
    case = arrived(office)
    assert seen(office, case).category == "高风险来返"
    rows = (
        "甲小区,high,2022-05-20T00:00+08:00,",
        "甲小区,low,2022-05-25T00:00+08:00,",
        "丙小区,high,2022-05-01T00:00+08:00,",
    )
    told = areas.load(office, listed(tmp_path, *rows), office.actor("shuju"))
    assert told["higher"] == 0
    assert seen(office, case).seq == 1


def test_a_stay_told_or_corrected_later_is_looked_at_too(office: Office, tmp_path: Path, later: Later) -> None:
    case = arrived(office, 来源地详址="乙小区")
    correct(office, case, {"origin_area": "甲小区"}, "写错了", office.actor("heping"))
    later(hours=10)
    told = areas.load(office, listed(tmp_path, "甲小区,high,2022-05-26T12:00+08:00,"), office.actor("shuju"))
    assert told["rerouted"] == 1
    assert audit.verify(office).problems == []


def test_a_correction_of_the_place_is_matched_at_once(office: Office, tmp_path: Path) -> None:
    areas.load(office, listed(tmp_path, "甲小区,high,2022-05-20T00:00+08:00,"), office.actor("shuju"))
    case = arrived(office, 来源地详址="乙小区", 来源地县区="他县")
    assert seen(office, case).category == "登记备案"
    facts = {"origin_area": "甲小区", "origin_county": "县"}
    done = correct(office, case, facts, "写错了", office.actor("heping"))
    assert done["category"] == "高风险来返"


def test_a_crash_between_loading_and_looking_back_forgets_nobody(
    office: Office, tmp_path: Path, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [arrived(office, number) for number in range(3)]
    later(hours=10)
    with monkeypatch.context() as broken:
        broken.setattr(lookback, "look_back", lambda _: {})
        areas.load(office, listed(tmp_path, "甲小区,high,2022-05-26T12:00+08:00,"), office.actor("shuju"))
    assert {seen(office, case).workflow for case in cases} == {"registration"}
    sweep(office)
    assert {current(office, case).workflow for case in cases} == {"arrival"}


def test_an_erased_person_is_not_looked_for(office: Office, tmp_path: Path, later: Later) -> None:
    from engine.commands.privacy import erase  # noqa: PLC0415 - only here

    case = arrived(office)
    office.advance(case, "inform", office.actor("heping"), {"informed_at": office.now().isoformat()})
    erase(office, seen(office, case).subject, office.actor("guanli"))
    with office.store.reading() as driver:
        assert driver.execute("SELECT count(*) FROM stay").fetchone() == (0,)
    later(hours=10)
    told = areas.load(office, listed(tmp_path, "甲小区,high,2022-05-26T12:00+08:00,"), office.actor("shuju"))
    assert told["stays"] == 0


def test_an_area_taken_off_the_list_ends_the_isolation_of_who_came_from_there(
    office: Office, tmp_path: Path, later: Later
) -> None:
    areas.load(office, listed(tmp_path, "甲小区,medium,2022-05-20T00:00+08:00,"), office.actor("shuju"))
    case = arrived(office)
    assert (seen(office, case).category, seen(office, case).facts["origin_now"]) == ("中风险来返", "medium")
    later(hours=30)
    path = listed(tmp_path, "甲小区,medium,2022-05-20T00:00+08:00,2022-05-27T10:00+08:00")
    assert areas.load(office, path, office.actor("shuju"))["rerouted"] == 0
    now = seen(office, case)
    assert (now.category, now.facts["origin_level"], now.facts["origin_now"]) == ("中风险来返", "medium", "none")
    assert now.cut_short == {"isolation": office.now()}
    assert case_show(office, case, office.actor("shuju"))["clocks"]["隔离（监测）"]["note"] == "（已提前结束）"
    assert audit.verify(office).problems == []
