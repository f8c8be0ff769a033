from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main
from engine.packs.differences import Changed, differences
from engine.packs.keywords import KEYS
from engine.packs.models import Model
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
    assert differences(pack_files, longer) == [Changed("用语 › 及时.核查 › 多久", "2h", "4h")]


def test_a_transition_is_named_by_its_title_wherever_it_stands(pack_files: Files) -> None:
    narrower = edited(
        pack_files,
        "workflows/arrival.yaml",
        "from: [awaiting_transfer, awaiting_collection, in_transit]",
        "from: in_transit",
    )
    (changed,) = differences(pack_files, narrower)
    assert changed.where == "流程 来（返）人员管控 › 动作 › 送隔离点（admit） › 从"
    assert (changed.before, changed.after) == ("待转运、居家转集中，待接走、转运中", "转运中")


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


def test_what_becomes_of_open_cases_is_told_entry_by_entry_from_the_first_on(pack_files: Files) -> None:
    entry = (
        "schema: 1\nmigration:\n  - {id: 九版, from: 2022-06-28, workflow: close_contact, states: [quarantined],"
        " when: {decision.category: 甲}, do: recompute, reason: 住过的都算}\n"
    )
    first = pack_files | {"rules/migration.yaml": entry.encode()}
    told = (
        "从=2022-06-28，流程=密切接触者集中隔离，环节=集中隔离医学观察，"
        "条件［判定的类别=甲］，怎么办=按新规则重算，理由=住过的都算"
    )
    assert differences(pack_files, first) == [Changed("规则变动 › 九版", "无", told)]
    assert differences(first, pack_files) == [Changed("规则变动 › 九版", told, "无")]
    more = entry + "  - {id: 待接, from: 2022-06-28, workflow: close_contact, do: move, reason: 不再改,"
    more += " moves: {awaiting_collection: monitored}}\n"
    [moved] = differences(first, first | {"rules/migration.yaml": more.encode()})
    assert "怎么办=转到新环节" in moved.after
    assert "转到［居家转集中，待接走=居家医学观察］" in moved.after
    [other] = differences(first, first | {"rules/migration.yaml": entry.replace("recompute", "ask").encode()})
    assert other == Changed("规则变动 › 九版 › 怎么办", "按新规则重算", "由人决定")


def test_a_new_value_and_what_a_state_says_are_told_in_words_and_once(pack_files: Files) -> None:
    row = "      - {from: 2022-06-28, value: 7, source: 国家防控方案第九版}\n"
    ended = "      - {from: 2023-01-08, value: null, source: 乙类乙管}\n"
    days = edited(pack_files, "rules/parameters.yaml", row, row + ended)
    [changed] = differences(pack_files, days)
    assert changed.where.startswith("参数 › 高风险来返人员集中隔离天数（arrival_high_days） › 取值")
    assert changed.after == "值=无，来源=乙类乙管"
    flow = pack_files["workflows/close_contact.yaml"].decode()
    state = flow[flow.index("  awaiting_collection:") : flow.index("  in_transit:")]
    verb = flow[flow.index("  - collect:") : flow.index("  - depart:")]
    fewer = pack_files | {"workflows/close_contact.yaml": flow.replace(state, "").replace(verb, "").encode()}
    told = {each.where.split(" › ")[-1]: each.before for each in differences(pack_files, fewer)}
    assert told["居家转集中，待接走（awaiting_collection）"] == (
        "阶段=核查，责任单位=转运专班，时限［转运到位（collect）［多久=发现后转运到位时限，起算=进入本环节，阶梯=standard］］，"
        "条款=二（三）"
    )
    assert told["居家改集中隔离（collect）"] == (
        "从=居家医学观察，到=居家转集中，待接走，谁办=社区工作人员、部门经办，佐证［证明材料编号=必填］，不能收回=是"
    )


def test_of_a_story_only_the_steps_that_are_others_are_told(pack_files: Files) -> None:
    name = "rules/examples/information.yaml"
    other = edited(pack_files, name, "do: refute", "do: respond")
    [changed] = differences(pack_files, other)
    assert " › 步骤 › 第 " in changed.where
    assert "怎么办=refute" in changed.before
    assert "怎么办=respond" in changed.after
    assert "；" not in changed.before, "one step, not all of the story"


def test_every_key_of_a_pack_has_a_word_and_no_word_is_left_over() -> None:
    models, keys = [Model], set()
    while models:
        model = models.pop()
        models += model.__subclasses__()
        if model.__module__.startswith("engine.packs.models.") and not model.__module__.endswith(".bounds"):
            keys |= {field.alias or name for name, field in model.model_fields.items()}
    assert keys - KEYS.keys() == set()
    assert KEYS.keys() - keys - {"lead", "supporting"} == set(), "those two stand in the outcome of a rule"


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
