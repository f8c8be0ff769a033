"""The controls: each of these planted bugs must be caught by the simulator, and for what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import bindparam, update

from engine import service
from engine.core import corrections, custody, moving, planning
from engine.core.case import Case, Event
from engine.core.guards import ActorGuard
from engine.core.reckoning import HAND_OVER, Reckoning
from engine.store import schema as s
from engine.store import statements, store
from engine.store.statements import Prepared
from engine.store.store import Writer
from engine.timing import sweep
from tests.simulation.test_simulation import run
from tests.simulation.world import template

Patch = pytest.MonkeyPatch
MOST_SEEDS = 200
case_table: Any = s.CaseRow.__table__  # type: ignore[attr-defined]
custody_table: Any = s.CustodyRow.__table__  # type: ignore[attr-defined]


def no_version_check(patch: Patch) -> None:
    moved = statements._named(*statements.MOVED)  # noqa: SLF001 - the bug is planted there
    patch.setattr(
        store,
        "UPDATE_CASE",
        Prepared(update(case_table).where(case_table.c.id == bindparam("case_id")).values(moved)),
    )


def return_that_puts_off(patch: Patch) -> None:
    given_back = custody.give_back

    def later(book: Any, case: Case, *args: Any, **kwargs: Any) -> Event:
        happened = given_back(book, case, *args, **kwargs)
        name, armed = next((name, armed) for name, armed in case.deadlines.items() if name != HAND_OVER)
        due = int(armed.due.timestamp()) * 1_000_000 + 3_600_000_000
        told = [due, armed.ladder, armed.since, armed.base + 3_600_000_000, armed.within, armed.length]
        return happened._replace(data={**happened.data, "armed": {name: told}})

    patch.setattr(custody, "give_back", later)


def custody_left_open(patch: Patch) -> None:
    table = custody_table
    nobody = table.c.case_id == bindparam("case_id"), table.c.unit.is_(None)
    patch.setattr(store, "END_CUSTODY", Prepared(update(table).where(*nobody).values(until=bindparam("since"))))


def parent_not_told(patch: Patch) -> None:
    patch.setattr("engine.alongside.with_relatives", lambda _, __, changes: list(changes))


def accepted_by_the_giver(patch: Patch) -> None:
    answering = custody._answering  # noqa: SLF001 - the bug is planted there
    patch.setattr(custody, "_answering", lambda attempt: (answering(attempt)[0], []))


def done_twice(patch: Patch) -> None:
    fitting = planning.fitting
    patch.setattr(moving, "fitting", lambda case, *args: fitting(structs.replace(case, marks={}), *args))


def alert_without_what_armed_it(patch: Patch) -> None:
    patch.setattr(sweep, "_DUE", sweep._DUE.replace("armed_by", "1 AS armed_by", 1))  # noqa: SLF001 - as above


def old_schedule_kept(patch: Patch) -> None:
    class Forgetful(Reckoning):
        def plans(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {}

    patch.setattr(corrections, "Reckoning", Forgetful)


def released_by_whoever_handled_it(patch: Patch) -> None:
    patch.setattr(ActorGuard, "unmet", lambda *_: "")


def result_without_consequence(patch: Patch) -> None:
    patch.setattr(moving, "_fired_by_result", lambda *_: ())


def confirmed_by_the_proposer(patch: Patch) -> None:
    proposal_of = corrections.proposal_of

    def unasked(book: Any, case: Case, actor: Any) -> Any:
        proposal = case.proposal._replace(by="") if case.proposal else None
        return proposal_of(book, structs.replace(case, proposal=proposal), actor)

    patch.setattr(corrections, "proposal_of", unasked)
    patch.setattr(service.Office, "require", lambda *_, **__: None)  # nobody here may both propose and confirm


def answer_not_kept(patch: Patch) -> None:
    patch.setattr(Writer, "request", lambda *_: None)


def committed_in_halves(patch: Patch) -> None:
    hold = Writer._hold  # noqa: SLF001 - as above

    def early(self: Writer, changes: Any) -> None:
        hold(self, changes)
        self.driver.execute("COMMIT")
        self.driver.execute("BEGIN IMMEDIATE")

    patch.setattr(Writer, "_hold", early)


PLANTED: list[tuple[Callable[[Patch], None], str]] = [
    (no_version_check, "UNIQUE constraint failed|序号不连续"),
    (return_that_puts_off, "退回改了时限"),
    (custody_left_open, "责任"),
    (parent_not_told, "上级案件|不知道"),
    (accepted_by_the_giver, "签收"),
    (done_twice, "办了两回"),
    (alert_without_what_armed_it, "预警"),
    (old_schedule_kept, "还按原来的日子"),
    (released_by_whoever_handled_it, "经办又审批"),
    (result_without_consequence, "没有引出"),
    (confirmed_by_the_proposer, "自己确认"),
    (answer_not_kept, "两个答复"),
    (committed_in_halves, "案件记录|时限|落后|任务|计划"),
]


def seek() -> None:
    """Seed after seed, until one fails."""
    for seed in range(MOST_SEEDS):
        run(seed, live=False)


@pytest.mark.parametrize(("plant", "what"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_bug_is_caught(plant: Callable[[Patch], None], what: str, monkeypatch: Patch) -> None:
    template()  # the rules are sound: they are checked before the bug is there
    plant(monkeypatch)
    with pytest.raises(Exception, match=what):
        seek()
