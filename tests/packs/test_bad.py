"""One file per mistake: its first line holds the words the error must contain, its second where it is put."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.core.rulebook import Rulebook
from engine.packs.notes import notes
from engine.packs.pack import bundle, compile_pack, examine, read_folder, unbundle

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


def refused(files: dict[str, bytes]) -> BadInput:
    with pytest.raises(BadInput) as found:
        compile_pack(files)
    return found.value


@pytest.fixture(scope="module")
def sound(pack_files: dict[str, bytes]) -> float:
    """How long this machine takes to check the pack when nothing is wrong with it."""
    started = time.process_time()
    examine(pack_files)
    return time.process_time() - started


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_mistake_is_told_with_its_place_and_the_way_out(
    path: Path, pack_files: dict[str, bytes], sound: float
) -> None:
    text = path.read_text("utf-8")
    words, where = (line.removeprefix("# ") for line in text.splitlines()[:2])
    started = time.process_time()
    error = refused(pack_files | {where: path.read_bytes()})
    assert time.process_time() - started < 3 * sound
    told = "\n".join(str(problem) for problem in error.problems)  # a whole file gone, and every name in it
    for word in words.split(" "):
        assert word in told, told
    assert where in told
    assert "Traceback" not in told


GENERATED = {
    "RULE-010 1,000,001": b"#" + b"x" * 1_000_000,
    "RULE-011 GB18030 UTF-8": "schema: 1\ntables: {} # 规则".encode("gb18030"),
    "RULE-011 UTF-16 UTF-8": "schema: 1".encode("utf-16"),
    "RULE-008": b"a: " + b"[" * 2000,
    "RULE-012": b"schema: 1\ntables: {a: \x00}",
}


@pytest.mark.parametrize("words", GENERATED)
def test_bytes_that_are_no_rules_are_refused_quickly(words: str, pack_files: dict[str, bytes], sound: float) -> None:
    started = time.process_time()
    told = str(refused(pack_files | {"rules/extra.yaml": GENERATED[words]}))
    assert time.process_time() - started < 2 * sound
    for word in words.split(" "):
        assert word in told


def test_too_many_states_are_refused(pack_files: dict[str, bytes]) -> None:
    states = "\n".join(f"  s{n}: {{title: 环, stage: 段, final: closed}}" for n in range(5000))
    head = "schema: 1\nworkflow: x\ntitle: x\nsubject: person\ninitial: s0\ntransitions: []\nstates:\n"
    assert "FLOW-015" in str(refused(pack_files | {"workflows/extra.yaml": (head + states).encode()}))


def test_all_mistakes_of_all_files_are_told_at_once(pack_files: dict[str, bytes]) -> None:
    files = dict(pack_files)
    files["rules/persons.yaml"] = (
        files["rules/persons.yaml"]
        .replace("lead: 社会事务部".encode(), "lead: 社会事物部".encode(), 1)
        .replace(b"priority: 30\n", b"priority: 30\n        prioritty: 31\n", 1)
        .replace(b"origin_level: medium", b"origin_level: mediun", 1)
    )
    files["workflows/registration.yaml"] = files["workflows/registration.yaml"].replace(b"to: informed", b"to: informd")
    files["rules/ladders.yaml"] = files["rules/ladders.yaml"].replace(b"tell: leader", b"tell: leadr")
    error = refused(files)
    codes = sorted(problem.code for problem in error.problems)
    assert {"RULE-020", "RULE-022", "RULE-023", "FLOW-001"} <= set(codes)
    assert len(codes) >= 5
    assert len({problem.place.file for problem in error.problems}) == 3
    assert all(problem.place.line for problem in error.problems)


def test_a_wrong_workflow_of_a_rule_hides_no_wrong_parameter_beside_it(pack_files: dict[str, bytes]) -> None:
    right = b"workflow: close_contact,\n               days: close_contact_quarantine_days"
    wrong = b"workflow: close_contct,\n               days: close_contact_quarantine_day"
    error = str(refused(pack_files | {"rules/persons.yaml": pack_files["rules/persons.yaml"].replace(right, wrong, 1)}))
    assert "没有流程 close_contct" in error
    assert "没有参数 close_contact_quarantine_day " in error


def test_a_mistake_in_the_form_of_one_file_hides_no_wrong_name_in_another(pack_files: dict[str, bytes]) -> None:
    files = dict(pack_files)
    files["rules/persons.yaml"] = files["rules/persons.yaml"].replace(b"hit_policy: priority", b"hit_policy: prority")
    files["workflows/registration.yaml"] = files["workflows/registration.yaml"].replace(b"to: informed", b"to: informd")
    files["rules/ladders.yaml"] = files["rules/ladders.yaml"].replace(b"at: -30m", "at: 半小时前".encode())
    assert sorted((problem.code, problem.place.file) for problem in refused(files).problems) == [
        ("FLOW-001", "workflows/registration.yaml"),
        ("RULE-022", "rules/persons.yaml"),
        ("RULE-027", "rules/ladders.yaml"),
    ]


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("workflows/registration.yaml", "to: informed", "to: 12345"),
        ("workflows/registration.yaml", "initial: ", "initial: 1 #"),
        ("workflows/registration.yaml", "title: ", "title: 12345 #"),
        ("rules/persons.yaml", "hit_policy: priority", "hit_policy: whatever"),
        ("rules/fields.yaml", "inbound: {title: 入境, type: yes_no}", "inbound: {title: 入境, type: zzzq}"),
        ("rules/ladders.yaml", "at: -30m", "at: soon"),
    ],
)
def test_one_mistake_of_form_is_told_as_one(pack_files: dict[str, bytes], file: str, right: str, wrong: str) -> None:
    assert right in pack_files[file].decode()
    files = {**pack_files, file: pack_files[file].decode().replace(right, wrong, 1).encode()}
    assert [problem.place.file for problem in refused(files).problems] == [file]


CONTACT = "workflows/close_contact.yaml"
ONCE: list[tuple[str, str, str, str]] = [
    ("workflows/positive.yaml", "children: none_open", "children.contact: closed", "FLOW-012 没有子案件 contact"),
    (CONTACT, "to: fact site", "to: fatc site", "RULE-023 hand_over.to 没有单位 fatc site"),
    (CONTACT, "subject: person\n", "subject: persno\n", "RULE-032 subject 没有对象 persno did you mean person"),
    (CONTACT, "    subject: person\n", "    subject: persno\n", "RULE-032 children.contacts.subject 没有对象 persno"),
    (CONTACT, "  quarantine:\n", "  quarantien:\n", "FLOW-012 没有计时 quarantine 另有 处 close_contact.yaml:55"),
    (CONTACT, "    days: decision.days", "    days: decision.dasy", "RULE-032 没有判定结果 dasy did you mean days"),
    (CONTACT, "result: pcr_result", "result: pcr_resutl", "RULE-032 没有要素 pcr_resutl did you mean pcr_result"),
    (CONTACT, "pcr_result: required", "pcr_resutl: required", "RULE-032 evidence.pcr_resutl did you mean pcr_result"),
    (CONTACT, "decides: true", "decides: ture", "RULE-022 decides 没有选项 ture 可用：true、false did you mean true"),
    (CONTACT, "    stage: 发现", "    stagee: 发现", "RULE-020 不认识的键 stagee did you mean stage"),
    (CONTACT, "tasks:\n", "tassk:\n", "RULE-020 不认识的键 tassk did you mean tasks"),
    (
        "rules/persons.yaml",
        "days: close_con",
        "dasy: close_con",
        "RULE-020 then.dasy 不认识的键 dasy did you mean days",
    ),
    ("rules/persons.yaml", "lead: 社会", "leda: 社会", "RULE-020 then.leda did you mean lead"),
    ("rules/persons.yaml", "{category: 密接", "{categoyr: 密接", "RULE-020 then.categoyr did you mean category"),
    ("rules/ladders.yaml", "level: 黄", "level: 橙", "RULE-022 level 没有选项 橙 可用：提醒、蓝、黄、红"),
    ("rules/organisation.yaml", "leaders:\n", "leadres:\n", "RULE-020 不认识的键 leadres did you mean leaders"),
    ("rules/examples/stories.yaml", "do: verify", "do: veriyf", "FLOW-012 do 没有动作 veriyf did you mean verify"),
    ("rules/organisation.yaml", "  shenpi:", "  shenip:", "FLOW-012 没有人员 shenpi 另有 处"),
]


@pytest.mark.parametrize(("file", "right", "wrong", "words"), ONCE, ids=lambda text: text.strip())
def test_a_slip_of_the_pen_is_told_once(
    file: str, right: str, wrong: str, words: str, pack_files: dict[str, bytes]
) -> None:
    assert right in pack_files[file].decode()
    (problem,) = refused({**pack_files, file: pack_files[file].decode().replace(right, wrong, 1).encode()}).problems
    for word in words.split(" "):
        assert word in str(problem)


def test_two_keys_missing_at_one_place_are_both_told(pack_files: dict[str, bytes]) -> None:
    text = pack_files[CONTACT].decode()
    text = text.replace("      title: 发车\n", "", 1).replace(
        "      to: in_transit\n      by: transfer\n", "      to: in_transit\n", 1
    )
    told = sorted(problem.what for problem in refused({**pack_files, CONTACT: text.encode()}).problems)
    assert told == ["缺少 by", "缺少 title"]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(pack_files: dict[str, bytes], book: Rulebook) -> None:
    files = {name: b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n") for name, raw in pack_files.items()}
    assert compile_pack(files).tables.keys() == book.tables.keys()


def test_links_out_of_a_pack_are_refused(tmp_path: Path, pack_files: dict[str, bytes]) -> None:
    for name, raw in pack_files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    assert read_folder(tmp_path) == pack_files
    (tmp_path / "rules" / "passwd.yaml").symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match="RULE-034"):
        read_folder(tmp_path)
    with pytest.raises(BadInput, match="这里没有规则包"):
        read_folder(tmp_path / "rules")


def test_the_shipped_pack_is_whole_and_says_where_gaps_go(book: Rulebook) -> None:
    assert {row.id for row in book.tables["persons"].rows} == {f"P{n:02d}" for n in range(1, 16)}
    assert any("社会事务部 并预警" in note for note in notes(book))


def test_every_rule_of_the_shipped_pack_has_an_example_that_hits_it(book: Rulebook) -> None:
    hit = {rule for e in book.examples for rule in book.tables[e.table].decide(e.facts, e.as_of).rules}
    assert hit == {row.id for table in book.tables.values() for row in table.rows}


def test_a_stored_pack_is_the_same_rules(pack_files: dict[str, bytes], book: Rulebook) -> None:
    again = unbundle(bundle(pack_files), 3)
    assert (again.digest, again.release) == (book.digest, 3)


def test_a_stored_pack_is_not_proved_again_lest_a_stricter_check_lock_the_database(
    pack_files: dict[str, bytes],
) -> None:
    file = "rules/organisation.yaml"
    files = {**pack_files, file: pack_files[file].decode().replace("东七社区, 凤阳社区]", "东七社区]").encode()}
    assert [problem.code for problem in refused(files).problems] == ["LADDER-001"]
    assert unbundle(bundle(files), 3).release == 3
    pack = pack_files["rules/pack.yaml"].replace(b"most_returns: 2", b"most_returns: 0")
    assert unbundle(bundle({**pack_files, "rules/pack.yaml": pack}), 3).hand_over.most_returns == 0


def test_an_outcome_that_looks_like_one_that_is_asked_for_is_noted(
    pack_files: dict[str, bytes], book: Rulebook
) -> None:
    assert not any("没有流程用到" in note for note in notes(book))
    file = "rules/persons.yaml"
    text = "measure: 健康测监".join(pack_files[file].decode().rsplit("measure: 健康监测", 1))
    told = notes(compile_pack({**pack_files, file: text.encode()}))
    assert "规则 P09 的 measure: 健康测监 没有流程用到，用到的有 健康监测" in told


ORGANISATION, LADDERS = "rules/organisation.yaml", "rules/ladders.yaml"


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
    [
        (ORGANISATION, "confirm]", "export]", "没有人有权限 confirm：追溯超过 7天 的更正会一直等人确认"),
        (
            ORGANISATION,
            "解除审批人, scope: involved",
            "解除审批人, scope: owner",
            "时没有人能延期：没有合适的 解除审批人",
        ),
        (
            LADDERS,
            "level: 黄, tell: unit.head}\n      - {at: +6h",
            "level: 提醒, tell: unit.head}\n      - {at: +6h",
            "越催越轻：提醒、蓝、提醒、红",
        ),
        (LADDERS, "at: -30m", "at: -3000h", "“常规催办”（standard）的提醒级早于起算：提前 125天，如"),
    ],
)
def test_what_would_wait_for_ever_or_ring_at_once_is_noted(
    pack_files: dict[str, bytes], book: Rulebook, file: str, right: str, wrong: str, told: str
) -> None:
    assert right in pack_files[file].decode()
    files = {**pack_files, file: pack_files[file].decode().replace(right, wrong).encode()}
    before = notes(book)
    assert not any(told in note for note in before)
    assert any(told in note for note in notes(unbundle(bundle(files), 3))), notes(unbundle(bundle(files), 3))


def test_a_field_of_no_type_hides_no_other_mistake_and_one_value_is_one_mistake(pack_files: dict[str, bytes]) -> None:
    def put(name: str, right: str, wrong: str) -> bytes:
        text = pack_files[name].decode()
        assert right in text
        return text.replace(right, wrong, 1).encode()

    error = refused(
        pack_files
        | {
            "rules/organisation.yaml": put(
                "rules/organisation.yaml", "role: data, unit: 社会事务部", "role: dat, unit: 社会"
            ),
            "rules/fields.yaml": put("rules/fields.yaml", "title: 离开时间, type: date", "title: 离开时间, type: day"),
            "rules/parameters.yaml": put("rules/parameters.yaml", "value: 14", "value: fourteen"),
            "rules/persons.yaml": put("rules/persons.yaml", "lead: 社会事务部", "lead: 社会事物部"),
        }
    )
    assert sorted(problem.code for problem in error.problems) == [
        "FLOW-012",
        "RULE-022",
        "RULE-023",
        "RULE-023",
        "RULE-028",
    ]
    assert "constrained" not in str(error)


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
    [
        (
            "rules/organisation.yaml",
            "head: 社会事务部主要负责人}",
            "head: 甲, places: 3}",
            "社会事务部 没有床位",
        ),
        ("rules/fields.yaml", "values: [他街道,", "values: [他镇,", "没有单位 他镇"),
        ("rules/pack.yaml", "arbiter: 应急办", "arbiter: 区疾控中心", "区疾控中心 没有人员，无人裁定"),
        ("rules/pack.yaml", "arbiter: 应急办", "arbiter: 华业社区", "华业社区 的人员只办得了本单位的案件，无人裁定"),
        ("rules/pack.yaml", "most_returns: 2", "most_returns: 0", "most_returns: 0，一次也不能退"),
        ("rules/pack.yaml", "matter: trip_check", "matter: trip_chek", "did you mean trip_check"),
        ("rules/pack.yaml", "matter: trip_check", "matter: registration", "没有流程 registration 的要素 about"),
    ],
)
def test_hand_overs_trips_and_places_name_what_is_there(
    pack_files: dict[str, bytes], file: str, right: str, wrong: str, told: str
) -> None:
    assert right in pack_files[file].decode()
    error = str(refused({**pack_files, file: pack_files[file].decode().replace(right, wrong, 1).encode()}))
    assert told in error
    assert file in error


MEASURES = """schema: 1
tables:
  extra_measures:
    title: 措施
    hit_policy: {policy}
    gaps: default_owner
    inputs: [contact]
    rules:
      - {{id: M1, clause: 二（一）2, when: {{contact: 密切接触者}}, then: {{{key}: [采样]}}}}
