"""`bihuan clauses`: both ways, what is missing, and what a revised document touches."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.packs.pack import shipped

PLAN = "rules/documents/heping-2022-12.txt"
POLICY = Path(__file__).parents[1] / "packs" / "policy"
Run = Callable[..., tuple[str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("COLUMNS", "160")

    def command(*words: str, exit_code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["bihuan", "clauses", *words])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        assert int(end.value.code or 0) == exit_code, told
        return told.out, told.err

    return command


def answer(run: Run, *words: str, exit_code: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(*words, "--json", exit_code=exit_code)[0])
    return told


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A pack with two clauses: one carried, one not."""
    folder = tmp_path / "pack"
    shutil.copytree(POLICY, folder)
    (folder / "rules/documents").mkdir()
    (folder / "rules/documents/plan.txt").write_text("做好人员转运。\n做好解释工作。\n", "utf-8")
    clauses = """schema: 1
documents:
  plan:
    title: 方案
    number: 12号
    issuer: 街道
    issued: 2022-05-26
    clauses:
      R1: {clause: 一, quote: 做好人员转运, carried_by: [unit 社区, role officer]}
      R2: {clause: 一, quote: 做好解释工作}
"""
    (folder / "rules/clauses.yaml").write_text(clauses, "utf-8")
    return folder


def test_each_clause_is_shown_with_what_carries_it_out(run: Run) -> None:
    out, _ = run()
    assert "R036" in out
    assert "rule persons.P03" in out
    told = {clause["id"]: clause for clause in answer(run)["clauses"]}
    assert len(told) == 127
    assert {"kind": "rule", "name": "persons.P03"} in told["R036"]["carried_by"]
    assert told["R036"]["line"] == 31


def test_the_number_that_screens_give_a_clause_finds_its_rows(run: Run) -> None:
    def asked(number: str) -> list[str]:
        return [clause["id"] for clause in answer(run, number)["clauses"]]

    assert asked("R058") == ["R058"]
    assert asked("二（二）3") == asked("二(二)3") == [f"R{row:03}" for row in range(54, 62)]
    assert asked("二（一）") == [f"R{row:03}" for row in range(17, 42)]
    _, err = run("二（二）9", exit_code=2)
    assert "没有条款 二（二）9" in err
    assert "二（二）8" in err


def test_nothing_of_the_shipped_plan_is_missing(run: Run) -> None:
    assert run("--missing") == ("", "")


def test_each_rule_is_shown_with_its_clauses(run: Run) -> None:
    told = {carrier["name"]: carrier for carrier in answer(run, "--by", "rule")["carriers"]}
    assert "R036" in told["persons.P03"]["clauses"]
    assert told["persons.P04"]["cites"] == "国家防控方案第八版"
    units = {carrier["name"]: carrier for carrier in answer(run, "--by", "unit")["carriers"]}
    assert units["转运专班"]["responsible"] == ["二（二）2", "二（三）"]
    assert units["华业社区"]["responsible"] == ["二（二）5"]
    assert "persons.P03" in run("--by", "rule")[0]
    _, err = run("--by", "ruel", exit_code=2)
    assert "CLAUSE-001" in err
    assert "did you mean rule" in err


def test_what_is_missing_is_listed_and_ends_with_one(run: Run, small: Path) -> None:
    out, _ = run("--missing", "--pack", str(small), exit_code=1)
    assert "R2" in out
    assert "R1" not in out
    text = (small / "rules/clauses.yaml").read_text("utf-8")
    waived = text.replace("quote: 做好解释工作}", "quote: 做好解释工作, waived: 由人去说}")
    (small / "rules/clauses.yaml").write_text(waived, "utf-8")
    assert run("--missing", "--pack", str(small)) == ("", "")
    assert "不由软件落实：由人去说" in run("--pack", str(small))[0]


def test_a_revised_document_tells_its_changed_sentences_and_what_they_touch(run: Run, tmp_path: Path) -> None:
    text = (shipped() / PLAN).read_text("utf-8")
    new = tmp_path / "new.txt"
    revised = text.replace("14天集中隔离", "7天集中隔离").replace("信息无错漏。", "信息无错漏。有关情况定期报告。")
    new.write_text(revised, "utf-8")
    changed, added = sorted(answer(run, "--against", str(new))["differences"], key=lambda each: each["how"] == "added")
    assert (changed["how"], changed["clauses"]) == ("changed", ["R036"])
    assert {"kind": "parameter", "name": "close_contact_quarantine_days"} in changed["touches"]
    assert {"kind": "rule", "name": "persons.P03"} in changed["touches"]
    assert (added["after"], added["vague"], added["clauses"]) == ("有关情况定期报告。", ["定期"], [])
    out, _ = run("--against", str(new))
    assert "2 处：改 1、删 0、增 1" in out


def test_the_same_document_differs_in_nothing_and_one_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    assert "一字不差" in run("--against", str(shipped() / PLAN))[0]
    assert "FILE-007" in run("--against", str(tmp_path / "none.txt"), exit_code=2)[1]
    (tmp_path / "gb.txt").write_bytes("方案".encode("gb18030"))
    assert "RULE-011" in run("--against", str(tmp_path / "gb.txt"), exit_code=2)[1]


def test_one_question_at_a_time_and_a_document_that_is_there(run: Run) -> None:
    assert "ARG-004" in run("--missing", "--by", "rule", exit_code=2)[1]
    assert "did you mean heping-2022-12" in run("--document", "heping-2022", exit_code=2)[1]
    assert "没有写它依据的文件" in run("--pack", str(POLICY), exit_code=2)[1]


def test_check_prints_how_far_examples_reach(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ((), ("--json",)):
        monkeypatch.setattr("sys.argv", ["bihuan", "check", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
    plain, _, answered = capsys.readouterr().out.rpartition("\n{")
    assert re.search(r"人员分类与责任 (\d+)/\1 条规则（100 %）", plain)
    assert "没有例子" not in plain
    coverage = json.loads("{" + answered)["coverage"]
    assert coverage["untold"] == []
    assert all(table["rows_missed"] == [] for table in coverage["tables"])


def test_check_lists_what_is_left_to_decide(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bihuan", "check"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().out
    assert "待定 owners.密接（二（一）2、二（二）7）：" in told
    assert "可选：照 二（一）2，社会事务部 牵头｜照 二（二）7，各部门 牵头" in told
    assert "已定 apart.二码：" in told


def test_one_clause_alone(run: Run) -> None:
    out, _ = run("R058")
    assert "R058" in out
    assert "R059" not in out
    assert [each["id"] for each in answer(run, "R058")["clauses"]] == ["R058"]
    assert "没有条款 R58" in run("R58", exit_code=2)[1]
    assert "一次写一个" in run("R058", "--missing", exit_code=2)[1]


def test_what_is_no_revision_of_the_document_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("今天天气很好。\n明天有雨。\n", "utf-8")
    assert "FILE-007 — other.txt 没有一句与" in run("--against", str(tmp_path / "other.txt"), exit_code=2)[1]
