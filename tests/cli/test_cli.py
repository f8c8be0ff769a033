"""The command line as people type it: what it prints and with which exit it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from engine.cli import main
from tests.conftest import AREAS
from tests.samples import CANARIES, CONTACT

ROOT = Path(__file__).resolve().parents[2]
FACTS = [f"{name}={value}" for name, value in CONTACT.items()]


@dataclass
class Told:
    """What a command printed."""

    stdout: str
    stderr: str


Bihuan = Callable[..., Told]


@pytest.fixture
def bihuan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bihuan:
    monkeypatch.setenv("BIHUAN_DB", str(tmp_path / "db" / "office.db"))
    monkeypatch.setenv("BIHUAN_KEYS", str(tmp_path / "keys" / "k"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("BIHUAN_AS", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, exit_code: int = 0) -> Told:
        monkeypatch.setattr("sys.argv", ["bihuan", *words])
        ended = 0
        try:
            main()
        except SystemExit as end:
            ended = int(end.code or 0)
        told = Told(*capsys.readouterr())
        assert ended == exit_code, told
        assert "Traceback" not in told.stdout + told.stderr
        return told

    return run


@pytest.fixture
def rehearsal(bihuan: Bihuan, tmp_path: Path) -> Bihuan:
    """A rehearsal of the shipped rules with nothing in it yet, not even what always stands open."""
    for folder in ("rules", "workflows"):
        shutil.copytree(ROOT / folder, tmp_path / "pack" / folder)
    (tmp_path / "pack" / "rules" / "standing.yaml").unlink()
    bihuan("init", "--rehearsal", "2022-05-26T08:00+08:00", "--pack", str(tmp_path / "pack"))
    return bihuan


def test_init_and_a_new_release_open_what_always_stands_open_and_say_so(bihuan: Bihuan, tmp_path: Path) -> None:
    told = bihuan("init", "--rehearsal", "2022-05-26T08:00+08:00").stdout
    assert "规则包写明的常设工作立案 31 件" in told
    shutil.copytree(ROOT / "workflows", tmp_path / "pack" / "workflows")
    shutil.copytree(ROOT / "rules", tmp_path / "pack" / "rules")
    standing = tmp_path / "pack" / "rules" / "standing.yaml"
    more = "  - {subject: duty, with: {duty: 卫生周活动, unit: 党群工作部}}\n"
    standing.write_text(standing.read_text("utf-8") + more, "utf-8")
    answer(bihuan, "rules", "draft", str(tmp_path / "pack"), "--reason", "卫生周", "--as", "guanli")
    approved = answer(bihuan, "rules", "approve", "1", "--as", "pizhun")
    assert len(approved["standing"]) == 1


def answer(bihuan: Bihuan, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(bihuan(*words, "--json").stdout)
    return told


def test_a_contact_goes_from_discovery_to_release_on_day_fourteen_by_command_line(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    now = "2022-05-26T08:00+08:00"
    rehearsal("case", "advance", case, "verify", f"checked_at={now}", "--as", "huaye")
    rehearsal("case", "advance", case, "depart", "vehicle=皖A·00001", f"departed_at={now}", "--as", "zhuanyun")
    rehearsal("clock", "+2h")
    rehearsal("case", "advance", case, "admit", "site=集中隔离点", "--as", "zhuanyun2")
    arrived = ["quarantine_started=2022-05-26T10:00+08:00", "room=301"]
    rehearsal("handover", "accept", case, *arrived, "--as", "geli")
    rehearsal("clock", "+13d")
    early = rehearsal("case", "advance", case, "release", "--as", "shenpi", exit_code=1).stderr.splitlines()
    assert early == [
        "CASE-010 — 集中隔离医学观察须满 14 天，今天是第 13 天，2022-06-09 0 时起方可（还差 1 天）",
        "CASE-010 — 缺少第 14 天及以后采样的核酸检测结果为 阴性：还没有任何结果",
    ]
    rehearsal("clock", "+14h")
    untested = rehearsal("case", "advance", case, "release", "--as", "shenpi", exit_code=1).stderr
    assert "还没有任何结果" in untested
    assert "须满" not in untested
    swab = ["pcr_result=阴性", "sampled_at=2022-06-09T00:00+08:00"]
    rehearsal("case", "advance", case, "test", *swab, "--as", "geli")
    handler = rehearsal("case", "advance", case, "release", "--as", "geli", exit_code=1).stderr
    assert handler.strip() == "CASE-010 — 须由自进入“隔离”以来未经办本案的人员办理，geli 已经办过，请换人"
    done = answer(rehearsal, "case", "advance", case, "release", "--as", "shenpi")
    assert (done["final"], done["note"]) == ("released", "演练")
    assert "无误" in rehearsal("audit", "verify").stdout
    shown = rehearsal("case", "show", case, "--as", "shuju").stdout
    assert "【演练" in shown
    assert "解除集中隔离 → 已解除" in shown
    assert not any(canary in shown for canary in CANARIES)
    assert CONTACT["id_number"] in rehearsal("case", "show", case, "--as", "shuju", "--reveal", "核对").stdout


def test_alerts_ring_are_listed_and_acknowledged(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    assert "发出 3 条预警" in rehearsal("clock", "+5h").stdout
    listed = rehearsal("alert", "list", "--as", "huaye").stdout
    assert re.search(rf"黄 .*{case} .*核查", listed)
    assert answer(rehearsal, "sweep")["raised"] == 0
    assert "发出 0 条预警" in rehearsal("sweep").stdout
    assert "已知悉 3 条" in rehearsal("alert", "ack", case, "--as", "huaye").stdout
    assert answer(rehearsal, "alert", "list", "--as", "huaye")["alerts"] == []
    assert len(answer(rehearsal, "alert", "list", "--all", "--as", "huaye")["alerts"]) == 3


def test_a_list_is_taken_in_masked_revealed_exported_and_settled(rehearsal: Bihuan, data: Path, tmp_path: Path) -> None:
    assert "新 9659" in rehearsal("areas", "load", str(data / AREAS), "--as", "shuju").stdout
    path = tmp_path / "hotel.csv"
    path.write_bytes((data / "dev3_hotel_2022-05-28.csv").read_bytes())
    rehearsal("clock", "+58h")
    dry = rehearsal("intake", str(path), "--source", "酒店", "--dry-run", "--as", "shuju").stdout
    assert "试算，没有写入" in dry
    told = answer(rehearsal, "intake", str(path), "--source", "酒店", "--reveal", "TEST", "--as", "shuju")
    assert told["counts"] == {"opened": 227, "refused": 21, "duplicate": 2}
    assert told["rows"][0]["id"] == "330106198510311797"
    assert Path(told["returned"]).stat().st_mode & 0o777 == 0o600
    again = rehearsal("intake", str(path), "--source", "酒店", "--as", "shuju").stdout
    assert "0 new" in again
    masked = json.loads(rehearsal("intake", str(path), "--source", "酒店", "--as", "shuju", "--json").stdout)
    assert masked["rows"][0]["id"] == "330***********1797"
    out = rehearsal("intake", "export", told["file"], "--out", str(tmp_path / "回.xlsx"), "--as", "shuju").stdout
    assert "250 行已写入" in out
    settled = rehearsal("intake", "settle", told["file"], "12", "--as", "shuju").stdout
    assert "已了结 1 行" in settled
    assert "【演练" in rehearsal("intake", "--help").stdout or "名单导入" in rehearsal("intake", "--help").stdout


def test_check_does_without_the_store(bihuan: Bihuan) -> None:
    assert "没有错误" in bihuan("check").stdout
    assert answer(bihuan, "check")["ok"] is True
    assert "RULE-009 /nowhere — 这里没有规则包" in bihuan("check", "/nowhere", exit_code=2).stdout
    assert json.loads(bihuan("check", "/nowhere", "--json", exit_code=2).stdout)["problems"][0]["code"] == "RULE-009"
    asked = "import sys; import engine.cli; import engine.cli.rules; print([m for m in sys.modules if 'sql' in m])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        pytest.param(["case", "list", "--db", "none.db"], 2, "没有数据库", id="no database"),
        pytest.param(["init", "--rehearsal", "today"], 2, "ARG-002", id="no time"),
        pytest.param(["frobnicate"], 2, "没有这个命令", id="no command"),
        pytest.param(["clock", "3x"], 2, "写作 +30m、+3h、+14d", id="no offset"),
        pytest.param(["clock", "+400d"], 2, "一次不超过 366d", id="too far"),
        pytest.param(["init", "--rehearsal", ""], 2, "ARG-002", id="an empty time"),
        pytest.param(
            ["init", "--rehearsal", "2119-12-30 23:59"], 2, "2000-01-01 到 2100-01-01 之间", id="no such time"
        ),
        pytest.param(["init", "--db", "/proc/q.db"], 2, "STORE-007 — 这里建不了数据库", id="no place"),
        pytest.param(["demo", "--keep", "/etc/hostname"], 2, "STORE-007", id="a file for a folder"),
    ],
)
def test_what_cannot_be_read_is_told_and_ends_with_two(
    bihuan: Bihuan, words: list[str], exit_code: int, told: str
) -> None:
    assert told in bihuan(*words, exit_code=exit_code).stderr


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        pytest.param(["case", "list"], 1, "没有说明是谁在办理", id="nobody"),
        pytest.param(["case", "list", "--as", "hueye"], 1, "did you mean huaye", id="misspelt user"),
        pytest.param(["case", "show", "00000000000", "--as", "shuju"], 2, "没有案件", id="no such case"),
        pytest.param(["case", "open", "来源=x", "--kind", "matter", "--as", "shuju"], 2, "不能由人立案", id="a matter"),
        pytest.param(["case", "open", "姓名=a", "姓名=b", "--as", "huaye"], 2, "姓名 写了两次", id="a name twice"),
        pytest.param(["case", "open", "姓名==1+1", "--as", "huaye"], 2, "公式单元格", id="a formula for a name"),
        pytest.param(["case", "open", "姓名=123", "--as", "huaye"], 2, "姓名不能只有数字", id="digits for a name"),
        pytest.param(["case", "list", "--state", "fuond", "--as", "shuju"], 2, "did you mean found", id="no state"),
        pytest.param(["intake", "settle", "F", "9" * 20, "--as", "shuju"], 2, "SHEET-021", id="no such row"),
        pytest.param(["case", "open", "name=", "--as", "huaye"], 2, "缺少 姓名", id="no name"),
        pytest.param(["case", "open", *FACTS, "--as", "geli"], 1, "没有权限", id="no right"),
        pytest.param(["init"], 2, "数据库已存在", id="a second init"),
        pytest.param(["rules", "draft", "pack", "--reason", "x", "--as", "guanli"], 1, "内容相同", id="nothing new"),
        pytest.param(["rules", "draft", "pack", "--as", "guanli"], 2, "缺少理由", id="a draft without a reason"),
        pytest.param(["rules", "approve", "1", "--as", "pizhun"], 2, "没有草案 1", id="no draft"),
        pytest.param(["rules", "rollback", "7", "--reason", "x", "--as", "guanli"], 1, "没有第 7 版", id="no release"),
        pytest.param(["rules", "diff"], 2, "比什么没有写明", id="nothing to compare"),
        pytest.param(["bounds", "none.yaml"], 2, "BOUND-006", id="no bounds"),
        pytest.param(["areas", "load", "none.csv", "--as", "shuju"], 2, "AREA-002", id="no list of areas"),
        pytest.param(["intake", "none.csv", "--source", "酒店", "--as", "shuju"], 2, "FILE-007", id="no list"),
        pytest.param(["intake", "none.csv", "--as", "shuju"], 2, "--source", id="no source"),
        pytest.param(["intake", "settle", "F", "1", "--as", "shuju"], 2, "没有待了结的事", id="nothing to settle"),
        pytest.param(["subject", "erase", "S", "--as", "guanli"], 2, "没有对象", id="no subject"),
        pytest.param(["audit", "verify", "--anchor", "none"], 2, "AUDIT-002", id="no anchor"),
        pytest.param(["case", "advance", "X", "verify", "--at", "now", "--as", "shuju"], 2, "ARG-002", id="no time"),
    ],
)
def test_what_is_refused_ends_with_one_or_two(rehearsal: Bihuan, words: list[str], exit_code: int, told: str) -> None:
    assert told in rehearsal(*words, exit_code=exit_code).stderr


def test_an_anchor_finds_what_came_after_it_was_cut(rehearsal: Bihuan, tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - the attacker's tool

    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    (tmp_path / "anchor").write_text(rehearsal("audit", "anchor").stdout, "utf-8")
    assert "无误" in rehearsal("audit", "verify", "--anchor", str(tmp_path / "anchor")).stdout
    connection = sqlite3.connect(tmp_path / "db" / "office.db")
    for table in ("event", "deadline", "involved", "custody", "case"):
        connection.execute(f'DELETE FROM "{table}" WHERE {"id" if table == "case" else "case_id"} = ?', (case,))
    connection.commit()
    connection.close()
    assert "无误" in rehearsal("audit", "verify").stdout
    found = rehearsal("audit", "verify", "--anchor", str(tmp_path / "anchor"), exit_code=1).stderr
    assert "第 2 条起被截去" in found
    assert "案件 1 件 → 0 件" in found


def sent(bihuan: Bihuan, number: int) -> str:
    """A contact who waits to be driven to the quarantine site."""
    facts = [fact for fact in FACTS if not fact.startswith(("id_number", "phone", "name"))]
    named = [f"name=甲{number}", f"phone=1390000000{number}"]
    case = str(answer(bihuan, "case", "open", *facts, *named, "--as", "huaye")["case"])
    bihuan("case", "advance", case, "verify", "checked_at=2022-05-26T08:00+08:00", "--as", "huaye")
    return case


def test_what_is_opened_besides_is_told_with_those_of_its_kind_that_are_open(rehearsal: Bihuan) -> None:
    facts = ("nature=突发情况", "summary=示例", "community=东七社区")
    case = answer(rehearsal, "case", "open", "--kind", "info", *facts, "--as", "yingji2")["case"]
    rehearsal("case", "advance", case, "respond", "responded_at=2022-05-26 08:00", "--as", "yingji2")
    drawn = ("case", "advance", case, "draw", "drawn_at=2022-05-26 08:00", "--as", "yingji2")
    [first] = answer(rehearsal, *drawn, "kit=单人转运")["opened"]
    assert f"；另有在办的物资领用：{first}" in " ".join(rehearsal(*drawn, "kit=小区封控").stdout.split())


def test_a_case_changes_hands_by_command_line(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    rehearsal("clock", "+1h")
    told = rehearsal("handover", "decline", case, "和平社区", "--reason", "住在和平路", "--as", "huaye").stdout
    assert "归 华业社区，已交 和平社区 待签收" in told
    assert "时限 和平社区 签收：2022-05-26 11:00 前" in told
    assert "已交 和平社区 待签收" in rehearsal("case", "show", case, "--as", "heping").stdout
    assert "待签收 1 件，其中待本单位签收 1 件" in rehearsal("handover", "list", "--as", "heping").stdout
    assert answer(rehearsal, "handover", "list", "--as", "huaye")["hand_overs"][0]["receiver"] == "和平社区"
    refused = rehearsal("handover", "return", case, "--as", "heping", exit_code=2).stderr
    assert "缺少理由" in refused
    rehearsal("handover", "return", case, "--reason", "不在此住", "--as", "heping")
    settled = rehearsal("handover", "offer", case, "凤阳社区", "--as", "huaye", exit_code=1).stderr
    assert "已退 2 次，由 应急办 裁定" in settled
    other = answer(
        rehearsal,
        "case",
        "open",
        "name=乙示例",
        "phone=13900002346",
        "community=华业社区",
        "contact=密切接触者",
        "--as",
        "huaye",
    )["case"]
    rehearsal("handover", "offer", other, "凤阳社区", "--as", "huaye", "--at", "2022-05-26 09:00")
    assert answer(rehearsal, "handover", "accept", other, "--as", "fengyang")["owner"] == "凤阳社区"
    assigned = rehearsal("handover", "assign", case, "和平社区", "--reason", "户籍", "--as", "yingji").stdout
    assert "归 和平社区" in assigned
    assert "责任链" in rehearsal("case", "custody", case, "--as", "heping").stdout
    at = rehearsal("case", "custody", case, "--at", "2022-05-26 08:59", "--as", "heping").stdout
    assert "2022-05-26 08:59：华业社区（案件" in at
    assert "那时不在办" in rehearsal("case", "custody", case, "--at", "2022-05-26 07:00", "--as", "heping").stdout
    line = answer(rehearsal, "case", "custody", case, "--as", "heping")["custody"]
    assert [row["unit"] for row in line] == ["华业社区", "和平社区"]


def test_a_trip_with_one_missing_and_one_extra_by_command_line(rehearsal: Bihuan) -> None:
    one, two, extra = (sent(rehearsal, number) for number in range(3))
    lacking = rehearsal("trip", "open", "皖A·1", one, "--to", "集中隔离点", "--as", "zhuanyun", exit_code=2).stderr
    assert "缺少驾驶员" in lacking
    opened = ["trip", "open", "皖A·1", one, two, "--driver", "王驾驶", "--to", "集中隔离点", "--as", "zhuanyun"]
    told = rehearsal(*opened).stdout
    trip = re.search(r"车次 (\w+)：皖A·1，转运专班 → 集中隔离点，2 人", told)
    assert trip
    assert "在途 2" in rehearsal("trip", "list", "--as", "geli").stdout
    same = ["入住时间=2022-05-26 08:00", one, "房间=301"]
    twice = rehearsal("trip", "receive", trip[1], *same, one, "--as", "geli", exit_code=2).stderr
    assert "写了两次" in twice
    done = rehearsal("trip", "receive", trip[1], *same, "--extra", extra, "--as", "geli").stdout
    assert "签收 1 人，未到 1 人，多出 1 人" in done
    assert f"案件 {two} 应到未到，仍由原单位负责；核对事项" in done
    shown = rehearsal("trip", "show", trip[1], "--as", "zhuanyun").stdout
    assert "驾驶员 王*" in shown
    assert "未到" in shown
    assert "王驾驶" in rehearsal("trip", "show", trip[1], "--as", "shuju", "--reveal", "核对").stdout
    assert answer(rehearsal, "trip", "list", "--as", "shuju")["trips"][0]["outcomes"] == {"accepted": 1, "missing": 1}
    assert answer(rehearsal, "trip", "show", trip[1], "--as", "geli")["driver"] == "王*"
    assert answer(rehearsal, "site", "list")["sites"][0]["taken"] == 1
    assert re.search(r"集中隔离点 .*300 .*1 .*299", rehearsal("site", "list").stdout)
    assert "无误" in rehearsal("audit", "verify").stdout


def test_the_scheduler_runs_and_sweeps_until_it_is_stopped(tmp_path: Path, rehearsal: Bihuan) -> None:
    answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")
    environment = {
        **os.environ,
        "BIHUAN_KEYS": str(tmp_path / "keys" / "k"),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-c", "from engine.cli import main; main()", "run", "--every", "1"]
    with subprocess.Popen(
        [*command, "--db", str(tmp_path / "db" / "office.db")], stdout=subprocess.PIPE, text=True, env=environment
    ) as running:
        assert running.stdout is not None
        rehearsal("clock", "+2h")
        for line in running.stdout:
            if "告 华业社区" in line:
                break
        running.terminate()
        assert "演练" in line


def test_the_version_is_told(bihuan: Bihuan) -> None:
    assert bihuan("--version").stdout.startswith("bihuan 0.")


def test_tasks_are_listed_claimed_done_in_bulk_and_skipped(rehearsal: Bihuan, tmp_path: Path) -> None:
    person = ["name=赵示例", "phone=13900005678", "community=华业社区", "key_group=康复患者"]
    case = answer(rehearsal, "case", "open", *person, "--as", "huaye")["case"]
    rehearsal("case", "advance", case, "enrol", "managed_from=2022-05-26", "--as", "huaye")
    assert "任务 8 项，超期 0 项" in rehearsal("task", "list", "--as", "huaye").stdout
    rehearsal("clock", "+3h")
    told = rehearsal("task", "list", "--as", "huaye").stdout
    assert "任务 9 项，超期 0 项" in told
    assert "测温" in told
    assert "待做" in told
    assert re.search("2022-05-26 08:00.* 12:00.*待做", told), "when it is due, and from when on it is overdue"
    visits = rehearsal("task", "list", "--task", "上门巡查", "--workflow", "重点人群健康管理", "--as", "huaye").stdout
    assert "测温" not in visits
    assert "上门巡查" in visits
    assert rehearsal("task", "list", "--workflow", "venue", "--as", "huaye").stdout.count("任务 0 项") == 1
    assert "did you mean 测温" in rehearsal("task", "list", "--task", "测湿", "--as", "huaye", exit_code=2).stderr
    whole = rehearsal("case", "show", case, "--as", "huaye").stdout
    assert "写明理由可免做，由 部门经办：" in whole
    assert "已认领" in rehearsal("task", "claim", case, "测温", "--as", "huaye").stdout
    assert len(answer(rehearsal, "task", "list", "--mine", "--as", "huaye")["tasks"]) == 1
    assert "已由 huaye 认领" in rehearsal("task", "claim", case, "temperature", "--as", "huaye", exit_code=1).stderr
    assert "已放弃" in rehearsal("task", "claim", case, "temperature", "--give-up", "--as", "huaye").stdout
    done = rehearsal("task", "done", "temperature", f"{case}=正常", "K-NONE=正常", "--as", "huaye", exit_code=1).stdout
    assert "登记 1 件，拒绝 1 件" in done
    (tmp_path / "t.csv").write_text(f"{case},在家\n", "utf-8")
    assert answer(rehearsal, "task", "done", "visit", "--file", "t.csv", "--as", "huaye")["refused"] == 0
    at = "2022-05-26T20:00"
    skipped = rehearsal("task", "skip", case, "测温", "--due", at, "--reason", "停电", "--as", "shewu").stdout
    assert "已免做" in skipped
    assert (
        "没有待办的测温"
        in rehearsal("task", "skip", case, "测温", "--due", at, "--reason", "停电", "--as", "shewu", exit_code=2).stderr
    )
    shown = rehearsal("case", "show", case, "--as", "huaye").stdout
    assert all(word in shown for word in ("任务", "已做", "免做", "未到时"))
    assert "停电" not in shown


def test_ladders_are_rehearsed_by_command_line(bihuan: Bihuan, tmp_path: Path, pack_files: dict[str, bytes]) -> None:
    assert "每一级都有人可告" in bihuan("ladder", "test").stdout
    told = answer(bihuan, "ladder", "test")
    assert told["ok"]
    assert {len(item["told"]) for item in told["ladders"]} == {3, 4, 5}
    for name, raw in pack_files.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw.replace(b"tell: leader", b"tell: owner"))
    refused = bihuan("ladder", "test", str(tmp_path / "pack"), exit_code=2)
    assert "LADDER-002" in refused.stderr


def test_a_deadline_is_extended_and_shelved_by_command_line(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    words = ("verify", "4h", "--reason", "住户外出", "--as", "shenpi")
    assert "已延期" in rehearsal("case", "extend", case, *words).stdout
    rehearsal("case", "shelve", case, "verify", "2d", "--reason", "住户外出", "--as", "shenpi")
    shown = rehearsal("case", "show", case, "--as", "huaye").stdout
    assert "14:00 = 立案 08:00 + 2小时（及时.核查，二（一）1） + 延期 4小时" in shown
    assert "挂账至 2022-05-28 08:00" in rehearsal("case", "list", "--as", "huaye").stdout
    assert "ARG-002" in rehearsal("case", "extend", case, "verify", "soon", "--as", "shenpi", exit_code=2).stderr
    assert "CASE-019" in rehearsal("case", "extend", case, "verify", "4h", "--as", "shenpi", exit_code=2).stderr


def test_with_json_a_refusal_is_json_too(rehearsal: Bihuan) -> None:
    told = json.loads(rehearsal("case", "list", "--json", exit_code=1).stdout)
    assert (told["ok"], told["problems"][0]["code"]) == (False, "AUTH-001")
    assert (told["note"], told["rehearsal"][:4]) == ("演练", "2022")
    assert answer(rehearsal, "audit", "anchor")["anchor"].startswith("bihuan-anchor-1")


def test_transitions_and_states_are_known_by_their_titles(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    step = ["case", "advance", case, "核实，待转运", "核查时间=2022-05-26 08:00", "--as", "huaye"]
    assert "是不是 found" in rehearsal(*step, "--seen", "fond", exit_code=2).stderr
    assert "待转运" in rehearsal(*step, "--seen", "已发现").stdout
    listed = answer(rehearsal, "case", "list", "--state", "待转运", "--as", "shuju")["cases"]
    assert [row["case"] for row in listed] == [case]


def test_a_reveal_states_its_reason_and_stands_in_the_timeline(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    for blank in ("", " "):
        assert "ARG-003" in rehearsal("case", "show", case, "--as", "shuju", "--reveal", blank, exit_code=2).stderr
    rehearsal("case", "show", case, "--as", "shuju", "--reveal", "电话核对")
    shown = rehearsal("case", "show", case, "--as", "shuju").stdout
    assert re.search(r"shuju .*查看完整个人信息", shown)
    assert "电话核对" not in shown


def test_a_dry_run_tells_no_number_that_will_never_be(rehearsal: Bihuan, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "hotel.csv"
    path.write_bytes((data / "dev3_hotel_2022-05-28.csv").read_bytes())
    rehearsal("clock", "+58h")
    told = answer(rehearsal, "intake", str(path), "--source", "酒店", "--dry-run", "--as", "shuju")
    assert {row["case"] for row in told["rows"]} == {""}
    assert (told["file"], told["matter"]) == ("", "")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere/a.xlsx", "没有这个文件夹"),
        ("a.pdf", "不是 .xlsx"),
        ("list.csv", "不是 .xlsx"),
        ("old.xlsx", "已有这个文件"),
    ],
)
def test_a_list_goes_back_where_it_was_asked_for_or_nowhere(
    rehearsal: Bihuan, tmp_path: Path, name: str, why: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("姓名,身份证号\n李示例,340102196502162100\n", "utf-8")
    (tmp_path / "old.xlsx").write_bytes(b"")
    file = answer(rehearsal, "intake", str(path), "--source", "酒店", "--as", "shuju")["file"]
    out = ["intake", "export", file, "--as", "shuju", "--out"]
    assert why in rehearsal(*out, str(tmp_path / name), exit_code=2).stderr
    assert Path(answer(rehearsal, *out, str(tmp_path / "new.xlsx"))["path"]) == tmp_path / "new.xlsx"


def test_a_key_that_is_a_folder_is_told(rehearsal: Bihuan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIHUAN_KEYS", str(tmp_path / "keys"))
    assert "这是文件夹，不是密钥文件" in rehearsal("case", "list", "--as", "shuju", exit_code=2).stderr


def test_a_list_whose_workbook_cannot_be_written_is_taken_in_and_told_of(
    rehearsal: Bihuan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("姓名,身份证号\n李示例,1\n", "utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.intake.back._workbook", full)
    told = rehearsal("intake", str(path), "--source", "酒店", "--as", "shuju").stdout
    assert "退回 1 行" in told
    assert "退回的工作簿写不出来" in told


def test_boards_are_counted_and_listed_by_command_line(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    rehearsal("clock", "+3h")
    counted = {row["name"]: row for row in answer(rehearsal, "board", "--as", "huaye")["boards"]}
    assert (counted["community"]["number"], counted["community"]["overdue"]) == (1, 1)
    told = rehearsal("board", "--as", "huaye").stdout
    assert all(title in told for title in ("我的", "部门", "社区", "待签收", "将到期", "超期", "挂账"))
    assert re.search(
        rf"{case} .*华业社区 .*核查 .*2022-05-26 10:00 .*1 小时", rehearsal("board", "超期", "--as", "huaye").stdout
    )
    assert answer(rehearsal, "board", "overdue", "--as", "huaye")["rows"][0]["overdue"] == "1 小时"
    assert "没有看板 超" in rehearsal("board", "超", "--as", "huaye", exit_code=2).stderr


def test_a_case_fits_a_hundred_columns_and_shows_what_to_do_before_what_was(
    rehearsal: Bihuan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    child = ["姓名=甲示例", "手机号=13900002345", "末次接触日期=2022-05-26", "--parent", case]
    named = answer(rehearsal, "case", "open", *child, "--as", "huaye")["case"]
    for number in range(13):
        rehearsal("case", "correct", case, f"现住址=某号{number}", "--reason", "写错", "--as", "huaye")
    shown = rehearsal("case", "show", case, "--as", "huaye").stdout
    assert max(map(cell_len, shown.splitlines())) <= 100
    order = ("环节", "时限 核查", "可办 verify", "要素", f"{named}", "判定", "责任链", "经过 15 条（另有更早的 3 条")
    places = [shown.index(word) for word in order]
    assert places == sorted(places)
    assert "密接，依据 P03（二（一）2）" in shown
    assert "与病例关系=密切接触者" in shown
    assert "更早" not in rehearsal("case", "show", case, "--all", "--as", "huaye").stdout
    assert f"上级案件 {case}（本案是其次密接）" in rehearsal("case", "show", named, "--as", "shewu").stdout


def test_who_is_known_already_and_named_as_a_contact_is_told_to_hang_on_with_her_case(rehearsal: Bihuan) -> None:
    case = answer(rehearsal, "case", "open", *FACTS, "--as", "huaye")["case"]
    known = ["姓名=乙示例", "手机号=13900002346", "所属社区=华业社区"]
    was = answer(rehearsal, "case", "open", *known, "来源地风险等级=low", "--as", "huaye")["case"]
    told = rehearsal("case", "open", *known, "末次接触日期=2022-05-26", "--parent", case, "--as", "huaye").stdout
    assert f"已有在办案件，挂到 {case} 名下；随之改变：" in told
    assert re.search(rf"流程 来（返）人员管控 → 密切接触者集中隔离；案件 {was} → ", told.replace("\n", ""))


def test_no_line_of_help_is_cut_on_a_narrow_terminal(bihuan: Bihuan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    groups = ["areas", "intake", "case", "task", "alert", "handover", "trip", "site", "ladder", "rules", "audit"]
    for words in ([], *([group] for group in groups)):
        listed = bihuan(*words, "--help").stdout.partition("Commands")[2]
        assert "…" not in listed, listed


def test_a_case_whose_tasks_are_all_over_shows_them_in_one_line(rehearsal: Bihuan) -> None:
    person = ["name=赵示例", "phone=13900005678", "community=华业社区", "key_group=康复患者"]
    case = answer(rehearsal, "case", "open", *person, "--as", "huaye")["case"]
    rehearsal("case", "advance", case, "enrol", "managed_from=2022-05-26", "--as", "huaye")
    rehearsal("clock", "+3h")
    due = [item["due"] for item in answer(rehearsal, "case", "show", case, "--as", "huaye")["tasks"]]
    assert due == sorted(due)
    rehearsal("case", "advance", case, "hand_over_out", "destination=他区", "--as", "huaye")
    rehearsal("handover", "accept", case, "receipt=TQ-1", "--as", "huaye")
    [line] = [line for line in rehearsal("case", "show", case, "--as", "huaye").stdout.splitlines() if "任务" in line]
    assert line.startswith("任务 ")
    assert line.endswith("--all 全部列出）")


def test_a_first_date_too_early_is_not_sent_to_be_corrected_in_a_case_that_is_not_there(rehearsal: Bihuan) -> None:
    told = rehearsal("case", "open", *FACTS[:-1], "last_exposure=2020-01-01", "--as", "huaye", exit_code=1).stderr
    assert "立案时先不填" in told
    assert "更早的事实请按更正办理" not in told


def test_coverage_counts_by_unit_and_names_who_was_left_out(rehearsal: Bihuan) -> None:
    told = ("venue_name=某肉铺", "venue_type=冷冻肉制品经营单位", "address=某路", "community=华业社区")
    case = answer(rehearsal, "case", "open", "--kind", "venue", *told, "--as", "huaye")["case"]
    shown = rehearsal("coverage", "冷链检查", "--as", "shijian").stdout
    assert "应查 1，已查 0，漏查 1" in shown
    assert case in shown
    found = answer(rehearsal, "coverage", "cold_chain", "--since", "2022-05-01", "--as", "shijian")
    assert [each["case"] for each in found["missing"]] == [case]


def test_the_daily_report_the_profile_and_who_to_reach_by_command_line(rehearsal: Bihuan, tmp_path: Path) -> None:
    rehearsal("case", "open", *FACTS, "--as", "huaye")
    assert "正好在这一刻记录的 1 条没有算进去" in rehearsal("report", "daily", "--as", "shuju").stdout
    rehearsal("clock", "+1h")
    told = rehearsal("report", "daily", "--as", "shuju").stdout
    assert "没有算进去" not in told
    assert "外防输入" in told
    assert "截至 2022-05-26 09:00（不含），报 区防指办数据组" in told
    early = answer(rehearsal, "report", "daily", "--as-of", "2022-05-26 08:00", "--as", "shuju")
    assert early["sheets"][0]["rows"] == []
    assert "（8 张表）" in rehearsal("report", "daily", "--out", "日报.xlsx", "--as", "shuju").stdout
    assert (tmp_path / "日报.xlsx").is_file()
    assert "现在是 平" in rehearsal("profile").stdout
    tried = rehearsal("profile", "急", "--reason", "本区出现病例", "--dry-run", "--as", "guanli").stdout
    assert "及时.核查：2小时 → 1小时" in tried
    assert "（没有写入）" in tried
    assert "1 件在办案件按它重新起算" in rehearsal("profile", "急", "--reason", "病例", "--as", "guanli").stdout
    assert "0558-55501" in rehearsal("contacts", "华业社区", "--as", "huaye").stdout
    assert "从未" in rehearsal("intake", "sources", "--as", "shuju").stdout
    assert "信息往来" in rehearsal("intake", "log", "--source", "派出所", "--as", "shuju").stdout
