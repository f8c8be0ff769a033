"""The documents of a pack, clause by clause: the shipped plan is whole, and nothing of it can be lost unnoticed."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.core.rulebook import Rulebook
from engine.packs.pack import bundle, compile_pack, read_folder, unbundle

PLAN = "rules/documents/heping-2022-12.txt"
CLAUSES = "rules/clauses.yaml"
TERMS = "rules/terms.yaml"


def refused(files: dict[str, bytes]) -> list[str]:
    with pytest.raises(BadInput) as found:
        compile_pack(files)
    return [str(problem) for problem in found.value.problems]


def put(files: dict[str, bytes], name: str, right: str, wrong: str) -> dict[str, bytes]:
    text = files[name].decode()
    assert right in text
    return files | {name: text.replace(right, wrong, 1).encode()}


def test_the_plan_is_127_clauses_each_of_which_stands_in_it(book: Rulebook) -> None:
    document = book.documents["heping-2022-12"]
    assert list(document.clauses) == [f"R{number:03}" for number in range(1, 128)]
    words = "".join(Path(PLAN).read_text("utf-8").split())
    for clause in document.clauses.values():
        assert "".join(clause.quote.split()) in words
        assert document.text.said(clause.span) == "".join(clause.quote.split())
    assert document.number == "瑶和办〔2022〕12号"
    assert document.effective == document.issued


def test_every_clause_of_the_plan_is_carried_out_by_something_or_says_why_not(book: Rulebook) -> None:
    clauses = book.documents["heping-2022-12"].clauses
    assert [name for name, of in clauses.items() if not of.carried_by and not of.waived] == []
    assert [name for name, of in clauses.items() if of.waived] == []


@pytest.mark.parametrize("kind", ["rule", "workflow", "report", "paper"])
def test_what_says_that_it_comes_from_a_clause_is_told_to_carry_it_out(book: Rulebook, kind: str) -> None:
    clauses = book.documents["heping-2022-12"].clauses.values()
    carries = {(carrier.name, of.heading) for of in clauses for carrier in of.carried_by if carrier.kind == kind}
    cited = {
        (carrier.name, heading)
        for carrier in book.carriers[kind].values()
        for heading in carrier.cites.split("、")
        if heading in {of.heading for of in clauses}
    }
    assert cited
    assert cited - carries == set()


def test_whom_the_plan_calls_responsible_carries_that_out(book: Rulebook) -> None:
    units = book.organisation.units
    for of in book.documents["heping-2022-12"].clauses.values():
        carriers = {carrier.name for carrier in of.carried_by if carrier.kind == "unit"}
        named = [name for name in units if "责任部门" in of.quote and name in of.quote]
        assert set(named) <= carriers, of.id


def test_the_first_responsible_and_the_contacts_of_every_unit_are_what_three_asks_for(book: Rulebook) -> None:
    own = {name for name, unit in book.organisation.units.items() if unit.kind in ("department", "community")}
    clauses = book.documents["heping-2022-12"].clauses
    for row in ("R123", "R125"):
        assert {carrier.name for carrier in clauses[row].carried_by if carrier.kind == "unit"} == own
    assert all(book.organisation.units[name].head and book.organisation.units[name].duty_phone for name in own)


def test_those_who_may_bring_rules_into_force_carry_the_name_under_the_plan(book: Rulebook) -> None:
    clause = book.documents["heping-2022-12"].clauses["R005"]
    may = {name for name, role in book.organisation.roles.items() if {"publish", "approve"} & set(role.may)}
    assert {carrier.name for carrier in clause.carried_by if carrier.kind == "role"} == may


def test_sixteen_items_say_who_is_responsible(book: Rulebook) -> None:
    told = book.documents["heping-2022-12"].responsible
    assert len(told) == 16
    assert told["二（三）"] == ("社会事务部", "应急办（转运专班）", "各社区")


def test_every_vague_word_of_the_plan_is_bound(book: Rulebook) -> None:
    document = book.documents["heping-2022-12"]
    assert {word: len(document.text.occurrences(word)) for word in document.vague} == {
        "及时": 8,
        "适时": 4,
        "定期": 4,
        "第一时间": 1,
        "持续": 2,
    }


def test_what_carries_a_clause_is_found_by_kind_and_name(book: Rulebook) -> None:
    carried = Counter(
        carrier.kind for clause in book.documents["heping-2022-12"].clauses.values() for carrier in clause.carried_by
    )
    assert {"rule", "workflow", "state", "transition", "parameter", "term", "unit"} <= set(carried)
    assert book.carriers["rule"]["persons.P03"].cites == "二（一）2"
    assert book.carriers["state"]["close_contact.quarantined"].title == "集中隔离医学观察"
    assert set(book.carriers["workflow"]) == set(book.workflows)
    assert set(book.carriers["parameter"]) == set(book.parameters)
    assert set(book.carriers["unit"]) == set(book.organisation.units)
    assert {f"{flow.name}.{name}" for flow in book.workflows.values() for name in flow.transitions} == set(
        book.carriers["transition"]
    )


def test_a_letter_more_or_less_in_the_plan_is_told(pack_files: dict[str, bytes]) -> None:
    [told] = refused(put(pack_files, PLAN, "14天集中隔离", "7天集中隔离"))
    assert told.startswith("CLAUSE-002 rules/clauses.yaml")
    assert "R036 引的话不在文件里" in told
    [told] = refused(put(pack_files, PLAN, "信息无错漏。", "信息无错漏。专人负责。"))
    assert told.startswith(f"CLAUSE-003 {PLAN}:30:")
    assert "“专人负责”" in told


@pytest.mark.parametrize(
    ("binds", "told"),
    [
        (", binds: R034", "R034 的“及时”没有定下来：对于核酸检测呈阳性"),
        (", binds: R019.1", "R019.1 的“及时”没有定下来：全面做好国内"),
        (", binds: R107", "R107 的“适时”没有定下来：对上级督查组"),
        (", binds: R086", "R086 的“定期”没有定下来：督导辖区工地"),
        (", binds: R114", "R114 的“持续”没有定下来：持续开展爱国卫生运动"),
    ],
)
def test_a_vague_word_that_nobody_set_blocks_publishing(pack_files: dict[str, bytes], binds: str, told: str) -> None:
    [problem] = refused(put(pack_files, TERMS, binds, ""))
    assert problem.startswith(f"CLAUSE-004 {PLAN}:")
    assert told in problem


@pytest.mark.parametrize(("row", "word"), [("R058", "适时"), ("R107", "适时"), ("R127", "")])
def test_a_clause_struck_out_is_told_where_its_words_stand_and_where_it_is_named(
    pack_files: dict[str, bytes], row: str, word: str
) -> None:
    written = re.search(rf"^ +{row}:\n(?: {{8,}}.*\n)+", pack_files[CLAUSES].decode(), re.MULTILINE)
    assert written is not None
    told = refused(put(pack_files, CLAUSES, written[0], ""))
    assert any(problem.startswith(f"CLAUSE-003 {PLAN}:") and word in problem for problem in told)
    assert any(problem.startswith(f"CLAUSE-001 {TERMS}:") and f"没有条款 {row}" in problem for problem in told)
    assert not any(problem.startswith("CLAUSE-004") for problem in told)


def test_a_vague_word_may_be_waived_with_a_reason(pack_files: dict[str, bytes]) -> None:
    right = "定期.建筑工人核酸: {parameter: worker_test_every,"
    files = put(pack_files, TERMS, right, "定期.建筑工人核酸: {waived: 照通知,")
    assert compile_pack(files).terms["定期.建筑工人核酸"].waived == "照通知"


def test_a_term_by_a_parameter_is_as_long_as_the_parameter_says_on_that_day(book: Rulebook) -> None:
    opened = datetime(2022, 5, 26, tzinfo=UTC)
    assert book.terms["定期.从业人员核酸"].within is None
    assert book.within("定期.从业人员核酸", {}, opened) == timedelta(days=7)


def test_two_documents_may_not_number_their_clauses_alike(pack_files: dict[str, bytes]) -> None:
    second = """
  notice:
    {title: 通知, number: 1号, issuer: 区里, issued: 2022-06-01,
     clauses: {R001: {clause: 一, quote: 每日上报, waived: 另办}}}
