"""The demonstration as a newcomer sees it: every scene says what it promises, and a second run tells the same."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.demo import run
from engine.demo.stage import lent, width
from engine.ids import read_id

TABLE = re.compile("^[┏┃┡│└]")
MOST_LINES = 40
"""A scene can be taken in at one look."""


@pytest.fixture(scope="module")
def told() -> str:
    """What one run prints where nothing is set."""
    return played()


def played() -> str:
    with pytest.MonkeyPatch.context() as patched:
        for name in ("BIHUAN_DB", "BIHUAN_KEYS", "BIHUAN_AS", "COLUMNS"):
            patched.delenv(name, raising=False)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            run()
    return printed.getvalue()


def scene(told: str, number: int) -> str:
    """One scene, its table rows with single spaces."""
    after = re.split(r"【演练 rehearsal】 \S+ \S+  ", told)[number]
    assert after.startswith(f"{number}. ")
    return re.sub(" +", " ", after)


SCENES = [
    pytest.param(
        1,
        ["已立案 234 行，退回 5 行", "SHEET-011", "已了结 5 行", "现在“已核对”", "登记备案 123"],
        id="every name of the list has an outcome",
    ),
    pytest.param(
        2,
        [
            "4 人，待签收",
            "签收 3 人，未到 1 人",
            "应到未到，仍由原单位负责；核对事项",
            "2022-05-26 14:05：集中隔离点（",
            "2022-05-26 14:05：转运专班（",
            "现在“已查明”，已办结",
        ],
        id="one of four is missing at the gate and stays with the giver",
    ),
    pytest.param(
        3,
        [
            "预警 4 条",
            "│ 提醒 │",
            "│ 蓝 │",
            "│ 集中隔离点负责人 │ 2022-05-27 22:00",
            "│ 示例·分管领导甲、示 │ 2022-05-28 02:00",
            "已知悉 4 条预警",
        ],
        id="a missed test climbs to the leader",
    ),
    pytest.param(
        4,
        [
            "将会改变",
            "│ 隔离（监测）期满 │ 2022-06-05 00:00 │ 2022-06-08 00:00 │",
            "│ 计划 核酸检测 │ 05-26、05-29、06-05 │ 05-26、05-29、06-01、06-08 │",
            "没有写入；去掉 --dry-run 才更正",
            "在“集中隔离”，归 集中隔离点",
        ],
        id="a correction moves the release, shown first",
    ),
    pytest.param(
        5,
        ["│ 发热 │ 区疾控复核中 │", "解除时限是 2022-06-10 00:00", "时限 解除：2022-06-10 00:00 前"],
        id="a negative re-check comes back with its clock running",
    ),
    pytest.param(
        6,
        [
            "等级变高 4 件（没有写入）",
            "等级变高 4 件，改判 2 件，新立案 2 件",
            "│ 等级变高 │ 2022-06-01 08:00 │ 凤阳社区主要负责人 │",
        ],
        id="a later list looks back",
    ),
    pytest.param(
        7,
        ["│ 阳性 │ 区疾控复核中 │", "现在“待送定点医院”，归 转运专班", "│ 社会事务部 │", "│ 至今 │ 转运专班 │"],
        id="a positive in quarantine goes to hospital",
    ),
    pytest.param(
        8,
        [
            "在“已发现”，归 华业社区",
            "在“集中隔离医学观察”，归 集中隔离点",
            "名下：",
            "三件各自挂在：",
            "│ 至今 │ 集中隔离点 │",
        ],
        id="three contacts, one of them known",
    ),
    pytest.param(
        9,
        ["须满 14 天，今天是第 13 天", "缺少第 14 天及以后采样", "geli 已经办过，请换人"],
        id="too early: every reason at once",
    ),
    pytest.param(
        10,
        [
            "在“待建档”，归 市场监督管理所",
            "现在“管理中”，归 华业社区",
            "│ 冷链检查 │ 2022-06-15 08:00 │ 06-16 08:00 │ 待做 │",
        ],
        id="what a venue has to do follows from its type",
    ),
    pytest.param(
        11,
        ["已另立案件：", "须由 中心菜市场管理方 以外的人员办理", "caishi 已经办过，请换人", "现在“已销号”，已办结"],
        id="a finding is rectified, and checked by somebody else",
    ),
    pytest.param(
        12,
        ["已另立案件：", "要求冷链整改至少办结一件", "现在“已销号”，已办结", "现在“已办结”，已办结"],
        id="spoiled meat is sealed, disposed of, put right and closed",
    ),
    pytest.param(
        13,
        ["│ 红 │", "│ 示例·分管领导甲、示例·分管领导乙 │ 2022-06-15 10:00 │", "现在“已办结”，已办结"],
        id="the leader hears of an emergency at once",
    ),
    pytest.param(14, ["归 平安建设部", "现在“已办结”，已办结"], id="a rumour is looked into, then refuted"),
    pytest.param(
        15,
        ["未销号问题", "│ 和平社区 │ │ 整改中 │", "缺少佐证：对方签收凭证号", "现在“已反馈”，已办结"],
        id="a superior's inspection is answered",
    ),
    pytest.param(16, ["已另立案件：", "现在“已到货”，已办结", "一并办理："], id="a shortage is ordered by itself"),
    pytest.param(
        17,
        ["须由 部门负责人（head） 办理", "现在“已关闭”，归 和平社区", "现在“管理中”，归 和平社区"],
        id="a venue is closed by the head, and opened again",
    ),
    pytest.param(18, ["已写入 数据日报.xlsx", "报 区防指办数据组", "│ 已报送 │"], id="the report goes up"),
    pytest.param(
        19,
        [
            "在办 18 件，办结 266 件",
            "│ 超期 │ 0 │",
            "284 件案件，链完整",
            "名单中的人 240",
            "闭环合上了",
            "发出预警 11 条",
        ],
        id="the loop is closed",
    ),
]


@pytest.mark.parametrize(("number", "lines"), SCENES)
def test_a_scene_tells_what_it_promises(told: str, number: int, lines: list[str]) -> None:
    shown = scene(told, number)
    assert [line for line in lines if line not in shown] == []
    assert len(shown.strip().splitlines()) <= MOST_LINES


def test_both_ways_of_a_tie_are_told(told: str) -> None:
    shown = scene(told, 8)
    positive, *named = re.findall(r"\b[0-9A-Z]{11}\b", next(x for x in shown.splitlines() if "名下：" in x))
    assert len(set(named)) == 3
    assert next(x for x in shown.splitlines() if "三件各自挂在：" in x).count(positive) == 3


def test_no_table_is_wider_than_a_page(told: str) -> None:
    assert [line for line in told.splitlines() if TABLE.match(line) and cell_len(line) > 100] == []


def test_a_second_run_tells_the_same_but_for_the_numbers_of_cases(told: str) -> None:
    def plain(text: str) -> list[str]:
        without = re.sub(r"\b[0-9A-Z]{11}\b", lambda found: "N" if read_id(found[0]) else found[0], text)
        return sorted(line for line in without.splitlines() if "用时" not in line)  # equals stand by number

    assert plain(played()) == plain(told)


def test_nothing_is_left_behind(told: str, tmp_path: Path) -> None:
    assert told
    with lent(BIHUAN_DEMO="1"):
        assert os.environ["BIHUAN_DEMO"] == "1"
    assert "BIHUAN_DEMO" not in os.environ
    assert "BIHUAN_DB" not in os.environ or "bihuan-demo" not in os.environ["BIHUAN_DB"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", "80")
        assert width() == "80"
        patched.setenv("BIHUAN_KEYS", str(tmp_path / "keys" / "k"))
        run(tmp_path / "kept")
    assert (tmp_path / "kept" / "demo.db").is_file()
    assert (tmp_path / "keys" / "k").is_file()


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_figures_that_a_readme_shows_are_those_of_the_run(told: str, readme: str) -> None:
    shown = Path(readme).read_text("utf-8")
    figures = [line for line in shown.splitlines() if line.startswith(("无误：", "在办案件 ", "回头比对 "))]
    assert len(figures) == 3
    assert set(figures) <= set(told.splitlines())
