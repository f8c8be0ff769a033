"""`bihuan decide`: which rules answer, and how they explain themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import ROOT, Bihuan, answer, bihuan, rehearsal

__all__ = ["bihuan", "rehearsal"]
CONTACT = ["decide", "persons", "与病例关系=密切接触者"]


@pytest.fixture
def alone(bihuan: Bihuan, monkeypatch: pytest.MonkeyPatch) -> Bihuan:
    """The command where nothing names a database."""
    monkeypatch.delenv("BIHUAN_DB")
    return bihuan


def shorter(pack: Path, days: int) -> None:
    """The pack with another length of quarantine, and no stories that say otherwise."""
    parameters = pack / "rules" / "parameters.yaml"
    text = parameters.read_text("utf-8")
    head = "  close_contact_quarantine_days:\n"
    body = text.split(head)[1]
    changed = body.replace("value: 14", f"value: {days}", 1)
    assert changed != body
    parameters.write_text(text.replace(body, changed), "utf-8")
    shutil.rmtree(pack / "rules" / "examples")


def test_without_a_database_the_shipped_pack_answers_and_no_store_is_loaded(alone: Bihuan) -> None:
    told = alone("decide", "persons", "来源地风险等级=高风险", "--as-of", "2022-05-26").stdout
    for words in ("类别 高风险来返", "要求 核酸结果为 阳性，现为 未知", "按自带的规则包，2022-05-26 当天"):
        assert words in told
    assert answer(alone, "decide", "persons", "pcr_result=阴性")["matched"] is False
    told = alone("decide", "persons", "pcr_result=阴性").stdout
    assert "没有规则覆盖" in told
    assert "按自带的规则包" in told
    script = (
        "import sys; sys.argv = ['bihuan', 'decide', 'persons', 'contact=次密接']\n"
        "from engine.cli import main\ntry:\n    main()\nfinally:\n    print([m for m in sys.modules if 'sql' in m])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_on_a_database_the_rules_in_force_answer_and_say_so(rehearsal: Bihuan) -> None:
    told = rehearsal(*CONTACT).stdout
    assert "按第 1 版规则，2022-05-26 当天" in told, "on the day of the rehearsal, not of the wall"
    assert "密切接触者集中隔离医学观察天数 14（close_contact_quarantine_days）" in told
    shorter(Path("pack"), 9)
    rehearsal("rules", "draft", "pack", "--reason", "缩短", "--as", "guanli")
    assert "按规则包 pack" in rehearsal(*CONTACT, "--pack", "pack").stdout
    assert "天数 9" in rehearsal(*CONTACT, "--pack", "pack").stdout
    assert "天数 14" in rehearsal(*CONTACT).stdout, "a draft is not in force"
    rehearsal("rules", "approve", "1", "--as", "pizhun")
    told = rehearsal(*CONTACT).stdout
    assert "按第 2 版规则" in told
    assert "天数 9" in told
    told = rehearsal(*CONTACT, "--release", "1").stdout
    assert "按第 1 版规则" in told
    assert "天数 14" in told
    assert answer(rehearsal, *CONTACT)["by"]["release"] == 2
    assert answer(rehearsal, *CONTACT, "--pack", "pack")["by"]["release"] is None


def test_a_parameter_that_has_no_value_on_that_day_is_said_to_have_none(alone: Bihuan) -> None:
    told = alone("decide", "persons", "来源地风险等级=中风险", "--as-of", "2020-01-01").stdout.replace("\n", "")
    assert "中风险来返人员隔离天数 2020-01-01 还没有值（arrival_medium_days）" in told
    assert "流程 来（返）人员管控（arrival）" in told


def test_a_table_goes_by_its_title_too(alone: Bihuan) -> None:
    assert "类别 次密接" in alone("decide", "人员分类与责任", "contact=次密接").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["person"], "persons（人员分类与责任）", id="tables with their titles"),
        pytest.param(["person"], "did you mean persons", id="misspelt table"),
        pytest.param(["persons", "来源地=high"], "来源地风险等级（origin_level）", id="inputs with their titles"),
        pytest.param(["persons", "origin_lvl=high"], "did you mean origin_level", id="misspelt input"),
        pytest.param(["persons", "origin_level=hihg"], "did you mean high", id="misspelt value"),
        pytest.param(["persons", "high"], "第 1 项要写成 要素=值", id="no equals sign"),
        pytest.param(["persons", "--as-of", "26.5."], "ARG-002", id="no date"),
        pytest.param(["persons", "--as-of", ""], "ARG-002", id="an empty day"),
        pytest.param(["persons", "--as"], "ARG-004 — 命令的写法不对：没有选项 --as", id="no option"),
        pytest.param([], "缺少 TABLE", id="no table"),
        pytest.param(["persons", "--release", "1"], "--release 是数据库里的一版", id="a release of no database"),
        pytest.param(["persons", "--db", "none.db"], "没有数据库", id="no database"),
    ],
)
def test_what_cannot_be_asked_is_told_and_ends_with_two(alone: Bihuan, words: list[str], told: str) -> None:
    assert told in alone("decide", *words, exit_code=2).stderr


def test_a_table_that_adds_up_says_that_no_row_adds_anything(alone: Bihuan) -> None:
    told = alone("decide", "venue_measures", "场所类型=其他").stdout
    assert "没有一条规则命中：重点场所防控措施 什么也不加" in told
    assert "预警" not in told
