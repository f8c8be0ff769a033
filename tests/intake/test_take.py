"""The three sample lists against their keys, and what becomes of every row."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import load_workbook

from engine import areas
from engine.commands.privacy import erase, personal
from engine.core.errors import BadInput, Refused
from engine.core.org import Actor
from engine.core.values import parse_time
from engine.intake.back import export, told_rows, write_returned
from engine.intake.settling import settle
from engine.intake.take import Taken, take
from engine.proof import audit
from engine.reading.queries import alert_list, case_show
from engine.service import Office
from engine.timing.sweep import move_clock
from tests.conftest import AREAS, Make

LISTS = [
    ("dev1_district_2022-05-26.xlsx", "dev1.key.json"),
    ("dev2_police_2022-05-27.csv", "dev2.key.json"),
    ("dev3_hotel_2022-05-28.csv", "dev3.key.json"),
]
SHOWN = {"身份证号": "id", "姓名": "name", "离开时间": "departed", "所属社区": "community"}
HEADERS = [
    "姓名",
    "身份证号",
    "手机号",
    "所属社区",
    "来源地省",
    "来源地市",
    "来源地县区",
    "来源地详址",
    "离开时间",
    "核酸结果",
    "症状",
]
GOOD = ["李示例", "340102196502162100", "13900001234", "华业社区", "省", "市", "县", "某地", "2022-05-24", "阴性", ""]
OTHER = ["王示例", "340103198103054108", "13900005678", "和平社区", "省", "市", "县", "某地", "2022-05-24", "阴性", ""]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(*rows: list[Any], name: str = "list.csv", headers: list[str] = HEADERS) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(",".join(str(cell) for cell in row) for row in [headers, *rows]), "utf-8")
        return path

    return made


@pytest.fixture
def chief(office: Office) -> Actor:
    return office.actor("shuju")


@pytest.fixture
def known(make_office: Make, data: Path) -> Office:
    office = make_office("2022-05-26T18:00+08:00")
    areas.load(office, data / AREAS, office.actor("shuju"))
    return office


def table_counts(office: Office) -> dict[str, int]:
    with office.store.reading() as driver:
        names = [name for (name,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: driver.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def differences(rows: list[dict[str, Any]], key: list[dict[str, Any]]) -> list[Any]:
    found = []
    for row, right in zip(rows, key, strict=True):
        skipped = {SHOWN[error["field"]] for error in right.get("errors", [])}
        if "departed" in skipped:
            skipped |= {"origin_level", "origin_how"}
        wrong = {n: (row[n], right[n]) for n in right if n not in skipped and row[n] != right[n]}
        if wrong:
            found.append((right["row"], wrong))
    return found


def test_the_three_lists_give_their_keys_row_for_row(known: Office, data: Path) -> None:
    chief = known.actor("shuju")
    kind = known.book().subjects["person"]
    for name, key_name in LISTS:
        key = json.loads((data / key_name).read_text("utf-8"))
        gap = parse_time(key["known_at"]) - known.now()
        if gap:
            move_clock(known, gap)
        taken = take(known, data / name, key["source"], chief)
        rows = told_rows(known, taken, kind, reveal=True)
        assert differences(rows, key["rows"]) == []
        levels: dict[str, int] = {}
        for row in rows:
            if row["status"] != "error":
                levels[row["origin_level"]] = levels.get(row["origin_level"], 0) + 1
        assert levels == key["totals"]["origin_level"]
        assert all(row["case"] for row in rows if row["status"] != "error")
        masked = json.dumps(told_rows(known, taken, kind, reveal=False), ensure_ascii=False)
        assert not any(row["id"] and row["id"] in masked for row in rows)
        raw = b"".join(path.read_bytes() for path in known.store.path.parent.iterdir())
        assert not any(row["id"] and row["id"].encode() in raw for row in rows)
    assert audit.verify(known).problems == []


def test_a_planted_wrong_level_is_found_by_the_comparison(known: Office, data: Path) -> None:
    key = json.loads((data / "dev1.key.json").read_text("utf-8"))
    with known.store.writing(0) as writer:
        writer.cursor.execute("UPDATE entry SET listed_until = listed_from + 1 WHERE level = 'medium'")
    taken = take(known, data / LISTS[0][0], key["source"], known.actor("shuju"))
    assert differences(told_rows(known, taken, known.book().subjects["person"], reveal=True), key["rows"])


def test_the_same_file_again_brings_nothing_new(office: Office, chief: Actor, write: Write) -> None:
    path = write(GOOD, ["", *OTHER[1:]])
    first = take(office, path, "区数据组", chief)
    before = table_counts(office)
    again = take(office, path, "区数据组", chief)
    assert again.again
    assert again.count() == first.count() == {"opened": 1, "refused": 1}
    assert table_counts(office) == before


def test_a_dry_run_writes_nothing(office: Office, chief: Actor, write: Write) -> None:
    before = table_counts(office)
    taken = take(office, write(GOOD, ["", *OTHER[1:]]), "区数据组", chief, dry_run=True)
    assert taken.count() == {"opened": 1, "refused": 1}
    assert table_counts(office) == before


def test_all_or_nothing_takes_nothing_when_one_row_is_wrong(office: Office, chief: Actor, write: Write) -> None:
    before = table_counts(office)
    with pytest.raises(BadInput, match="SHEET-018 — 第 3 行 姓名：缺少姓名"):
        take(office, write(GOOD, ["", *OTHER[1:]]), "区数据组", chief, all_or_nothing=True)
    assert table_counts(office) == before


def test_a_failure_while_writing_leaves_nothing(
    office: Office, chief: Actor, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = table_counts(office)

    def break_down(*_: object) -> None:
        raise RuntimeError("the disk went away")

    monkeypatch.setattr("engine.store.store.Writer.system", break_down)
    with pytest.raises(RuntimeError, match="the disk went away"):
        take(office, write(GOOD), "区数据组", chief)
    assert table_counts(office) == before


def read(path: Path) -> list[list[Any]]:
    return load_workbook(str(path)).get_sheet_by_index(0).to_python()


def test_refused_rows_come_back_are_corrected_and_settle_their_matter(
    office: Office, chief: Actor, write: Write, tmp_path: Path
) -> None:
    path = write(GOOD, ["", *OTHER[1:]], [OTHER[0], "340103198103054100", *OTHER[2:]])
    taken = take(office, path, "区数据组", chief)
    assert taken.count() == {"opened": 1, "refused": 2}
    returned = write_returned(office, taken, path, chief)
    assert returned is not None
    assert stat.S_IMODE(returned.stat().st_mode) == 0o600
    rows = read(returned)
    assert rows[0][:3] == ["退回原因", "退回行", "姓名"]
    assert "缺少姓名" in rows[1][0]
    assert "校验位不对" in rows[2][0]
    corrected = tmp_path / "corrected.xlsx"
    book = xlsxwriter.Workbook(str(corrected))
    sheet = book.add_worksheet()
    rows[1][2] = "王示例"
    for number, row in enumerate(rows[:2]):
        sheet.write_row(number, 0, row)
    book.close()
    second = take(office, corrected, "区数据组", chief)
    assert second.count() == {"opened": 1}
    assert case_show(office, taken.matter, chief)["facts"]["未了结行数"] == "1"
    with pytest.raises(BadInput, match="没有待了结的事"):
        settle(office, taken.file, [2], "来源撤回", chief)
    answer = settle(office, taken.file, [4], "来源撤回", chief)
    assert (answer["case"], answer["final"]) == (taken.matter, "closed")
    assert audit.verify(office).problems == []


def test_every_row_has_exactly_one_outcome(office: Office, chief: Actor, write: Write) -> None:
    path = write(GOOD, GOOD, ["", *OTHER[1:]], OTHER, ["", "", "", "", "", "", "", "", "", "", ""])
    taken = take(office, path, "区数据组", chief)
    assert [line.outcome for line in taken.lines] == ["opened", "duplicate", "refused", "opened"]
    with office.store.reading() as driver:
        kept = driver.execute("SELECT row, outcome, case_id <> '' FROM intake_row ORDER BY row").fetchall()
    assert kept == [(2, "opened", 1), (3, "duplicate", 1), (4, "refused", 1), (5, "opened", 1)]


@pytest.mark.parametrize(("policy", "outcome"), [("skip", "skipped"), ("ask", "ask")])
def test_a_source_says_what_becomes_of_known_persons(
    make_office: Make, pack_files: dict[str, bytes], write: Write, policy: str, outcome: str
) -> None:
    files = dict(pack_files)
    files["rules/sources.yaml"] = files["rules/sources.yaml"].replace(
        b"known_person: link", f"known_person: {policy}".encode()
    )
    office = make_office(files=files)
    chief = office.actor("shuju")
    take(office, write(GOOD), "区数据组", chief)
    taken = take(
        office,
        write([*GOOD[:2], "13911112222", *GOOD[3:]], name="2.csv"),
        "派出所" if policy == "skip" else "酒店",
        chief,
    )
    assert taken.count() == {outcome: 1}
    assert bool(taken.matter) is (policy == "ask")


def test_linking_keeps_both_values_with_their_origin_and_tells_of_another_decision(
    office: Office, chief: Actor, write: Write
) -> None:
    first = take(office, write(GOOD), "区数据组", chief)
    changed = [*GOOD]
    changed[2], changed[9], changed[3] = "13911112222", "阳性", "和平社区"
    second = take(office, write(changed, name="2.csv"), "酒店", chief)
    assert second.count() == {"linked": 1}
    assert second.lines[0].case == first.lines[0].case
    case, _ = office.case(first.lines[0].case, chief)
    told = personal(office, case, chief, "核对")
    assert told["phone"] == "13900001234"
    assert told[f"phone@{second.file}:2"] == "13911112222"
    event = case_show(office, case.id, chief)["timeline"][-2]["data"]
    assert event["other"] == {"community": "和平社区", "pcr_result": "阳性"}
    assert event["origin"] == {"source": "酒店", "file": second.file, "row": 2}
    assert event["differs"]["rules"] == ["P01"]
    assert [row["deadline"] for row in alert_list(office, chief)] == ["differs"]
    assert audit.verify(office).problems == []


def test_two_lists_at_once_open_nobody_twice(
    office: Office, chief: Actor, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = write(GOOD), write([*GOOD[:2], "13911112222", *GOOD[3:]], name="2.csv")
    real = office.store.writing
    came_between: list[Taken] = []

    def writing(now: int) -> Any:
        if not came_between:
            came_between.append(None)  # type: ignore[arg-type]
            came_between[0] = take(office, two, "酒店", chief)
        return real(now)

    monkeypatch.setattr(office.store, "writing", writing)
    taken = take(office, one, "区数据组", chief)
    assert came_between[0].count() == {"opened": 1}
    assert taken.count() == {"linked": 1}


def test_the_sender_gets_its_own_columns_back_with_the_outcome(
    office: Office, chief: Actor, write: Write, tmp_path: Path
) -> None:
    trick = [*GOOD[:7], "=HYPERLINK(1)", *GOOD[8:]]
    taken = take(office, write([*GOOD[:7], "@某地", *GOOD[8:]], trick, headers=HEADERS), "区数据组", chief)
    path, rows = export(office, taken.file, tmp_path / "out.xlsx", chief)
    cells = read(path)
    assert rows == 2
    assert cells[0] == [*HEADERS, "导入结果", "案件号", "办理环节", "时间"]
    assert cells[1][7] == "@某地"
    assert cells[1][-4:] == ["已立案", taken.lines[0].case, "已登记", "2022-05-26 08:00"]
    assert cells[2][7] == "=HYPERLINK(1)"
    assert cells[2][-4] == "退回"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(BadInput, match="没有名单"):
        export(office, "F", tmp_path / "out.xlsx", chief)
    with pytest.raises(Refused, match="没有权限 export"):
        export(office, taken.file, tmp_path / "out.xlsx", office.actor("huaye"))


def test_an_erased_person_leaves_the_list_too(office: Office, chief: Actor, write: Write, tmp_path: Path) -> None:
    taken = take(office, write(GOOD), "区数据组", chief)
    case, _ = office.case(taken.lines[0].case, chief)
    evidence = {"calls_made": 3, "visited_at": office.now().isoformat(), "proof": "P"}
    office.advance(case.id, "close_not_found", office.actor("huaye"), evidence)
    erase(office, case.subject, office.actor("guanli"))
    path, _ = export(office, taken.file, tmp_path / "out.xlsx", chief)
    assert read(path)[1][0] == "（已清除）"
    assert audit.verify(office).problems == []


def test_a_source_or_right_that_is_missing_is_told(office: Office, chief: Actor, write: Write) -> None:
    with pytest.raises(BadInput, match=r"没有来源 区数据 .*did you mean 区数据组"):
        take(office, write(GOOD), "区数据", chief)
    with pytest.raises(Refused, match="没有权限 intake"):
        take(office, write(GOOD), "区数据组", office.actor("huaye"))


def test_a_list_in_a_folder_that_cannot_be_written_is_returned_here(
    office: Office, chief: Actor, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(["", *OTHER[1:]])
    copied = tmp_path / "here"
    copied.mkdir()
    monkeypatch.chdir(copied)
    monkeypatch.setattr("os.access", lambda *_: False)
    taken = take(office, path, "区数据组", chief)
    returned = write_returned(office, taken, path, chief)
    assert returned is not None
    assert returned.parent == copied
    shutil.rmtree(copied)


def test_a_unit_takes_in_its_own_people_only_and_learns_nothing_of_others(
    make_office: Make, pack_files: dict[str, bytes], write: Write
) -> None:
    files = dict(pack_files)
    may = "社区工作人员, scope: owner, may: [open"
    rules = files["rules/organisation.yaml"].decode()
    files["rules/organisation.yaml"] = rules.replace(may, f"{may}, intake").encode()
    office = make_office(files=files)
    take(office, write(OTHER), "区数据组", office.actor("shuju"))
    taken = take(office, write(GOOD, OTHER, name="2.csv"), "区数据组", office.actor("huaye"))
    assert [line.outcome for line in taken.lines] == ["opened", "refused"]
    assert taken.lines[1].row.errors[0][1:] == ("not_mine", "SHEET-022 不是本单位的人员，请交其所属单位导入")
    assert taken.lines[1].duplicate_of is None


def test_a_formula_cell_is_refused_with_its_column(office: Office, chief: Actor, write: Write) -> None:
    taken = take(office, write([*GOOD[:2], "=A1", *GOOD[3:]]), "区数据组", chief, dry_run=True)
    assert taken.lines[0].row.errors == [("手机号", "formula", "SHEET-014 公式单元格，请粘贴为数值")]
