"""`ladder test`: every ladder climbs on a rehearsal clock, and each rung tells somebody the organisation knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.errors import BadInput
from engine.core.ladders import climbs
from engine.core.workflows import Workflow
from engine.timing.ladders import fire_all, problems

Files = dict[str, bytes]


def wrong(files: Files) -> str:
    try:
        book, fired = fire_all(files)
    except BadInput as refused:
        return str(refused)
    return "\n".join(str(problem) for problem in problems(book, fired))


def replaced(files: Files, path: str, right: str, other: str) -> Files:
    text = files[path].decode()
    assert right in text
    return {**files, path: text.replace(right, other).encode()}


def test_every_deadline_of_every_open_state_climbs_to_a_leader(pack_files: Files) -> None:
    book, fired = fire_all(pack_files)
    assert problems(book, fired) == []

    def declared(flow: Workflow) -> set[tuple[str, str, str]]:
        return {(flow.title, state.title, item.title) for state in flow.states.values() for item in state.deadlines}

    climbed = {(item.workflow, item.state, item.deadline) for item in fired}
    assert set().union(*map(declared, book.workflows.values())) <= climbed
    leaders = {leader.user for leader in book.organisation.leaders}
    assert {item.told[-1] for item in fired} <= leaders
    assert all(len(item.told) == len(book.ladders[item.ladder].rungs) for item in fired)
    communities = {item.owner for item in fired if item.deadline == "核查"}
    assert communities == set(book.organisation.communities)


def test_a_rung_that_was_heard_by_nobody_is_found_in_what_was_fired(pack_files: Files) -> None:
    book, fired = fire_all(pack_files)
    deaf = [replace(item, told=(*item.told[:-1], "无人")) if item.owner == "凤阳社区" else item for item in fired]
    (problem,) = problems(book, deaf)
    assert problem.what == "红级无人可告：没有班子成员分管 凤阳社区（organisation.yaml 的 leaders）"


def test_what_a_pack_says_of_its_ladders_is_what_they_do(pack_files: Files) -> None:
    book, fired = fire_all(pack_files)
    assert set(climbs(book)) == set(fired)


BAD: dict[str, tuple[str, str, str, str]] = {
    "no leader in charge": (
        "rules/organisation.yaml",
        "铁路新村社区, 东七社区, 凤阳社区]",
        "铁路新村社区, 东七社区]",
        "LADDER-001 红级无人可告：没有班子成员分管 凤阳社区",
    ),
    "an empty head": (
        "rules/organisation.yaml",
        "head: 凤阳社区主要负责人",
        'head: " "',
        "LADDER-001 黄级无人可告：凤阳社区 没有第一责任人",
    ),
    "ends at a unit": (
        "rules/ladders.yaml",
        "tell: leader",
        "tell: 应急办",
        "LADDER-002 “常规催办”（standard）",
    ),
    "ends at the owner": ("rules/ladders.yaml", "tell: leader", "tell: owner", "最后一级告 owner，没有落到具名领导"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_ladder_that_leads_to_nobody_is_found(name: str, pack_files: Files) -> None:
    path, right, other, words = BAD[name]
    for word in words.split(" "):
        assert word in wrong(replaced(pack_files, path, right, other))
