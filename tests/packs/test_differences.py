from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main
from engine.packs.differences import Changed, differences
from engine.service import Office

TERMS = "rules/terms.yaml"
Files = dict[str, bytes]


def edited(files: Files, name: str, old: str, new: str) -> Files:
    text = files[name].decode()
    assert old in text
    return files | {name: text.replace(old, new, 1).encode()}


def test_the_same_pack_written_otherwise_is_no_difference(pack_files: Files) -> None:
    assert differences(pack_files, pack_files) == []
    lines = pack_files[TERMS].decode().split("\n")
    kept = [line for line in lines if "及时.核查" not in line]
    moved = [*kept, *[line for line in lines if "及时.核查" in line], "# 一句注释"]
    assert differences(pack_files, pack_files | {TERMS: "\n".join(moved).encode()}) == []
    alone = edited(pack_files, "workflows/arrival.yaml", "from: [quarantined]", "from: quarantined")
    assert differences(pack_files, alone) == []


def test_a_longer_deadline_is_told_as_one(pack_files: Files) -> None:
    longer = edited(pack_files, TERMS, "及时.核查: {within: 2h", "及时.核查: {within: 4h")
    assert differences(pack_files, longer) == [Changed("terms › 用语 › 及时.核查 › 多久", "2h", "4h")]


def test_a_transition_is_named_by_its_title_wherever_it_stands(pack_files: Files) -> None:
    narrower = edited(
        pack_files,
        "workflows/arrival.yaml",
        "from: [awaiting_transfer, awaiting_collection, in_transit]",
        "from: in_transit",
    )
    (changed,) = differences(pack_files, narrower)
    assert changed.where == "流程 来（返）人员管控 › 动作 › 送隔离点（admit） › 从"
    assert (changed.before, changed.after) == ("awaiting_transfer、awaiting_collection、in_transit", "in_transit")


def test_a_row_put_in_between_moves_none_of_the_others(pack_files: Files) -> None:
    row = (
        "      - {id: P99, source: 示例, priority: 15, when: {pcr_result: 未检},"
        " then: {category: 低风险, lead: 属地社区, workflow: arrival}}\n"
    )
    more = edited(pack_files, "rules/persons.yaml", "      - id: P02\n", row + "      - id: P02\n")
    (changed,) = differences(pack_files, more)
    assert changed.where.endswith("规则 › P99")
    assert changed.before == "无"
    assert "次序=15" in changed.after


def test_files_that_come_and_go_are_told(pack_files: Files) -> None:
    fewer = {name: raw for name, raw in pack_files.items() if name != "workflows/key_group.yaml"}
    assert differences(pack_files, fewer) == [Changed("流程 重点人群健康管理", "有", "无")]
    assert differences(fewer, pack_files) == [Changed("流程 重点人群健康管理", "无", "有")]


def test_an_edit_is_held_against_the_release_that_is_stored(
    office: Office,
    pack_files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert office.releases.files(1) == pack_files
    for name, raw in edited(pack_files, TERMS, "及时.核查: {within: 2h", "及时.核查: {within: 4h").items():
        (tmp_path / "pack" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pack" / name).write_bytes(raw)
    monkeypatch.setenv("BIHUAN_KEYS", str(tmp_path / "keys" / "master.key"))
    asked = ["rules", "diff", str(tmp_path / "pack"), "--release", "0", "--db", str(office.store.path)]
    monkeypatch.setattr("sys.argv", ["bihuan", *asked])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert "改动 1 处" in told
    assert "4h" in told


def test_a_document_is_told_sentence_by_sentence(pack_files: Files) -> None:
    plan = "rules/documents/heping-2022-12.txt"
    [told] = differences(pack_files, edited(pack_files, plan, "适时关闭相关场所", "立即关闭相关场所"))
    assert told == Changed(
        "documents/heping-2022-12", "根据疫情形势，适时关闭相关场所。", "根据疫情形势，立即关闭相关场所。"
    )
    gone = {name: raw for name, raw in pack_files.items() if name != plan}
    assert {each.after for each in differences(pack_files, gone)} == {"无"}
