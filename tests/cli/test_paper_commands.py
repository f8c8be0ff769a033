"""Papers by the command line: one, many with a bar of progress, and served."""

from __future__ import annotations

import stat
import sys
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.test_cli import FACTS, Bihuan, answer, bihuan, rehearsal

__all__ = ["bihuan", "rehearsal"]
NOTICE = "集中隔离告知书"


def inside(run: Bihuan, room: str = "301", *facts: str) -> str:
    case: str = answer(run, "case", "open", *(facts or FACTS), "--as", "huaye")["case"]
    now = "2022-05-26T08:00+08:00"
    run("case", "advance", case, "verify", f"checked_at={now}", "--as", "huaye")
    run("case", "advance", case, "depart", "vehicle=皖A·1", f"departed_at={now}", "--as", "zhuanyun")
    run("case", "advance", case, "admit", "site=集中隔离点", "--as", "zhuanyun2")
    run("handover", "accept", case, f"quarantine_started={now}", f"room={room}", "--as", "geli")
    return case


def test_a_notice_is_printed_served_and_listed(rehearsal: Bihuan) -> None:
    case = inside(rehearsal)
    told = rehearsal("paper", "print", NOTICE, case, "--out", "纸", "--as", "geli").stdout
    path = Path("纸") / f"{NOTICE}-{case}.pdf"
    assert str(path) in told
    assert path.read_bytes()[:5] == b"%PDF-"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = answer(rehearsal, "paper", "print", NOTICE, case, "--out", "纸", "--as", "geli")["papers"]
    assert again == [f"纸/{NOTICE}-{case}-2.pdf"]
    served = rehearsal("paper", "serve", case, NOTICE, "送达时间=2022-05-26 08:00", "签收人=李示例", "--as", "geli")
    assert f"案件 {case}：{NOTICE}已于 2022-05-26 08:00 送达" in served.stdout
    assert "2022-05-26 08:00 │ 2022-05-26 08:00" in rehearsal("paper", "list", case, "--as", "geli").stdout
    assert "转运交接单" in rehearsal("paper", "list", "--as", "geli").stdout


def test_what_is_filled_in_wrongly_is_told_at_once(rehearsal: Bihuan) -> None:
    told = rehearsal("paper", "serve", "X", NOTICE, "签收=李示例", "--as", "geli", exit_code=2).stderr
    for words in ("FACT-001 — 送达不填 签收", "did you mean 签收人", "缺少 送达时间", "缺少 签收人"):
        assert words in told
    assert "李示例" not in told
    told = rehearsal("paper", "print", NOTICE, "X", "--state", "隔离", "--as", "geli", exit_code=2).stderr
    assert "两者写一个" in told
    Path("纸").write_text("")
    case = inside(rehearsal)
    assert "FILE-010" in rehearsal("paper", "print", NOTICE, case, "--out", "纸", "--as", "geli", exit_code=2).stderr


def test_many_are_printed_with_a_bar_of_progress(rehearsal: Bihuan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.cli.papers.MANY", 2)
    for n in range(3):
        inside(rehearsal, str(n), f"name=甲{n}", f"phone=1390000000{n}", "community=华业社区", "contact=密切接触者")

    class Screen(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Screen())
    told = rehearsal("paper", "print", NOTICE, "--state", "集中隔离医学观察", "--out", "纸", "--as", "geli").stdout
    assert "打印 3 份" in told
    assert len(list(Path("纸").iterdir())) == 3


def test_where_nothing_is_to_be_printed_that_is_said_and_told_by_the_exit_code(rehearsal: Bihuan) -> None:
    told = rehearsal("paper", "print", "督办单", "--out", "纸", "--as", "yingji", exit_code=1).stderr
    assert "PAPER-005 — 打印 0 份：现在没有您能出、用得上“督办单”的案件" in told
    assert not Path("纸").exists()


def test_whoever_only_sees_is_told_that_nothing_personal_was_filled_in(rehearsal: Bihuan) -> None:
    answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")
    rehearsal("clock", "+9h")
    for user, said in (("jigong", "没有填个人信息"), ("shuju", "打开了谁的个人信息已留痕")):
        told = rehearsal("paper", "print", "督办单", "--out", user, "--as", user).stdout
        assert said in told
