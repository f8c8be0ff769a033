"""Stories: a pack whose stories do not hold is refused, with the step and what happened instead."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.core.rulebook import Expected, Rulebook, Story, StoryStep
from engine.core.stories import run
from engine.core.workflows import TaskType, Workflow
from engine.packs.pack import compile_pack, read_folder
from engine.packs.yamlfile import read_yaml

POLICY = Path(__file__).parents[1] / "packs" / "policy"
FACTS = (
    "P001",
    "P004",
    "P011",
    "P012",
    "P015",
    "P020",
    "P025",
    "P026",
    "P028",
    "P030",
    "P035",
    "P036",
    "P040",
    "P044",
    "P049",
)


@pytest.fixture(scope="module")
def policy_files() -> dict[str, bytes]:
    return read_folder(POLICY)


@pytest.fixture(scope="module")
def policy(policy_files: dict[str, bytes]) -> Rulebook:
    return compile_pack(policy_files)


def test_a_story_goes_on_with_the_case_that_goes_on(book: Rulebook) -> None:
    flow = book.workflows["close_contact"]
    test = replace(flow.transitions["test"], sources=("found",), by=("community_worker",), decides=True)
    changed = replace(flow, transitions={**flow.transitions, "test": test}, tasks=quiet(flow))
    deciding = replace(book, workflows={**book.workflows, "close_contact": changed})
    at = datetime(2022, 5, 26, tzinfo=UTC)
    opening = StoryStep(at, "shuju", facts={"contact": "密切接触者", "community": "华业社区"})
    tested = StoryStep(at, "huaye", "test", facts={"pcr_result": "阳性", "sampled_at": at})

    def told(result: str, **expected: str) -> Story:
        step = replace(tested, facts={**tested.facts, "pcr_result": result}, expect=Expected(expected))
        return Story("转阳性", "person", "", (opening, step))

    assert run(deciding, told("阳性", workflow="positive", category="阳性")) is None
    assert run(deciding, told("阴性", workflow="close_contact", state="found")) is None
    assert run(deciding, told("阴性", workflow="positive")) == (1, "workflow 应为 positive，得到 close_contact")


def quiet(flow: Workflow) -> dict[str, TaskType]:
    """The tasks, their results firing nothing."""
    return {name: replace(task, on_result={}) for name, task in flow.tasks.items()}


def test_every_story_of_the_shipped_pack_holds(book: Rulebook) -> None:
    assert {story.name: run(book, story) for story in book.stories if run(book, story)} == {}
    assert len(book.stories) >= 8


@pytest.mark.parametrize("fact", FACTS)
def test_a_real_rule_reads_as_yaml_and_has_a_story_that_holds(policy: Rulebook, fact: str) -> None:
    told = [story for story in policy.stories if fact in story.name]
    assert told
    assert [run(policy, story) for story in told] == [None] * len(told)


def test_every_transition_of_the_policy_pack_is_taken_in_a_story(policy: Rulebook) -> None:
    taken = {(story.workflow, step.do) for story in policy.stories for step in story.steps}
    assert {(flow.name, name) for flow in policy.workflows.values() for name in flow.transitions} <= taken | {
        ("close_contact", "suspect"),
        ("close_contact", "confirm"),
    }


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        (
            "value: 14, source: 第八版 P001",
            "value: 13, source: 第八版 P001",
            "时限 release 应为 2022-06-10 00:00，得到 2022-06-09 00:00",
        ),
        ("day_zero: next, ", "", "计时 isolation 应为第 2 天，得到 第 3 天"),
        (
            ", restarts_on: exposed_again_on}",
            "}",
            "再次接触重新起算，更早的接触不缩短”第 3 步不成立：时限 release 应为 2022-06-19",
        ),
        ("ends_when: {origin_level: [low, none]}", "ends_when: {origin_level: [none]}", "P026"),
        ("minus: days_served", "minus: ''", "计时 central 应为第 8 天，得到 第 0 天"),
        (
            'times: ">= 2", within: 3d, apart: 24h',
            'times: ">= 2", within: 3d, apart: 12h',
            "拒绝的理由里没有“缺少连续 2 次核酸检测结果为 阴性（间隔不小于 1天",
        ),
        ('gap: "<= 48h"', 'gap: "<= 49h"', "上报断了两天多，说清断在哪里”第 5 步不成立：应被拒绝，却办成了"),
        (
            "first: 2, result",
            "first: 1, result",
            "应被拒绝，却办成了（要求上级案件的核酸检测前 2 次结果均为 阴性，现有 1 次）",
        ),
        (", children: none_open", "", "拒绝的理由里没有“由本案开出的案件还有 1 件未办结：C1”"),
        ("{last: 阴性, within: 2d}", "{last: 阴性}", "拒绝的理由里没有“缺少2天内采样的全员核酸结果为 阴性"),
        ("阴性: back", "阴性: confirm", "被拒绝：要求复核结果为 阳性，最近一次（2022-05-30）为 阴性"),
    ],
    ids=["days", "day zero", "restart", "end", "served", "apart", "gap", "first", "children", "within", "result"],
)
def test_a_rule_changed_by_mistake_is_found_by_a_story(
    policy_files: dict[str, bytes], right: str, wrong: str, words: str
) -> None:
    changed = {name: raw.decode().replace(right, wrong).encode() for name, raw in policy_files.items()}
    assert changed != policy_files
    with pytest.raises(BadInput) as refused:
        compile_pack(changed)
    assert {problem.code for problem in refused.value.problems} == {"RULE-026"}
    assert words in str(refused.value)


def test_a_planted_wrong_story_fails_with_its_place(policy_files: dict[str, bytes]) -> None:
    name = "rules/examples/zones.yaml"
    text = policy_files[name].decode()
    wrong = text.replace("owner: 社区, due: {lift: day 17 00:00}", "owner: 隔离点, due: {lift: day 18 00:00}")
    line = wrong[: wrong.index("owner: 隔离点")].count("\n") + 1
    with pytest.raises(BadInput) as refused:
        compile_pack({**policy_files, name: wrong.encode()})
    [problem] = refused.value.problems
    assert (problem.place.file, problem.place.line) == (name, line)
    assert problem.what.endswith(
        "第 8 步不成立：owner 应为 隔离点，得到 社区；时限 lift 应为 2022-06-04 00:00，得到 2022-06-03 00:00"
    )


def test_stories_are_told_only_of_a_pack_without_other_mistakes(policy_files: dict[str, bytes]) -> None:
    flows = policy_files["workflows/zone.yaml"].replace(
        b"{clock.quiet: done, clock.contacts: done", b"{clock.contacts: done"
    )
    with pytest.raises(BadInput) as refused:
        compile_pack({**policy_files, "workflows/zone.yaml": flows})
    assert [problem.code for problem in refused.value.problems] == ["FLOW-014"]


def test_telling_every_story_takes_less_than_reading_the_packs_they_are_told_of(
    book: Rulebook, policy: Rulebook, pack_files: dict[str, bytes]
) -> None:
    started = time.process_time()
    for each in (book, policy):
        for story in each.stories:
            run(each, story)
    told = time.process_time() - started
    for name, raw in pack_files.items():
        if name.endswith(".yaml"):
            read_yaml(name, raw)
    assert told < 2 * (time.process_time() - started - told)
