"""Random commands, delays and corrections: every stored deadline is what its own words and the rules lead to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from engine.commands.noting import acknowledge
from engine.commands.postponing import put_off
from engine.core import case as core
from engine.core.case import micros
from engine.core.errors import BihuanError
from engine.core.judging import typed
from engine.core.reckoning import HAND_OVER, Reckoning
from engine.core.values import parse_duration
from engine.proof import audit
from engine.service import Office
from tests.samples import opened
from tests.test_stateful import USERS, Work


def told(office: Office, case: str) -> dict[str, list[Any]]:
    """Each deadline as the last event that armed it tells it: read from the log alone, with what it was extended by."""
    with office.store.reading() as driver:
        rows = driver.execute(
            "SELECT type, data FROM event WHERE case_id = ? AND type != 'alerted' ORDER BY seq", (case,)
        ).fetchall()
    armed: dict[str, list[Any]] = {}
    extended: dict[tuple[str, int], int] = {}
    for kind, text in rows:
        data = json.loads(text)
        for name in data.get("ended", ()):
            armed.pop(name, None)
        armed |= data.get("armed", {})
        if kind == "postponed" and data["kind"] == "extended":
            key = (data["deadline"], armed[data["deadline"]][3])
            extended[key] = extended.get(key, 0) + data["by"]
    return {name: [*words, extended.get((name, words[3]), 0)] for name, words in armed.items()}


def broken(office: Office) -> list[str]:
    """Deadlines whose row is not what their words say, or not what the rules say now."""
    wrong = []
    with office.store.reading() as driver:
        rows = driver.execute(
            'SELECT c.id, d.name, d.due FROM "case" AS c JOIN deadline AS d ON d.case_id = c.id'
            " WHERE instr(d.name, '@') = 0"  # those of tasks follow from their schedule
        )
        stored = rows.fetchall()
    for case_id, name, due in stored:
        loaded = office.store.load(case_id)
        assert loaded is not None
        case, book = loaded[0], office.book()
        at, _, since, base, within, length, extended = told(office, case_id)[name]
        if not due == at == base + length + extended:
            wrong.append(f"{case_id} {name}: {due} {at}")
        state = book.workflows[case.workflow].states[case.state]
        facts = typed(book, case)
        reckoning = Reckoning(book, book.workflows[case.workflow], case.outcome, case.opened_at, facts)
        armed, ended, _ = reckoning.deadlines(state, office.now(), case, stays=True)
        if armed or ended:
            wrong.append(f"{case_id}: the rules say {armed} {ended}")
        limit = next((d.extend.most for d in state.deadlines if d.name == name and d.extend), timedelta())
        if name != HAND_OVER and timedelta(microseconds=due - base - length) > limit:
            wrong.append(f"{case_id} {name}: put off by more than {limit}")
        if since == "opened" and base != micros(case.opened_at):
            wrong.append(f"{case_id} {name}: opened at {base}")
        if within[0].isdigit() and length != parse_duration(within) // timedelta(microseconds=1):
            wrong.append(f"{case_id} {name}: {within} is not {length}")
    return wrong


class Deadlines(Work):
    """The same office, where deadlines are put off and alerts acknowledged as well."""

    @rule(
        case=Work.cases,
        kind=st.sampled_from(["extended", "shelved"]),
        user=st.sampled_from(["shenpi", "huaye"]),
        hours=st.sampled_from([1, 5, 24, 100]),
    )
    def put_off(self, case: str, kind: str, user: str, hours: int) -> None:
        try:
            actor = self.office.actor(user)
            name = next(iter(self.office.case(case, actor)[0].deadlines), "verify")
            put_off(self.office, case, kind, name, timedelta(hours=hours), actor, "等")
        except BihuanError:
            return

    @rule(case=Work.cases, name=st.sampled_from(["", "verify", "transfer"]), user=st.sampled_from(USERS))
    def acknowledge(self, case: str, name: str, user: str) -> None:
        try:
            acknowledge(self.office, case, name, self.office.actor(user))
        except BihuanError:
            return

    @invariant()
    def every_stored_deadline_equals_its_recomputation(self) -> None:
        if hasattr(self, "office"):
            assert broken(self.office) == []


TestDeadlines = Deadlines.TestCase
TestDeadlines.settings = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_an_extension_that_no_limit_holds_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: what was put off before is forgotten, so that the limit is never reached."""
    case = opened(office)
    put_off(office, case, "extended", "verify", timedelta(hours=20), office.actor("shenpi"), "等")
    assert broken(office) == []
    monkeypatch.setattr("engine.core.postponing.delayed", lambda _case, _name, base: core.Delay(base))
    put_off(office, case, "extended", "verify", timedelta(hours=20), office.actor("shenpi"), "等")
    assert "put off by more than" in str(broken(office))


def test_a_due_time_without_its_extension_is_found(office: Office) -> None:
    """The planted bug: the event moves the due time, but its words do not."""
    case = opened(office)
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE deadline SET due = due + 1 WHERE case_id = ?", (case,))
    assert broken(office)
    assert audit.verify(office).problems