"""


@pytest.mark.parametrize(
    ("policy", "key", "of", "told"),
    [
        ("unique", "measures", "title: 人员", "规则表 extra_measures 不是 collect"),
        ("collect", "category", "title: 人员", "category 在 persons 和 extra_measures 里都有"),
        ("collect", "measures", "title: 事项", "没有作判定的表"),
    ],
)
def test_a_decision_is_completed_by_a_table_that_adds_and_says_nothing_twice(
    pack_files: dict[str, bytes], policy: str, key: str, of: str, told: str
) -> None:
    fields = pack_files["rules/fields.yaml"].decode().replace(of, f"{of}\n    completed_by: extra_measures", 1)
    extra = MEASURES.format(policy=policy, key=key).encode()
    error = str(refused({**pack_files, "rules/fields.yaml": fields.encode(), "rules/extra.yaml": extra}))
    assert told in error
    assert "rules/fields.yaml" in error


def test_a_rung_that_would_reach_nobody_is_told_with_the_unit(pack_files: dict[str, bytes]) -> None:
    text = pack_files["rules/organisation.yaml"].decode()
    for right, wrong in (("head: 铁路新村社区主要负责人", 'head: " "'), (", 凤阳社区]", "]")):
        assert right in text
        text = text.replace(right, wrong, 1)
    told = str(refused(pack_files | {"rules/organisation.yaml": text.encode()}))
    for words in ("LADDER-001", "没有班子成员分管 凤阳社区", "黄级无人可告：铁路新村社区 没有第一责任人"):
        assert words in told


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("default_workflow: venue ", "default_workflow: registration ", "场所没有规则覆盖时会进流程 registration"),
        ("default_workflow: venue ", "default_workflow: venu ", "did you mean venue"),
    ],
)
def test_what_no_rule_covers_goes_to_a_workflow_that_carries_it(
    pack_files: dict[str, bytes], right: str, wrong: str, told: str
) -> None:
    fields = pack_files["rules/fields.yaml"].decode()
    assert right in fields
    error = str(refused({**pack_files, "rules/fields.yaml": fields.replace(right, wrong, 1).encode()}))
    assert told in error


def test_a_rule_that_ends_with_nothing_to_follow_is_noted_with_the_day(
    pack_files: dict[str, bytes], book: Rulebook
) -> None:
    text = pack_files["rules/venues.yaml"].decode()
    right = "        when: {venue_type: 养老机构}\n        then: {category: 养老机构"
    assert right in text
    assert not any("失效" in note for note in notes(book))
    files = {**pack_files, "rules/venues.yaml": text.replace(right, f"        until: 2022-07-01\n{right}").encode()}
    told = notes(unbundle(bundle(files), 3))
    assert any(
        "规则 V3 到 2022-07-01 失效，没有规则接上：从 2022-07-01 起 场所类型=养老机构 归" in note for note in told
    )
    assert any(note.endswith("例如 场所类型=其他") for note in told)


def test_a_value_that_is_routed_and_given_no_measures_is_noted(pack_files: dict[str, bytes], book: Rulebook) -> None:
    assert not any("没有一条规则" in note for note in notes(book))
    right, wrong = "棋牌室, 宗教场所", "棋牌室, 剧本杀馆, 密室, 宗教场所"
    assert right in pack_files["rules/fields.yaml"].decode()
    files = {**pack_files, "rules/fields.yaml": pack_files["rules/fields.yaml"].decode().replace(right, wrong).encode()}
    assert not any("没有一条规则" in note for note in notes(unbundle(bundle(files), 3)))
    text = pack_files["rules/venues.yaml"].decode().replace("棋牌室]}", "棋牌室, 剧本杀馆, 密室]}", 1)
    told = notes(unbundle(bundle({**files, "rules/venues.yaml": text.encode()}), 3))
    assert any("规则表 重点场所防控措施：场所类型为 剧本杀馆、密室 的没有一条规则" in note for note in told)


def test_what_came_out_of_an_example_is_told_in_plain_words(pack_files: dict[str, bytes]) -> None:
    text = (
        pack_files["rules/venues.yaml"]
        .decode()
        .replace("[物管小区, 三无小区, 工地]}\n        then: {category", "[工地]}\n        then: {category")
    )
    told = str(refused({**pack_files, "rules/venues.yaml": text.encode()}))
    assert "supporting 应为 物业办、属地社区，得到 无" in told
    assert "None" not in told
    assert "['" not in told


def test_a_value_that_is_missing_is_told_in_plain_words(pack_files: dict[str, bytes]) -> None:
    text = pack_files["rules/ladders.yaml"].decode().replace("level: 黄", "level: null", 1)
    assert "level 没有选项 无" in str(refused({**pack_files, "rules/ladders.yaml": text.encode()}))
