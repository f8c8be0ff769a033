"""Bounds that no pack may break, wherever in the pack it is tried, and whatever it calls things."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.packs.bounds import bounds_file, broken, no_bounds, read_bounds, second_person
from engine.packs.pack import compile_pack

Files = dict[str, bytes]
BOUNDS = Path(__file__).resolve().parents[2] / "docs" / "bounds.yaml"
TERMS, PARAMETERS, FLOW = "rules/terms.yaml", "rules/parameters.yaml", "workflows/close_contact.yaml"
STAFFED = "rules/organisation.yaml"


def changed(files: Files, name: str, old: str, new: str) -> Files:
    text = files[name].decode()
    assert old in text
    return files | {name: text.replace(old, new, 1).encode()}


def told(raw: bytes, files: Files) -> list[str]:
    """What is beyond the bounds; that no story tells of the change is another matter."""
    return [str(problem) for problem in broken(read_bounds(raw), files, compile_pack(files, stored=True))]


def test_the_shipped_pack_keeps_the_bounds_that_the_docs_show(pack_files: Files) -> None:
    assert told(bounds_file(BOUNDS), pack_files) == []
    assert broken(no_bounds(), pack_files, compile_pack(pack_files)) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        pytest.param(
            TERMS,
            "及时.核查: {within: 2h",
            "及时.核查: {within: 91d",
            "BOUND-001 rules/terms.yaml:{} terms.及时.核查.within — 时长 91天 太长 — 界限：不超过 90天（bounds.yaml:",
            id="a term",
        ),
        pytest.param(
            TERMS,
            "及时.核查: {within: 2h",
            "及时.核查: {within: 2h, in_profile: {急: 91d}} #",
            "BOUND-001 rules/terms.yaml:{} terms.及时.核查.in_profile.急 — 时长 91天",
            id="a term of another profile",
        ),
        pytest.param(
            FLOW,
            "extend: {by: approver, most: 24h}",
            "extend: {by: approver, most: 90d}",
            "BOUND-001 workflows/close_contact.yaml:{} states.found.deadlines.0.extend.most — 时长 90天2小时",
            id="a deadline put off",
        ),
        pytest.param(
            FLOW,
            "title: 转运到位, within: transfer_time_limit",
            "title: 转运到位, within: 100d",
            "BOUND-001 workflows/close_contact.yaml:{} states.awaiting_transfer.deadlines.0.within — 时长 100天",
            id="a deadline of its own",
        ),
        pytest.param(
            PARAMETERS,
            "value: 14,",
            "value: 3,",
            "BOUND-002 rules/parameters.yaml:{} parameters.close_contact_quarantine_days.values.0.value — "
            "密切接触者集中隔离医学观察天数 3 太小 — 界限：至少 7（bounds.yaml:7）",
            id="too short a quarantine",
        ),
        pytest.param(
            FLOW,
            "    owner: 社会事务部\n    place",
            "    owner: 应急办\n    place",
            "BOUND-003 workflows/close_contact.yaml:{} states.rechecking.owner — 环节“区疾控复核中”归 应急办 — "
            "界限：只能归 社会事务部（bounds.yaml:12）",
            id="another owner",
        ),
        pytest.param(
            FLOW,
            "      to: monitored\n      by: approver",
            "      to: monitored\n      by: [approver, site]",
            "BOUND-003 workflows/close_contact.yaml:{} transitions.1.keep_at_home.by — 动作“批准居家医学观察”可由 site",
            id="another role",
        ),
        pytest.param(
            FLOW,
            "      to: released\n      by: [approver, site]",
            "      to: released\n      by: [approver, transfer]",
            "BOUND-003 workflows/close_contact.yaml:{} transitions.12.release.by — 动作“解除集中隔离”可由 transfer",
            id="a release by whatever name",
        ),
    ],
)
def test_what_goes_beyond_is_told_with_its_place_and_the_bound(
    pack_files: Files, name: str, old: str, new: str, words: str
) -> None:
    found = told(bounds_file(BOUNDS), changed(pack_files, name, old, new))
    head, tail = words.split("{} ")
    assert any(line.startswith(head) and f" {tail}" in line for line in found), found


@pytest.mark.parametrize(("value", "words"), [("5", "5 太小"), ("null", "废止 太小")])
def test_a_value_from_a_later_day_or_abolished_is_held_to_its_bounds_too(
    pack_files: Files, value: str, words: str
) -> None:
    days = b"schema: 1\nparameters: {close_contact_quarantine_days: {least: 7}}\n"
    first = "value: 14, clause: 二（一）2, source: 国家防控方案第八版}"
    later = f"{first}\n      - {{from: 2022-06-28, value: {value}, source: 国家防控方案第九版}}"
    (found,) = told(days, changed(pack_files, PARAMETERS, first, later))
    assert "values.1.value" in found
    assert words in found


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("parameters: {close_contact_quarantine_day: {least: 7}}", "没有参数 close_contact_quarantine_day"),
        ("workflows: {close_contacts: {}}", "did you mean close_contact"),
        ("workflows: {close_contact: {states: {rechekcing: {owner: 社会事务部}}}}", "没有环节 rechekcing"),
        ("workflows: {close_contact: {transitions: {keep_home: {by: approver}}}}", "did you mean keep_at_home"),
    ],
)
def test_what_the_bounds_name_and_the_pack_lacks_is_told_and_never_let_through(
    pack_files: Files, raw: str, words: str
) -> None:
    (found,) = told(f"schema: 1\n{raw}\n".encode(), pack_files)
    assert found.startswith("BOUND-004 bounds.yaml:2")
    assert words in found


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("longst: 60d", "RULE-020 bounds.yaml:2:1 longst"),
        ("longest: 60", "RULE-027 bounds.yaml:2:10 longest"),
        ("parameters: {x: {least: few}}", "RULE-028 bounds.yaml:2"),
        ("workflows: {x: {final: {relesed: {by: a}}}}", "bounds.yaml:2"),
    ],
)
def test_a_mistake_in_the_bounds_is_told_like_one_in_a_pack(raw: str, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_bounds(f"schema: 1\n{raw}\n".encode())
    assert words in str(refused.value)


def test_a_pack_under_which_nobody_else_could_approve_is_told(pack_files: Files) -> None:
    assert second_person(compile_pack(pack_files).organisation) == []
    alone = changed(pack_files, STAFFED, "may: [approve]", "may: []")
    alone = changed(alone, STAFFED, "may: [publish, erase", "may: [publish, approve, erase")
    (problem,) = second_person(compile_pack(alone).organisation)
    assert "publish：guanli；approve：guanli" in problem.what
