"""`bihuan check`: certificates that hold with what was proved, others with their counter-examples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli import main
from engine.core.rulebook import Rulebook

Check = Callable[..., str]
NAMES = ["责任", "工作", "流程", "措施", "规则"]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    def command(*words: str, exit_code: int = 0) -> str:
        monkeypatch.setattr("sys.argv", ["bihuan", "check", *words])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        assert int(end.value.code or 0) == exit_code, told
        return told.out

    return command


@pytest.fixture
def draft(tmp_path: Path, pack_files: dict[str, bytes]) -> Callable[[str, str, str], Path]:
    def write(file: str, right: str, wrong: str) -> Path:
        for name, raw in pack_files.items():
            path = tmp_path / "pack" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw.replace(right.encode(), wrong.encode(), 1) if name == file else raw)
        return tmp_path / "pack"

    return write


def test_certificates_that_hold_say_how_much_was_proved(check: Check, book: Rulebook) -> None:
    told = check().splitlines()
    assert [line[:4] for line in told[:5]] == [f"✓ {name}" for name in NAMES]
    unfinished = sum(not state.final for flow in book.workflows.values() for state in flow.states.values())
    assert f"{unfinished} 个未办结环节" in told[0]
    certificates = json.loads(check("--json"))["certificates"]
    assert [(one["name"], one["holds"], one["problems"]) for one in certificates] == [
        (name, True, []) for name in NAMES
    ]


def test_one_that_does_not_hold_shows_the_way_into_the_trap(
    check: Check, draft: Callable[[str, str, str], Path]
) -> None:
    pack = str(draft("workflows/opinion.yaml", "      when: {actor: {not_since: 回应}}\n", ""))
    told = check(pack, exit_code=2)
    assert "✗ 工作" in told
    assert "已发现，待研判 → 已研判，待回应 → 已回应，待核销 → 已办结" in told
    assert [f"✓ {name}" in told for name in NAMES] == [True, False, True, True, True]
    assert told.count("WORK-003") == 1
    answer = json.loads(check(pack, "--json", exit_code=2))
    assert not answer["ok"]
    assert [one["name"] for one in answer["certificates"] if not one["holds"]] == ["工作"]


def test_nothing_is_called_proved_while_names_are_wrong(check: Check, draft: Callable[[str, str, str], Path]) -> None:
    told = check(str(draft("workflows/opinion.yaml", "to: responded", "to: respondet")), exit_code=2)
    assert "not proved yet" in told
    assert "FLOW-001" in told
    assert "✓" not in told


def test_bounds_are_told_beside_stories_that_do_not_hold(check: Check, draft: Callable[[str, str, str], Path]) -> None:
    pack = str(draft("rules/parameters.yaml", "value: 14, clause: 二（一）2", "value: 5, clause: 二（一）2"))
    told = check(pack, "--bounds", "docs/bounds.yaml", exit_code=2)
    assert "RULE-026" in told
    assert "BOUND-002 rules/parameters.yaml" in told
    assert [line[:4] for line in told.splitlines()[:5]] == [f"✓ {name}" for name in NAMES]
    assert "not proved yet" not in told
    codes = {
        problem["code"]
        for problem in json.loads(check(pack, "--bounds", "docs/bounds.yaml", "--json", exit_code=2))["problems"]
    }
    assert {"RULE-026", "BOUND-002"} <= codes


def test_where_only_a_bound_is_broken_everything_else_is_called_proved(
    check: Check, draft: Callable[[str, str, str], Path]
) -> None:
    put_off = ("workflows/close_contact.yaml", "extend: {by: approver, most: 24h}", "extend: {by: approver, most: 90d}")
    told = check(str(draft(*put_off)), "--bounds", "docs/bounds.yaml", exit_code=2)
    assert "not proved yet" not in told
    assert "✓ 规则" in told
    assert "时长 90天2小时（2小时 + 延期 90天） 太长" in told
    assert "共 1 处错误" in told
