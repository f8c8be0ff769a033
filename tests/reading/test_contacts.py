"""Who answers for whom: leaders by field and by community, both on the ladder; everybody's number in one list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.errors import BadInput
from engine.core.rulebook import Rulebook
from engine.packs.pack import compile_pack
from engine.reading.contacts import contacts


def test_every_unit_is_listed_with_its_head_phone_and_leader(book: Rulebook) -> None:
    told = contacts(book.organisation)
    assert [row.unit for row in told] == list(book.organisation.units)
    ours = [row for row in told if row.kind in ("department", "community", "site")]
    assert all(row.head and row.duty_phone and row.leader for row in ours)
    (row,) = contacts(book.organisation, "华业社区")
    assert (row.leader, row.staff) == ("示例·分管领导甲", ("示例·华业社区（huaye）",))
    with pytest.raises(BadInput, match="没有单位 华业社局"):
        contacts(book.organisation, "华业社局")


def test_a_leader_answers_for_her_field_and_for_her_communities(book: Rulebook) -> None:
    organisation = book.organisation
    assert organisation.told("leader", "应急办") == "示例·分管领导甲"
    assert organisation.told("leader", "东七社区") == "示例·分管领导乙"
    fields = tuple(unit for unit in organisation.leaders[0].fields if unit != "转运专班")
    inside = replace(organisation, leaders=(replace(organisation.leaders[0], fields=fields), organisation.leaders[1]))
    assert inside.told("leader", "转运专班") == "示例·分管领导甲"  # it belongs to 应急办
    assert inside.told("leader", "外市") == "外市联络人"


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (
            "fields: [城市管理部,",
            "fields: [社会事务部, 城市管理部,",
            "社会事务部 由 示例·分管领导甲 和 示例·分管领导乙 两人分管",
        ),
        (
            "communities: [华业社区, 和平社区]",
            "communities: [华业社区, 和平社区, 物业办]",
            "物业办 写在了 communities 里",
        ),
        ("leaders:\n", "leaders:\n  - {name: 丙}\n", "丙 没有分管领域，也没有包联社区"),
    ],
    ids=["two leaders", "no community", "answers for nothing"],
)
def test_who_leads_what_is_said_once_and_in_its_place(
    pack_files: dict[str, bytes], right: str, wrong: str, told: str
) -> None:
    text = pack_files["rules/organisation.yaml"].decode()
    assert right in text
    with pytest.raises(BadInput, match=told):
        compile_pack({**pack_files, "rules/organisation.yaml": text.replace(right, wrong, 1).encode()})
