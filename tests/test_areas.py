from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from sqlmodel import Field, SQLModel

from engine import areas
from engine.core.errors import BadInput, Damaged, Refused
from engine.proof.audit import verify
from engine.service import Office
from engine.store.schema import require_classes

HEAD = "province,city,county,area,level,listed_from,listed_until\n"
ROW = "省,市,县,甲小区,high,2022-05-01T00:00:00+08:00,\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "areas.csv"
    path.write_text(text, "utf-8")
    return path


def told(**counted: int) -> dict[str, int]:
    nothing = dict.fromkeys(("new", "changed", "stays", "higher", "rerouted", "opened", "ended"), 0)
    return {"rows": 1, "total": 1} | nothing | counted


def test_a_list_loaded_again_is_brought_up_to_date(office: Office, tmp_path: Path) -> None:
    chief = office.actor("shuju")
    assert areas.load(office, write(tmp_path, HEAD + ROW), chief) == told(new=1)
    assert areas.load(office, write(tmp_path, HEAD + ROW), chief) == told()
    ended = ROW.replace(",\n", ",2022-05-20T00:00:00+08:00\n")
    assert areas.load(office, write(tmp_path, HEAD + ended), chief) == told(changed=1)


def test_a_case_opened_by_hand_is_matched_too(office: Office, tmp_path: Path) -> None:
    areas.load(office, write(tmp_path, HEAD + ROW), office.actor("shuju"))
    stay = {"来源地省": "省", "来源地市": "市", "来源地县区": "县", "来源地详址": "甲小区", "离开时间": "2022-05-10"}
    answer = office.open_case("person", {"name": "李示例", "community": "和平社区", **stay}, office.actor("heping"))
    assert answer["category"] == "高风险来返"


def test_key_areas_are_a_list_of_their_own(office: Office, tmp_path: Path) -> None:
    listed = write(tmp_path, "province,city,county,level,listed_from\n省,市,县,key,2022-05-01T00:00:00+08:00\n")
    stay = {"来源地省": "省", "来源地市": "市", "来源地县区": "县", "来源地详址": "乙小区", "离开时间": "2022-05-10"}
    before = office.open_case("person", {"name": "王示例", "community": "和平社区", **stay}, office.actor("heping"))
    assert before["category"] == "登记备案"
    looked = areas.load(office, listed, office.actor("shuju"), "key_areas")
    assert (looked["new"], looked["higher"]) == (1, 1)
    after = office.open_case("person", {"name": "李示例", "community": "和平社区", **stay}, office.actor("heping"))
    assert after["category"] == "重点地区来返"
    areas.load(office, write(tmp_path, HEAD + ROW.replace("甲小区", "乙小区")), office.actor("shuju"))
    third = office.open_case("person", {"name": "赵示例", "community": "和平社区", **stay}, office.actor("heping"))
    assert third["category"] == "高风险来返"
    assert not verify(office).problems


def test_titles_and_packed_files_are_read(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "areas.csv.gz"
    path.write_bytes(gzip.compress(("省,市,县区,地区,等级,列入时间,移出时间\n" + ROW).encode()))
    assert areas.load(office, path, office.actor("shuju"))["new"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("province,city\n", "AREA-003 缺少列 县区", id="columns missing"),
        pytest.param("", "AREA-003 缺少列 省", id="empty"),
        pytest.param(HEAD + ROW.replace("high", "extreme"), "AREA-004 :2 没有选项 extreme", id="no such level"),
        pytest.param(HEAD + ROW.replace("市,", ",", 1), "AREA-004 市是空的", id="a name is missing"),
        pytest.param(HEAD + ROW.replace("+08:00", ""), "AREA-004 时区", id="no zone"),
    ],
)
def test_a_list_that_is_not_right_is_refused_whole(office: Office, tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        areas.load(office, write(tmp_path, text), office.actor("shuju"))
    for word in words.split(" "):
        assert word in str(refused.value)
    with office.store.reading() as driver:
        assert driver.execute("SELECT count(*) FROM entry").fetchone() == (0,)


def test_what_is_no_list_or_no_right_is_told(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chief = office.actor("shuju")
    with pytest.raises(BadInput, match="AREA-002"):
        areas.load(office, tmp_path / "none.csv", chief)
    broken = tmp_path / "areas.csv"
    broken.write_bytes("省,市".encode("gb18030"))
    with pytest.raises(BadInput, match="不是 UTF-8"):
        areas.load(office, broken, chief)
    with pytest.raises(BadInput, match=r"没有参照表 area .*did you mean areas"):
        areas.load(office, broken, chief, "area")
    with pytest.raises(Refused, match="没有权限 areas"):
        areas.load(office, broken, office.actor("huaye"))
    monkeypatch.setattr(areas, "MOST_BYTES", 3)
    with pytest.raises(BadInput, match="超过"):
        areas.load(office, write(tmp_path, HEAD), chief)


def test_a_column_without_a_privacy_class_stops_the_start() -> None:
    class Careless(SQLModel, table=True):
        id: int = Field(primary_key=True)

    try:
        with pytest.raises(Damaged, match=r"STORE-002 .*careless\.id"):
            require_classes(SQLModel.metadata)
    finally:
        SQLModel.metadata.remove(Careless.__table__)  # type: ignore[attr-defined]
    require_classes(SQLModel.metadata)
