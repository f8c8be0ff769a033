"""State × transition × role, exhaustively, against an independent reading of the YAML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from engine.core import lifecycle
from engine.core.case import Case, Entry
from engine.core.errors import BihuanError
from engine.core.judging import Stated
from engine.core.org import Actor
from engine.core.rulebook import Rulebook

NOW = datetime(2022, 5, 26, tzinfo=UTC)


def may(flow: dict[str, Any], roles: dict[str, Any], state: str, name: str, role: str, relation: str) -> bool:
    """Read from the YAML alone: does this transition start here, and does this role reach the case?"""
    for item in flow["transitions"]:
        if name in item:
            transition = item[name]
            starts = transition["from"] if isinstance(transition["from"], list) else [transition["from"]]
            if transition["by"] == "system":
                return False
            by = transition["by"] if isinstance(transition["by"], list) else [transition["by"]]
            scope = roles[role]["scope"]
            named = transition.get("of", [])
            of = {RELATIONS[word] for word in ([named] if isinstance(named, str) else named)}
            part = relation == "owner" or (scope == "involved" and relation == "involved")
            reaches = scope == "all" or (relation in of if of else part)
            return state in starts and role in by and reaches
    return False


def engine_says(book: Rulebook, case: Case, name: str, actor: Actor) -> bool:
    """Not refused for where the case stands or for who acts; guards and evidence are another matter."""
    try:
        lifecycle.advance(book, case, name, actor, Stated(), NOW)
    except BihuanError as error:
        return not any("不能" in p.what or "没有这一职责" in p.what for p in error.problems)
    return True


UNITS = {"owner": "华业社区", "involved": "社会事务部", "other": "派出所"}
RELATIONS = {"owner": "owner"} | {unit: relation for relation, unit in UNITS.items()}


@pytest.mark.parametrize(
    "name", ["arrival", "close_contact", "positive", "key_group", "registration", "list_check", "trip_check"]
)
def test_nobody_does_what_the_yaml_does_not_say(book: Rulebook, pack_files: dict[str, bytes], name: str) -> None:
    flow = yaml.safe_load(pack_files[f"workflows/{name}.yaml"])
    roles = yaml.safe_load(pack_files["rules/organisation.yaml"])["roles"]
    checked = allowed = 0
    for state, transition in ((s, t) for s in flow["states"] for item in flow["transitions"] for t in item):
        case = Case(
            id="C",
            workflow=name,
            release=1,
            subject="S",
            state=state,
            owner="华业社区",
            lead="社会事务部",
            supporting=(),
            category="",
            outcome={},
            opened_at=NOW,
            entered=Entry(NOW, 1),
            held=Entry(NOW, 1),
            facts={},
            personal=frozenset(),
            stages={},
            acted={},
            deadlines={},
            involved=frozenset({"华业社区", "社会事务部"}),
        )
        for role in roles:
            for relation, unit in UNITS.items():
                expected = may(flow, roles, state, transition, role, relation)
                assert engine_says(book, case, transition, Actor("u", ((role, unit),))) is expected, (
                    state,
                    transition,
                    role,
                )
                checked += 1
                allowed += expected
    assert checked == len(flow["states"]) * len(flow["transitions"]) * len(roles) * 3
    assert bool(allowed) is (name != "list_check")
    assert allowed < checked
