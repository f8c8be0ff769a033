"""Rules that change, by the command line: what a draft does to cases, what becomes of open ones, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tests.cli.test_cli import FACTS, Bihuan, answer, bihuan, rehearsal

__all__ = ["bihuan", "rehearsal"]
ENTRY = """schema: 1
migration:
  - {id: 核查一小时, from: 2022-05-26, reason: 核查改为一小时, workflow: close_contact, states: found, do: DO}
"""


@pytest.fixture
def edited(rehearsal: Bihuan) -> Path:
    """The pack with another time limit: two hours become one."""
    terms = Path("pack/rules/terms.yaml")
    text = terms.read_text("utf-8")
    assert "及时.核查: {within: 2h," in text
    terms.write_text(text.replace("及时.核查: {within: 2h,", "及时.核查: {within: 1h,"), "utf-8")
    return Path("pack")


def changed(run: Bihuan, pack: Path, action: str = "recompute") -> str:
    """A case, and a release that says this of it."""
    case: str = answer(run, "case", "open", *FACTS, "--as", "huaye")["case"]
    (pack / "rules" / "migration.yaml").write_text(ENTRY.replace("DO", action), "utf-8")
    run("rules", "draft", "pack", "--reason", "太慢", "--as", "guanli")
    run("rules", "approve", "1", "--as", "pizhun")
    run("sweep")
    return case


def test_a_draft_says_at_once_what_it_does_and_whoever_approves_it_sees_that(rehearsal: Bihuan, edited: Path) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    told = rehearsal("rules", "draft", "pack", "--reason", "太慢", "--as", "guanli").stdout
    assert "影响：在办的 照旧规则办完 1 件；假如 1 件全部重判，1 件不同（时限 1 件）" in told
    (listed,) = answer(rehearsal, "rules", "drafts", "--as", "pizhun")["drafts"]
    assert listed["impact"]["listed"][0]["case"] == case
    assert "1 件不同（时限 1 件）" in rehearsal("rules", "drafts", "--as", "pizhun").stdout.replace("\n", "")
    told = rehearsal("rules", "replay", "1", "--since", "30d", "--xlsx", "影响.xlsx", "--as", "pizhun").stdout
    for words in (case, "时限 核查", "2022-05-26 10:00", "2022-05-26 09:00", "已存在草案里", "已写入 影响.xlsx"):
        assert words in told
    assert "：单位" not in told, "no unit gains or loses: no table of them"
    assert CalamineWorkbook.from_path("影响.xlsx").get_sheet_by_name("假如全部重判：案件").to_python()[3][0] == case
    folder = answer(rehearsal, "rules", "replay", "pack", "--as", "guanli")
    assert folder["changes"] == listed["impact"]["changes"]
    rehearsal("rules", "approve", "1", "--as", "pizhun")


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        pytest.param(["replay", "9", "--as", "guanli"], 2, "DRAFT-001 — 没有草案 9", id="no draft"),
        pytest.param(["replay", "pack", "--since", "90", "--as", "guanli"], 2, "--since 90", id="a length of no unit"),
        pytest.param(["replay", "pack", "--as", "huaye"], 1, "AUTH-002", id="somebody without the right"),
        pytest.param(["replay", "nowhere", "--as", "guanli"], 2, "nowhere", id="no folder"),
        pytest.param(["plan", "--as", "guanli"], 2, "看什么没有写明", id="a plan of nothing"),
        pytest.param(["plan", "pack", "--draft", "1", "--as", "guanli"], 2, "看什么没有写明", id="a plan of two"),
        pytest.param(["plan", "--draft", "7", "--as", "guanli"], 2, "草案", id="a plan of no draft"),
        pytest.param(["plan", "pack", "--as", "huaye"], 1, "AUTH-002", id="a plan for whom it does not concern"),
        pytest.param(["plans", "--as", "huaye"], 1, "AUTH-002", id="plans for whom they do not concern"),
        pytest.param(["revert", "1", "--as", "pizhun"], 2, "PLAN-001", id="no plan to take back"),
        pytest.param(["revert", "1", "--as", "guanli"], 1, "AUTH-002", id="taken back by whom it is not up to"),
        pytest.param(["resolve", "CASE", "burn", "--as", "huaye"], 2, "PLAN-004", id="no such answer"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_words(
    rehearsal: Bihuan, edited: Path, words: list[str], exit_code: int, told: str
) -> None:
    assert told in rehearsal("rules", *words, exit_code=exit_code).stderr


def test_what_becomes_of_open_cases_is_told_carried_out_and_taken_back(rehearsal: Bihuan, edited: Path) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    (edited / "rules" / "migration.yaml").write_text(ENTRY.replace("DO", "recompute"), "utf-8")
    told = answer(rehearsal, "rules", "plan", "pack", "--as", "guanli")
    assert told["entries"] == [{"entry": "核查一小时", "action": "recompute", "cases": 1}]
    assert (told["kept"], told["overdue"], told["units"]) == (0, {"cases": 0, "deadlines": 0}, [])
    assert told["listed"][0] | {"owner": "", "changes": []} == {
        "case": case,
        "workflow": "close_contact",
        "state": "found",
        "state_title": "已发现",
        "owner": "",
        "entry": "核查一小时",
        "action": "recompute",
        "why": "核查改为一小时",
        "changes": [],
        "overdue": [],
    }
    said = rehearsal("rules", "plan", "pack", "--as", "guanli").stdout
    for words in ("按新规则重算", case, "核查改为一小时", "2022-05-26 10:00 → 2022-05-26 09:00"):
        assert words in said
    assert answer(rehearsal, "rules", "plans", "--as", "guanli")["plans"] == []
    said = rehearsal("rules", "draft", "pack", "--reason", "太慢", "--as", "guanli").stdout
    assert "影响：在办的 核查一小时 按新规则重算 1 件，照旧规则办完 0 件；假如" in said
    assert answer(rehearsal, "rules", "plan", "--draft", "1", "--as", "pizhun")["entries"] == told["entries"]
    assert "在办案件按 1 个计划由巡检逐件处理" in rehearsal("rules", "approve", "1", "--as", "pizhun").stdout
    assert "待套用" in rehearsal("rules", "plans", "--as", "guanli").stdout
    rehearsal("sweep")
    assert "已套用" in rehearsal("rules", "plans", "--as", "guanli").stdout
    assert "09:00 前" in rehearsal("case", "show", case, "--as", "huaye").stdout
    assert "计划 1 的 1 件由巡检逐件退回" in rehearsal("rules", "revert", "1", "--as", "pizhun").stdout
    rehearsal("sweep")
    assert answer(rehearsal, "rules", "plans", "--as", "guanli")["plans"][0]["state"] == "reverted"
    assert "10:00 前" in rehearsal("case", "show", case, "--as", "huaye").stdout
    rehearsal("audit", "verify")


@pytest.mark.parametrize(
    ("action", "due", "said"),
    [("keep", "10:00 前", "照旧规则办完"), ("recompute", "09:00 前", "2022-05-26 10:00 → 2022-05-26 09:00")],
)
def test_whoever_answers_for_a_case_is_asked_and_says(
    rehearsal: Bihuan, edited: Path, action: str, due: str, said: str
) -> None:
    case = changed(rehearsal, edited, "ask")
    assert answer(rehearsal, "rules", "plans", "--as", "guanli")["plans"][0]["waiting"] == 1
    assert "rules resolve" in rehearsal("case", "show", case, "--as", "huaye").stdout
    told = rehearsal("rules", "resolve", case, action, "--as", "huaye").stdout
    assert said in told
    assert due in rehearsal("case", "show", case, "--as", "huaye").stdout
    told = rehearsal("rules", "resolve", case, action, "--as", "huaye", exit_code=1).stderr
    assert "PLAN-002" in told


def test_a_state_that_is_gone_is_told_before_anybody_drafts(rehearsal: Bihuan, edited: Path) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    rehearsal("case", "advance", case, "lose_contact", "calls_made=3", "--as", "huaye")
    flow = Path("pack/workflows/close_contact.yaml")
    flow.write_text(flow.read_text("utf-8").replace("unreachable", "out_of_reach"), "utf-8")
    told = json.loads(rehearsal("rules", "plan", "pack", "--as", "guanli", "--json", exit_code=2).stdout)
    assert any("FLOW-010" in problem and case in problem for problem in told["problems"])
    assert "FLOW-010" in rehearsal("rules", "plan", "pack", "--as", "guanli", exit_code=2).stderr
    assert "FLOW-010" in rehearsal("rules", "draft", "pack", "--reason", "改名", "--as", "guanli", exit_code=2).stderr
