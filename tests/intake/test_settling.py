"""Nobody drops out of the loop: refused rows stay with their matter until each is settled, and are counted once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from engine.commands.privacy import erase
from engine.core.errors import BadInput, Refused
from engine.core.org import Actor
from engine.intake.back import export, write_returned
from engine.intake.settling import settle
from engine.intake.take import Taken, take
from engine.proof import audit
from engine.reading.queries import case_list, case_show
from engine.service import Office
from engine.store import subjects
from tests.conftest import Make
from tests.intake.test_take import GOOD, HEADERS, OTHER, Write, chief, read, write

__all__ = ["chief", "write"]
NAMELESS = ["", *OTHER[1:]]
WRONG = [OTHER[0], "340103198103054100", *OTHER[2:]]


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


def back(office: Office, taken: Taken, path: Path, actor: Actor) -> list[list[Any]]:
    returned = write_returned(office, taken, path, actor)
    assert returned is not None
    return read(returned)


def outstanding(office: Office, matter: str, actor: Actor) -> str:
    return str(case_show(office, matter, actor)["facts"]["未了结行数"])


def test_refused_rows_are_not_settled_by_hand_on_their_matter(office: Office, chief: Actor, write: Write) -> None:
    taken = take(office, write(NAMELESS, WRONG), "区数据组", chief)
    for user in ("shuju", "shewu"):
        actor = office.actor(user)
        told = {"settled_row": 2, "settled_as": "来源撤回", "outstanding": 0}
        with pytest.raises(Refused, match="由系统随其它办理一并完成"):
            office.advance(taken.matter, "settle", actor, told)
        with pytest.raises(Refused, match="由系统随其它办理一并完成"):
            office.advance(taken.matter, "finish", actor)
        assert case_show(office, taken.matter, actor)["can"] == []
    settle(office, taken.file, [2], "来源撤回", chief)
    assert outstanding(office, taken.matter, chief) == "1"


def test_rows_are_settled_all_or_none_and_each_once(office: Office, chief: Actor, write: Write) -> None:
    taken = take(office, write(NAMELESS, WRONG), "区数据组", chief)
    with pytest.raises(BadInput) as refused:
        settle(office, taken.file, [2, 41, 10**20, 2], "来源撤回", chief)
    assert "第 41 行没有待了结的事" in str(refused.value)
    assert len(refused.value.problems) == 2
    assert outstanding(office, taken.matter, chief) == "2"
    with pytest.raises(BadInput, match="没有这个选项"):
        settle(office, taken.file, [2], "算了", chief)
    done = settle(office, taken.file, [2, 3, 2], "来源撤回", chief)
    assert (done["settled"], done["final"]) == (2, "closed")
    assert audit.verify(office).problems == []


def test_rows_that_are_wrong_again_stay_with_the_first(
    office: Office, chief: Actor, write: Write, tmp_path: Path
) -> None:
    path = write(GOOD, NAMELESS, WRONG)
    first = take(office, path, "区数据组", chief)
    rows = back(office, first, path, chief)
    unchanged = take(office, workbook(tmp_path / "again.xlsx", rows), "区数据组", chief)
    assert (unchanged.count(), unchanged.matter) == ({"refused": 2}, first.matter)
    assert [line.answers for line in unchanged.lines] == [f"{first.file}-3", f"{first.file}-4"]
    assert outstanding(office, first.matter, chief) == "2"
    assert len([row for row in case_list(office, chief) if row["workflow"] == "list_check"]) == 1
    rows_again = back(office, unchanged, tmp_path / "again.xlsx", chief)
    assert [row[1] for row in rows_again[1:]] == [f"{first.file}-3", f"{first.file}-4"]
    rows_again[1][2] = "王示例"
    third = take(office, workbook(tmp_path / "third.xlsx", rows_again), "区数据组", chief)
    assert third.count() == {"opened": 1, "refused": 1}
    assert outstanding(office, first.matter, chief) == "1"
    assert settle(office, third.file, [3], "来源撤回", chief)["final"] == "closed"
    assert audit.verify(office).problems == []


def test_the_same_wrong_rows_in_another_file_make_no_other_matter(office: Office, chief: Actor, write: Write) -> None:
    first = take(office, write(GOOD, NAMELESS), "区数据组", chief)
    more = take(office, write(NAMELESS, WRONG, name="2.csv"), "区数据组", chief)
    assert more.lines[0].answers == f"{first.file}-3"
    assert more.lines[1].answers == ""
    assert outstanding(office, first.matter, chief) == outstanding(office, more.matter, chief) == "1"
    assert more.matter != first.matter


def test_a_failure_while_settling_leaves_the_list_out_too(
    office: Office, chief: Actor, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(NAMELESS)
    first = take(office, path, "区数据组", chief)
    rows = back(office, first, path, chief)
    rows[1][2] = "王示例"

    def break_down(*_: object) -> None:
        raise RuntimeError("the disk went away")

    monkeypatch.setattr("engine.intake.take.mark", break_down)
    with pytest.raises(RuntimeError, match="the disk went away"):
        take(office, workbook(tmp_path / "c.xlsx", rows), "区数据组", chief)
    assert [row["workflow"] for row in case_list(office, chief)] == ["list_check"]


def test_the_sender_is_told_what_became_of_corrected_rows(
    office: Office, chief: Actor, write: Write, tmp_path: Path
) -> None:
    path = write(NAMELESS, WRONG)
    first = take(office, path, "区数据组", chief)
    rows = back(office, first, path, chief)
    rows[1][2] = "王示例"
    second = take(office, workbook(tmp_path / "c.xlsx", rows), "区数据组", chief)
    case = second.lines[0].case
    told = [row[-4:-1] for row in read(export(office, first.file, tmp_path / "out.xlsx", chief)[0])[1:]]
    assert told == [["更正后已立案", case, "已登记"], ["退回", first.matter, "待核对"]]


def test_erasing_a_corrected_person_reaches_the_row_that_was_refused(
    office: Office, chief: Actor, write: Write, tmp_path: Path
) -> None:
    path = write(NAMELESS)
    first = take(office, path, "区数据组", chief)
    rows = back(office, first, path, chief)
    take(office, workbook(tmp_path / "same.xlsx", rows), "区数据组", chief)
    rows[1][2] = "王示例"
    second = take(office, workbook(tmp_path / "c.xlsx", rows), "区数据组", chief)
    case, _ = office.case(second.lines[0].case, chief)
    evidence = {"calls_made": 3, "visited_at": office.now().isoformat(), "proof": "P"}
    office.advance(case.id, "close_not_found", office.actor("heping"), evidence)
    erase(office, case.subject, office.actor("guanli"))
    with office.store.reading() as driver:
        kept = driver.execute("SELECT count(*) FROM vault WHERE field LIKE 'row:%'").fetchone()
    assert kept == (0,)


def test_a_known_number_with_another_name_is_asked_about_and_not_merged(
    office: Office, chief: Actor, write: Write
) -> None:
    first = take(office, write(GOOD), "区数据组", chief)
    other = take(office, write(["赵另人", *GOOD[1:]], ["李\u3000示例", *GOOD[1:]], name="2.csv"), "酒店", chief)
    assert [line.outcome for line in other.lines] == ["ask", "linked"]
    assert other.lines[0].why == "与已知人员相同，但姓名不同，请核对是不是同一人"
    assert other.matter
    case, _ = office.case(first.lines[0].case, chief)
    with office.store.reading() as driver:
        key = subjects.keys(driver, office.master, [case.subject])[case.subject]
        assert subjects.opened(driver, key)["name"] == GOOD[0]


def test_what_sources_say_differently_is_shown_with_the_case(office: Office, chief: Actor, write: Write) -> None:
    first = take(office, write(GOOD), "区数据组", chief)
    second = take(office, write([*GOOD[:3], "和平社区", *GOOD[4:]], name="2.csv"), "酒店", chief)
    facts = case_show(office, first.lines[0].case, chief)["facts"]
    assert facts["所属社区"] == "华业社区"
    assert facts[f"所属社区（来自 酒店 {second.file}:2）"] == "和平社区"


def test_what_one_source_returned_is_not_settled_by_another(make_office: Make, write: Write, tmp_path: Path) -> None:
    office = make_office()
    actor = office.actor("shuju")
    path = write(NAMELESS)
    first = take(office, path, "区数据组", actor)
    rows = back(office, first, path, actor)
    rows[1][2] = "王示例"
    take(office, workbook(tmp_path / "c.xlsx", rows), "酒店", actor)
    assert outstanding(office, first.matter, actor) == "1"
    assert HEADERS[0] in rows[0]
