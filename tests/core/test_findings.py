"""What the wording leaves open: found by holding clauses against each other and the rules, decided in the pack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.conditions import parse_value
from engine.core.findings import Finding, findings, says
from engine.core.rulebook import Rulebook
from engine.core.values import parse_time
from engine.intake.given import cleaner_of
from engine.packs.pack import compile_pack

WORDING = "rules/wording.yaml"
FIELDS = "rules/fields.yaml"


def put(files: dict[str, bytes], name: str, right: str, wrong: str) -> dict[str, bytes]:
    text = files[name].decode()
    assert right in text
    return files | {name: text.replace(right, wrong, 1).encode()}


def found(book: Rulebook) -> dict[str, Finding]:
    return {finding.key: finding for finding in findings(book)}


@pytest.fixture
def bare(book: Rulebook) -> Rulebook:
    """The shipped rules, with nothing listed or decided by hand."""
    return replace(book, wording=replace(book.wording, findings={}))


def test_the_traps_of_the_plan_are_found(bare: Rulebook) -> None:
    told = found(bare)
    assert set(told) == {"owners.密接", "discovery.入境", "apart.二码", "apart.区防指办", "apart.酒店"}
    assert told["owners.密接"].clauses == ("二（一）2", "二（二）7")
    assert "照 二（一）2，社会事务部 牵头" in told["owners.密接"].choices
    assert told["discovery.入境"].clauses == ("二（三）", "二（一）1")
    assert "二（二）1 写 宾馆；二（四） 写 酒店" in told["apart.酒店"].what
    assert not any(finding.decided for finding in told.values())


def test_what_is_listed_and_what_was_decided_stand_beside_what_is_found(book: Rulebook, bare: Rulebook) -> None:
    told = found(book)
    assert set(told) > set(found(bare))
    assert told["apart.二码"].decided
    assert told["apart.二码"].by == "党政办"
    assert told["apart.二码"].what == found(bare)["apart.二码"].what
    assert {"转运专班管学校", "复核与送医"} < {key for key, finding in told.items() if not finding.decided}
    assert all(finding.choices and finding.clauses for finding in told.values())


def test_a_category_that_a_second_clause_gives_to_others_is_found(pack_files: dict[str, bytes]) -> None:
    second = """
      - id: P99
        clause: 二（二）7
        priority: 25
        when: {contact: 密切接触者, key_group: 康复患者}
        then: {category: 密接, lead: 属地社区, supporting: [社会事务部], workflow: close_contact,
               days: close_contact_quarantine_days, tests: close_contact_test_days}
      - id: P04
"""
    told = found(compile_pack(put(pack_files, "rules/persons.yaml", "      - id: P04\n", second)))
    assert told["leads.密接"].clauses == ("二（一）2", "二（二）7")
    assert told["leads.密接"].choices == ("照 二（一）2，社会事务部 牵头", "照 二（二）7，属地社区 牵头")


def test_a_category_whose_clause_names_it_is_no_finding(pack_files: dict[str, bytes], bare: Rulebook) -> None:
    assert "discovery.密接" not in found(bare)
    head, _, rest = pack_files["workflows/key_group.yaml"].decode().partition("states:\n")
    moved = f"{head}states:\n{rest.replace('clause: 二（二）7', 'clause: 二（一）3', 1)}"
    misled = compile_pack(pack_files | {"workflows/key_group.yaml": moved.encode()})
    assert "discovery.发热" in found(misled)


def test_a_word_inside_a_longer_one_is_not_said_by_it(book: Rulebook) -> None:
    document = book.documents["heping-2022-12"]
    assert says(document, "二（四）", ["超市", "大型超市"]) == ["大型超市"]
    assert says(document, "二（二）1", ["超市", "大型超市"]) == ["超市"]


def test_words_that_stand_together_everywhere_are_no_finding(book: Rulebook) -> None:
    together = replace(book.wording, apart=(("网约房", "出租屋"),), findings={})
    assert not any(key.startswith("apart") for key in found(replace(book, wording=together)))


def test_a_fact_given_by_an_alias_is_understood_by_hand_and_in_a_list(pack_files: dict[str, bytes]) -> None:
    venue = "      remark: {title: 备注,"
    field = (
        "      venue_type: {title: 场所类型, type: enum, values: {care: 养老机构, 校园: 校园, 大型超市: 大型超市}}\n"
    )
    book = compile_pack(put(pack_files, FIELDS, venue, field + venue))
    of = book.subjects["person"].fields["venue_type"]
    for said, meant in {
        "敬老院": "care",
        " 养老院": "care",
        "养老机构": "care",
        "学校": "校园",
        "大型超市": "大型超市",
    }.items():
        assert parse_value(of, said) == meant
        assert cleaner_of(book, of, parse_time("2022-05-26T08:00+08:00"))(said).value == meant
    with pytest.raises(ValueError, match="没有这个选项"):
        parse_value(of, "酒店")


def test_a_unit_is_found_by_its_alias(book: Rulebook) -> None:
    assert book.organisation.current_name("应急办(转运专班)") == "转运专班"
    assert book.organisation.current_name("区指办") == "区指办", "it is no other name of 区防指办"


def test_an_alias_never_leads_from_one_option_to_another(pack_files: dict[str, bytes]) -> None:
    venue = "      remark: {title: 备注,"
    field = "      venue_type: {title: 场所类型, type: enum, values: [超市, 大型超市]}\n"
    of = compile_pack(put(pack_files, FIELDS, venue, field + venue)).subjects["person"].fields["venue_type"]
    assert parse_value(of, "大型超市") == "大型超市"
