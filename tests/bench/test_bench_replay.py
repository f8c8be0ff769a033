"""Ten thousand cases decided again under a draft, beside deciding the same inputs barely: `make bench`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from engine.core.case import Case
from engine.core.conditions import Fact
from engine.core.judging import typed
from engine.core.record import from_json, to_json
from engine.core.replaying import Replay
from engine.core.rulebook import Rulebook
from engine.core.tables import Table
from engine.core.values import local_day
from engine.reading.impact import Tally
from tests.bench.test_bench import PAIRS, median_of, seconds
from tests.core.test_replaying import NOW, Edit, another_lead, another_parameter, another_term, with_rows
from tests.population import population

pytestmark = pytest.mark.bench
CASES, DAYS = 10_000, 90
Asked = tuple[Table, Mapping[str, Fact], date]


@pytest.fixture(scope="module")
def cases(book: Rulebook) -> list[Case]:
    return list(population(book, CASES, NOW, DAYS, 1, ["person", "venue"]))


@pytest.mark.parametrize("edit", [another_lead, another_term, another_parameter])
def test_ten_thousand_cases_replayed_beside_bare_decisions_by_both_books(
    book: Rulebook, cases: list[Case], edit: Edit
) -> None:
    snapshots = [(case.id, case.seq, to_json(case)) for case in cases]
    ratios = []
    for seed in range(PAIRS):
        draft = edit(book, random.Random(seed))
        asked = [each for rules in (book, draft) for each in inputs(rules, cases)]

        def bare(asked: list[Asked] = asked) -> None:
            for table, facts, day in asked:
                table.decide(facts, day)

        def ours(draft: Rulebook = draft) -> None:
            replay, tally = Replay(book, draft, NOW), Tally()
            for case_id, seq, snapshot in snapshots:
                case = from_json(snapshot, case_id, seq)
                tally.take(case, replay.compare(case))
            assert tally.told({})["cases"]["decided"] == CASES

        one = seconds(bare)
        ratios.append(one / seconds(ours))
    assert median_of(f"replay of {CASES:,} cases, {edit.__name__} / bare `decide` by both books", ratios) >= 0.5


def inputs(rules: Rulebook, cases: list[Case]) -> list[Asked]:
    """What is asked of the tables for each case; of tables that were never asked and remember nothing."""
    names = {name for kind in rules.subjects.values() for name in (kind.decided_by, kind.completed_by) if name}
    for name in names:
        rules = with_rows(replace(rules), name, list(rules.tables[name].rows))
    asked: list[Asked] = []
    for case in cases:
        kind = rules.subjects[rules.workflows[case.workflow].subject]
        day = max(local_day(case.opened_at, rules.zone), date.fromisoformat(case.ruled_from or "0001-01-01"))
        facts = typed(rules, case)
        asked += [(rules.tables[name], facts, day) for name in (kind.decided_by, kind.completed_by) if name]
    return asked
