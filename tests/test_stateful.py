"""Random commands by random actors: every open case has a declared state, an owner, a deadline; replay equals it."""

from __future__ import annotations

import contextlib
import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from engine.commands import tasks
from engine.core.case import micros
from engine.core.errors import BihuanError
from engine.core.values import parse_time
from engine.packs.pack import read_folder, shipped
from engine.proof import audit
from engine.service import Office
from engine.timing.sweep import move_clock

FILES = read_folder(shipped())
USERS = ["shuju", "shewu", "shenpi", "huaye", "heping", "zhuanyun", "geli", "guanli"]
LEVELS = ["high", "medium", "low", "county", "none", None]
VERBS = [
    "verify", "keep_at_home", "depart", "admit", "test", "release", "release_home", "hand_over_out",
    "collect", "send_home", "call",
    "close_not_found", "close_false_alarm", "inform", "send_sample", "confirm", "exclude", "return_to_group",
    "hospitalise", "follow_up",
    "discharge", "return_to_hospital", "enrol", "settle", "finish", "nonsense", "measure", "ask", "visit", "recheck",
    "recheck_negative", "recheck_positive",
]  # fmt: skip


class Work(RuleBasedStateMachine):
    """An office where everybody tries everything."""

    cases = Bundle("cases")

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        base = Path(self.folder.name)
        self.office = Office.create(
            base / "db" / "x.db", base / "k" / "key", FILES, parse_time("2022-05-26T08:00+08:00")
        )
        self.number = 0

    @rule(
        target=cases,
        level=st.sampled_from(LEVELS),
        contact=st.sampled_from([None, "密切接触者", "次密接"]),
        pcr=st.sampled_from([None, "阴性", "阳性", "可疑"]),
        symptoms=st.sampled_from([None, "发热", "咳嗽"]),
        community=st.sampled_from(["华业社区", "和平社区", None]),
    )
    def open(self, **facts: Any) -> str:
        self.number += 1
        named = {"origin_level": facts["level"], "contact": facts["contact"], "pcr_result": facts["pcr"]}
        named |= {"symptoms": facts["symptoms"], "community": facts["community"]}
        told = {name: value for name, value in named.items() if value is not None}
        told |= {"name": f"甲{self.number}", "phone": f"139{self.number:08d}"}
        told["left_on"] = str((self.office.now() - timedelta(days=2)).date())
        return str(self.office.open_case("person", told, self.office.actor("shuju"))["case"])

    @rule(case=cases, verb=st.sampled_from(VERBS), user=st.sampled_from(USERS), negative=st.booleans())
    def advance(self, case: str, verb: str, user: str, *, negative: bool) -> None:
        try:
            actor = self.office.actor(user)
            found, _ = self.office.case(case, actor)
            flow = self.office.book(found.release).workflows[found.workflow]
            asked = flow.transitions[verb].evidence if verb in flow.transitions else ()
            evidence = {item.field: self.value(item.field, negative=negative) for item in asked}
            self.office.advance(case, verb, actor, evidence)
        except BihuanError:
            return  # refused: the invariants below say whether it was left as it was

    @rule(case=cases, user=st.sampled_from(USERS))
    def whoever_can_goes_on(self, case: str, user: str) -> None:
        """Random verbs alone seldom get far: take one that is possible for her."""
        from engine.core import lifecycle  # noqa: PLC0415 - only here

        try:
            found, _ = self.office.case(case, self.office.actor(user))
        except BihuanError:
            return
        verbs = lifecycle.possible(self.office.book(found.release), found, self.office.actor(user))
        for verb in verbs[:1]:
            self.advance(case, verb, user, negative=True)

    @rule(
        case=cases,
        user=st.sampled_from(USERS),
        task=st.sampled_from(["pcr_test", "temperature"]),
        how=st.integers(0, 2),
    )
    def somebody_takes_a_task_on_or_leaves_it(self, case: str, user: str, task: str, how: int) -> None:
        try:
            actor = self.office.actor(user)
            if how == 0:
                tasks.skip(self.office, case, task, actor, "设备故障")
            else:
                tasks.claim(self.office, case, task, actor, give_up=how == 1)
        except BihuanError:
            return

    @rule(hours=st.sampled_from([1, 50, 24 * 8]))
    def nobody_sweeps(self, hours: int) -> None:
        self.office.set_clock(micros(self.office.now() + timedelta(hours=hours)))

    def value(self, field: str, *, negative: bool) -> Any:
        of = self.office.book().subjects["person"].fields.get(field)
        now = self.office.now()
        known = {"pcr_result": "阴性" if negative else "阳性", "recheck_result": "阴性" if negative else "阳性"}
        by_type = {
            "time": now.isoformat(),
            "date": now.date().isoformat(),
            "integer": 3,
            "text": "甲",
            "person_ref": "甲",
        }
        return known.get(field) or (by_type.get(of.type) if of else 1) or (of.values[0] if of else None)

    @rule(hours=st.sampled_from([1, 5, 24, 24 * 14]))
    def later(self, hours: int) -> None:
        move_clock(self.office, timedelta(hours=hours))

    @invariant()
    def every_open_case_is_somebodys_and_has_a_deadline(self) -> None:
        if not hasattr(self, "office"):
            return
        with self.office.store.reading() as driver:
            rows = driver.execute(
                "SELECT c.workflow, c.state, c.owner, c.final, c.snapshot,"
                " (SELECT count(*) FROM deadline WHERE case_id = c.id AND name NOT LIKE '%@%')"
                ' FROM "case" AS c'
            ).fetchall()
        book = self.office.book()
        for workflow, state, owner, final, snapshot, deadlines in rows:
            declared = book.workflows[workflow].states[state]
            assert final in (declared.final, "reclassified")
            assert (owner in book.organisation.units) is not bool(final)
            assert (deadlines > 0) is not bool(final)
            assert len(json.loads(snapshot)["deadlines"]) == deadlines

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        with self.folder:
            if hasattr(self, "office"):
                with contextlib.closing(self.office):
                    assert audit.verify(self.office).problems == []


TestWork = Work.TestCase
TestWork.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