"""
    files = put(pack_files, CLAUSES, "documents:\n", f"documents:{second}")
    told = refused(files | {"rules/documents/notice.txt": "每日上报。".encode()})
    assert [line.partition(" ")[0] for line in told] == ["RULE-001"]
    fine = put(files, CLAUSES, "R001: {clause: 一", "N001: {clause: 一")
    assert list(compile_pack(fine | {"rules/documents/notice.txt": "每日上报。".encode()}).documents) == [
        "notice",
        "heping-2022-12",
    ]


def test_a_text_that_no_clause_is_of_is_told(pack_files: dict[str, bytes]) -> None:
    [told] = refused(pack_files | {"rules/documents/notice.txt": "每日上报。".encode()})
    assert "CLAUSE-001 rules/documents/notice.txt — 这份文件没有写进 rules/clauses.yaml" in told
    [told] = refused(pack_files | {PLAN: "方案".encode("gb18030")})
    assert told.startswith(f"RULE-011 {PLAN}")


def test_a_pack_without_documents_needs_none(pack_files: dict[str, bytes]) -> None:
    policy = Path(__file__).parent / "policy"
    book = compile_pack(read_folder(policy))
    assert book.documents == {}
    assert book.carriers["workflow"]


def test_a_release_keeps_its_documents(pack_files: dict[str, bytes], book: Rulebook) -> None:
    assert unbundle(bundle(pack_files), 1).documents.keys() == book.documents.keys()
