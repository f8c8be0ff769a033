"""What a draft does to the cases of an office: counted, listed, kept with the draft, written as a workbook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from python_calamine import CalamineWorkbook

from engine.commands import drafts
from engine.core.errors import BadInput, Refused
from engine.packs.pack import compile_pack
from engine.proof.audit import verify
from engine.reading import impact as reading
from engine.reading.releases import draft_of
from engine.reading.reportbook import workbook
from engine.service import Office
from tests.samples import opened

Files = dict[str, bytes]
TERMS, VENUES = "rules/terms.yaml", "rules/venues.yaml"


def shorter(files: Files) -> Files:
    """及时核查: half an hour instead of two."""
    text = files[TERMS].decode()
    assert "及时.核查: {within: 2h" in text
    return files | {TERMS: text.replace("及时.核查: {within: 2h", "及时.核查: {within: 30m", 1).encode()}


def weighed(office: Office, files: Files, back: timedelta = timedelta(days=90)) -> dict[str, Any]:
    return reading.impact(office, office.book(1), compile_pack(files, stored=True), office.now(), back)


def test_a_shorter_time_is_another_deadline_and_may_be_overdue_at_once(
    office: Office, pack_files: Files, later: Callable[..., int]
) -> None:
    case = opened(office, name="甲示例", phone="13900000001", last_exposure="2022-05-26")
    told = weighed(office, shorter(pack_files))
    assert told["cases"] == {"decided": told["cases"]["open"], "open": told["cases"]["open"], "changed": 1}
    assert told["overdue"] == {"cases": 0, "deadlines": 0}
    (line,) = told["listed"]
    assert (line["case"], line["open"], line["overdue"]) == (case, True, [])
    assert [(change["kind"], change["before"], change["after"]) for change in line["changes"]] == [
        ("due", "2022-05-26 10:00", "2022-05-26 08:30")
    ]
    later(hours=1)
    told = weighed(office, shorter(pack_files))
    assert told["overdue"] == {"cases": 1, "deadlines": 1}
    assert len(told["listed"][0]["overdue"]) == 1


def test_units_that_gain_and_lose_are_counted(office: Office, pack_files: Files) -> None:
    for number in range(3):
        opened(office, name="甲示例", phone=f"1390000000{number}", id_number="", last_exposure="2022-05-26")
    text = pack_files["rules/persons.yaml"].decode()
    row = text[text.index("id: P03") :]
    lead = row[row.index("lead: ") + 6 :].split(",")[0].split("\n")[0].strip()
    files = {
        **pack_files,
        "rules/persons.yaml": text.replace(row, row.replace(f"lead: {lead}", "lead: 应急办", 1)).encode(),
    }
    told = weighed(office, files)
    units = {(each["unit"], each["role"]): each for each in told["units"]}
    assert units["应急办", "lead"]["gained"] == units[lead, "lead"]["lost"] == 3
    assert units["应急办", "lead"]["after"] - units["应急办", "lead"]["before"] == 3


def test_closed_cases_of_the_period_count_and_older_ones_do_not(
    office: Office, pack_files: Files, later: Callable[..., int]
) -> None:
    opened(office, name="甲示例", phone="13900000001", last_exposure="2022-05-26")
    before = weighed(office, pack_files)["cases"]
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE \"case\" SET final = 'closed'")
        writer.cursor.execute("UPDATE \"case\" SET snapshot = json_set(snapshot, '$.final', 'closed')")
    later(days=2)
    assert weighed(office, pack_files)["cases"]["decided"] == before["decided"]
    assert weighed(office, pack_files, timedelta(days=1))["cases"]["decided"] == 0


def test_more_than_are_listed_are_counted_and_said_to_be_so(
    office: Office, pack_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST", 2)
    for number in range(5):
        opened(office, name="甲示例", phone=f"1390000000{number}", id_number="", last_exposure="2022-05-26")
    told = weighed(office, shorter(pack_files))
    assert (told["cases"]["changed"], len(told["listed"]), told["unlisted"]) == (5, 2, 3)
    assert "另有 3 件" in reading.pages(told)[5].title


def test_what_a_draft_does_is_kept_with_it_and_audited(office: Office, pack_files: Files) -> None:
    opened(office, name="甲示例", phone="13900000001", last_exposure="2022-05-26")
    number = drafts.draft(office, shorter(pack_files), office.actor("guanli"), "太慢")
    assert draft_of(office, number, office.actor("guanli"))["impact"] is None
    told = drafts.weigh(office, number, office.actor("pizhun"))
    assert told["changes"]["due"] == 1
    assert draft_of(office, number, office.actor("guanli"))["impact"] == told
    assert not verify(office).problems
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE draft SET impact = '{}'")
    assert "规则的记录与事件不符" in str(verify(office).problems)


def test_nothing_personal_is_in_it(office: Office, pack_files: Files) -> None:
    opened(office, name="甲示例", phone="13912345678", last_exposure="2022-05-26")
    told = orjson.dumps(weighed(office, shorter(pack_files))).decode()
    assert "甲示例" not in told
    assert "13912345678" not in told


def test_only_who_drafts_or_approves_keeps_it_and_only_while_the_draft_waits(office: Office, pack_files: Files) -> None:
    number = drafts.draft(office, shorter(pack_files), office.actor("guanli"), "太慢")
    with pytest.raises(Refused, match="AUTH-002"):
        drafts.weigh(office, number, office.actor("huaye"))
    drafts.approve(office, number, office.actor("pizhun"))
    with pytest.raises(Refused, match="DRAFT-002"):
        drafts.weigh(office, number, office.actor("guanli"))
    with pytest.raises(BadInput, match="DRAFT-001"):
        drafts.weigh(office, 9, office.actor("guanli"))


def test_the_workbook_holds_the_same_figures(office: Office, pack_files: Files, tmp_path: Path) -> None:
    opened(office, name="甲示例", phone="13900000001", last_exposure="2022-05-26")
    told = weighed(office, shorter(pack_files))
    workbook(tmp_path / "impact.xlsx", "规则改动的影响", "说明", reading.pages(told))
    read = CalamineWorkbook.from_path(tmp_path / "impact.xlsx")
    assert read.sheet_names == [
        *("在办的：生效以后", "在办的：单位", "在办的：案件"),
        *("假如全部重判", "假如全部重判：单位", "假如全部重判：案件"),
    ]
    rows = {row[0]: row[1] for row in read.get_sheet_by_name("假如全部重判").to_python()[3:]}
    assert (rows["有改变的"], rows["　时限"]) == (1, 1)
    cells = read.get_sheet_by_name("假如全部重判：案件").to_python()[3]
    assert (cells[0], cells[4:]) == (told["listed"][0]["case"], ["2022-05-26 10:00", "2022-05-26 08:30"])
