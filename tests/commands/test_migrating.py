"""New rules and open cases: shown before, carried out once, answered by people, taken back; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from engine.commands.custody import offer
from engine.commands.migrating import forecast, listed, resolve, revert
from engine.commands.objections import objections
from engine.core import migrating as core
from engine.core.case import Case, moment
from engine.core.errors import BadInput, Refused
from engine.core.values import parse_time
from engine.packs.pack import compile_pack
from engine.proof.audit import verify
from engine.reading.queries import alert_list
from engine.reading.timeline import timeline
from engine.reading.whys import case_why
from engine.service import Office
from engine.timing.migrating import carry_out
from engine.timing.sweep import move_clock, sweep
from tests.samples import opened, published, quarantined

Files = dict[str, bytes]


def edit(files: Mapping[str, bytes], name: str, old: str, new: str) -> Files:
    text = files[name].decode()
    assert text.count(old) >= 1, old
    return {**files, name: text.replace(old, new).encode()}


def entry(files: Mapping[str, bytes], *entries: str) -> Files:
    text = "schema: 1\nmigration:\n" + "".join(f"  - {one}\n" for one in entries)
    return {**files, "rules/migration.yaml": text.encode()}


def sooner(files: Mapping[str, bytes]) -> Files:
    """To be checked within an hour instead of two."""
    return edit(files, "rules/terms.yaml", "及时.核查: {within: 2h", "及时.核查: {within: 1h")


RECOMPUTE = (
    "{id: 核查一小时, from: 2022-05-26, reason: 核查改为一小时, workflow: close_contact, states: found, do: recompute}"
)


def case_of(office: Office, case: str) -> Case:
    return office.case(case, office.actor("shuju"))[0]


def due(office: Office, case: str, name: str = "verify") -> str:
    armed = case_of(office, case).deadlines[name]
    return armed.due.astimezone(office.book().zone).strftime("%d %H:%M")


def told(office: Office, case: str) -> list[str]:
    return [event["what"] for event in timeline(office, case_of(office, case))]


def test_what_an_edit_makes_of_each_case_is_told_before_and_nothing_is_written(
    office: Office, pack_files: Files
) -> None:
    case, other = opened(office), quarantined(office, id_number="", name="乙", phone="13900000009")
    book = compile_pack(entry(sooner(pack_files), RECOMPUTE))
    (told,) = forecast(office, book, office.now())
    assert (told.case.id, told.action, told.why) == (case, "recompute", "核查改为一小时")
    assert told.differences == (("时限 核查", "2022-05-26 10:00", "2022-05-26 09:00"),)
    assert told.overdue == ()
    assert {case_of(office, one).release for one in (case, other)} == {1}
    assert verify(office).problems == []


def test_a_case_goes_over_with_its_deadlines_in_one_event_and_says_why(office: Office, pack_files: Files) -> None:
    case, other = opened(office), quarantined(office, id_number="", name="乙", phone="13900000009")
    published(office, entry(sooner(pack_files), RECOMPUTE))
    assert due(office, case) == "26 10:00"
    sweep(office)
    assert (due(office, case), case_of(office, case).release) == ("26 09:00", 2)
    assert case_of(office, other).release == 1, "no entry names it"
    assert told(office, case)[-1] == "改按第 2 版规则重新起算：核查改为一小时（核查一小时）"
    why = case_why(office, case, office.actor("shuju"))["deadlines"][0]["why"]
    assert why.startswith("09:00 = 立案 08:00 + 1小时")
    (plan,) = listed(office)
    assert (plan["state"], plan["touched"], plan["waiting"]) == ("applied", 1, 0)
    assert verify(office).problems == []


def test_alerts_of_a_deadline_that_moved_are_superseded_and_raised_anew(
    office: Office, pack_files: Files, later: Callable[..., int]
) -> None:
    case = opened(office)
    later(minutes=100)
    (before,) = alert_list(office, office.actor("huaye"))
    published(office, entry(sooner(pack_files), RECOMPUTE))
    sweep(office)
    with office.store.reading() as driver:
        rows = driver.execute("SELECT armed_by, rung FROM alert WHERE case_id = ? ORDER BY 1, 2", (case,)).fetchall()
    assert before["case"] == case
    assert rows[0][0] < rows[-1][0]
    assert verify(office).problems == []


def test_an_entry_is_carried_out_once_and_stays_as_history(office: Office, pack_files: Files) -> None:
    first = opened(office)
    published(office, entry(sooner(pack_files), RECOMPUTE))
    sweep(office)
    again = edit(
        entry(sooner(pack_files), RECOMPUTE), "rules/terms.yaml", "及时.核查: {within: 1h", "及时.核查: {within: 30m"
    )
    published(office, again)
    sweep(office)
    assert (due(office, first), len(listed(office))) == ("26 09:00", 1)
    changed = entry(again, RECOMPUTE.replace("核查改为一小时,", "别的理由,"))
    with pytest.raises(BadInput, match="RULE-037 — migration 里的 核查一小时 已由计划 1 套用，却改了内容"):
        published(office, edit(changed, "rules/terms.yaml", "30m", "40m"))


def test_a_state_that_is_gone_with_cases_in_it_refuses_to_publish_until_they_are_mapped(
    office: Office, pack_files: Files
) -> None:
    case = opened(office)
    gone = edit(pack_files, "workflows/close_contact.yaml", "unreachable", "out_of_reach")
    assert list(objections(office, compile_pack(gone))) == []
    office.advance(case, "lose_contact", office.actor("huaye"), {"calls_made": 3})
    with pytest.raises(BadInput) as refusal:
        published(office, gone)
    assert f"FLOW-010 — 流程 close_contact 没有环节 unreachable 了，还有 1 件案件停在那里：{case}" in str(refusal.value)
    assert "do: move, moves: {unreachable: 新环节}" in str(refusal.value)
    moved = (
        "{id: 改名, from: 2022-05-26, reason: 环节改名, workflow: close_contact, do: move,"
        " moves: {unreachable: out_of_reach}}"
    )
    before = case_of(office, case)
    published(office, entry(gone, moved))
    sweep(office)
    after = case_of(office, case)
    assert (after.state, after.owner, after.entered) == ("out_of_reach", before.owner, before.entered)
    assert {name: armed.due for name, armed in after.deadlines.items()} == {
        name: armed.due for name, armed in before.deadlines.items()
    }
    assert told(office, case)[-1] == "改按第 2 版规则重新起算，转到“联系不上”：环节改名（改名）"
    office.advance(case, "reach", office.actor("huaye"), {})
    assert case_of(office, case).state == "found"
    assert verify(office).problems == []


ASK = "{id: 问, from: 2022-05-26, reason: 各社区情况不同, workflow: close_contact, states: found, do: ask}"


def test_whoever_answers_for_a_case_is_asked_and_reminded_until_she_says(
    office: Office, pack_files: Files, later: Callable[..., int]
) -> None:
    case, kept = opened(office), opened(office, id_number="", name="乙", phone="13900000009")
    published(office, entry(sooner(pack_files), ASK))
    sweep(office)
    assert (due(office, case), case_of(office, case).release) == ("26 10:00", 1)
    assert {"规则变动待决定"} <= {alert["title"] for alert in alert_list(office, office.actor("huaye"))}
    assert listed(office)[0]["waiting"] == 2
    later(days=1)
    answer = resolve(office, case, "recompute", office.actor("huaye"))
    assert answer["changes"][0] == {"what": "时限 核查", "before": "2022-05-26 10:00", "after": "2022-05-26 09:00"}
    assert case_of(office, case).release == 2
    resolve(office, kept, "keep", office.actor("huaye"))
    assert (case_of(office, kept).release, due(office, kept)) == (1, "26 10:00")
    for one in (case, kept):
        assert "rules" not in case_of(office, one).deadlines
        with pytest.raises(Refused, match="PLAN-002"):
            resolve(office, one, "keep", office.actor("huaye"))
    with pytest.raises(BadInput, match="PLAN-004"):
        resolve(office, kept, "drop", office.actor("huaye"))
    assert listed(office)[0]["waiting"] == 0
    assert verify(office).problems == []


def test_a_plan_taken_back_puts_each_case_under_the_rules_it_had(office: Office, pack_files: Files) -> None:
    case = opened(office)
    closed = opened(office, id_number="", name="乙", phone="13900000009")
    published(office, entry(sooner(pack_files), RECOMPUTE))
    with pytest.raises(Refused, match="PLAN-003 — 计划 1 没有套用"):
        revert(office, 1, office.actor("pizhun"))
    sweep(office)
    office.advance(closed, "close_false_alarm", office.actor("shewu"), {"proof": "示例"})
    assert revert(office, 1, office.actor("pizhun")) == 2
    sweep(office)
    assert (case_of(office, case).release, due(office, case)) == (1, "26 10:00")
    assert told(office, case)[-1].startswith("退回第 1 版规则重新起算")
    assert (listed(office)[0]["state"], case_of(office, closed).release) == ("reverted", 2)
    with pytest.raises(BadInput, match="PLAN-001 — 没有计划 9"):
        revert(office, 9, office.actor("pizhun"))
    assert verify(office).problems == []


def test_a_value_of_a_later_day_is_planned_with_its_release_and_comes_with_the_day(
    office: Office, pack_files: Files
) -> None:
    case = quarantined(office)
    values = "- {from: 2021-05-14, value: 14, clause: 二（一）2, source: 国家防控方案第八版}"
    dated = f"{values}\n      - {{from: 2022-06-01, value: 10, source: 上级通知}}"
    edited = edit(pack_files, "rules/parameters.yaml", values, dated)
    one = (
        "{id: 十天, from: 2022-06-01, reason: 改为十天, workflow: close_contact,"
        " when: {decision.category: 密接}, do: recompute}"
    )
    published(office, entry(edited, one))
    move_clock(office, parse_time("2022-05-31T23:00+08:00") - office.now())
    assert (case_of(office, case).release, due(office, case, "release")) == (1, "10 00:00")
    move_clock(office, timedelta(hours=2))
    assert (case_of(office, case).release, due(office, case, "release")) == (2, "06 00:00")
    assert verify(office).problems == []


def test_a_later_release_takes_over_what_an_earlier_one_had_only_planned(office: Office, pack_files: Files) -> None:
    case = opened(office)
    day = RECOMPUTE.replace("from: 2022-05-26", "from: 2022-05-27")
    published(office, entry(sooner(pack_files), day))
    published(
        office,
        edit(entry(sooner(pack_files), day), "rules/terms.yaml", "及时.核查: {within: 1h", "及时.核查: {within: 30m"),
    )
    move_clock(office, timedelta(days=1))
    assert [plan["state"] for plan in listed(office)] == ["superseded", "applied"]
    assert (case_of(office, case).release, due(office, case)) == (3, "26 08:30")
    assert verify(office).problems == []


def test_who_belongs_elsewhere_by_the_new_rules_goes_on_there_under_them(office: Office, pack_files: Files) -> None:
    case = quarantined(office)
    elsewhere = edit(
        pack_files,
        "rules/persons.yaml",
        "workflow: close_contact,\n               days: close_contact_quarantine_days",
        "workflow: arrival, measure: 集中隔离,\n               days: close_contact_quarantine_days",
    )
    files = {name: raw for name, raw in elsewhere.items() if not name.startswith("rules/examples/")}
    one = "{id: 改流程, from: 2022-05-26, reason: 密接按来返流程办, workflow: close_contact, do: recompute}"
    published(office, entry(files, one))
    sweep(office)
    assert case_of(office, case).final == "reclassified"
    with office.store.reading() as driver:
        (successor,) = driver.execute("SELECT id FROM \"case\" WHERE final = '' AND workflow = 'arrival'").fetchone()
    then = case_of(office, successor)
    assert (then.release, then.follows, then.state, then.ruled_from) == (2, case, "quarantined", "2022-05-26")
    assert revert(office, 1, office.actor("pizhun")) == 1
    sweep(office)
    assert case_of(office, successor).asked is not None, "no way leads back: somebody is asked"
    assert verify(office).problems == []


def test_a_broken_case_is_set_aside_alone_and_tried_again(
    office: Office, pack_files: Files, monkeypatch: pytest.MonkeyPatch, later: Callable[..., int]
) -> None:
    cases = sorted(opened(office, id_number="", name=f"甲{n}", phone=f"139{n:08d}") for n in range(5))
    published(office, entry(sooner(pack_files), RECOMPUTE))
    sound = core.migrate

    def broken(passage: Any, case: Case, *rest: Any) -> Any:
        if case.id == cases[2]:
            raise ValueError
        return sound(passage, case, *rest)

    monkeypatch.setattr(core, "migrate", broken)
    sweep(office)
    assert [case_of(office, case).release for case in cases] == [2, 2, 1, 2, 2]
    with office.store.reading() as driver:
        aside = driver.execute("SELECT kind, case_id, tries, error FROM incident").fetchall()
    assert aside == [("case", cases[2], 1, "ValueError")]
    later(minutes=10)
    with office.store.reading() as driver:
        messages = driver.execute("SELECT text FROM outbox WHERE text LIKE '%新规则套用不上%'").fetchall()
    assert len(messages) == 1
    monkeypatch.setattr(core, "migrate", sound)
    later(days=1)
    assert case_of(office, cases[2]).release == 2
    assert verify(office).problems == []


def test_a_plan_broken_off_goes_on_where_it_was(
    office: Office, pack_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [opened(office, id_number="", name=f"甲{n}", phone=f"139{n:08d}") for n in range(6)]
    published(office, entry(sooner(pack_files), RECOMPUTE))
    act, done = office.act, [0]

    def broken(*asked: Any) -> Any:
        done[0] += 1
        if done[0] == 4:
            raise KeyboardInterrupt
        return act(*asked)

    monkeypatch.setattr(office, "act", broken)
    with pytest.raises(KeyboardInterrupt):
        carry_out(office)
    monkeypatch.setattr(office, "act", act)
    assert sorted(case_of(office, case).release for case in cases) == [1, 1, 1, 2, 2, 2]
    assert carry_out(office) == 3
    assert {len(told(office, case)) for case in cases} == {2}
    assert verify(office).problems == []


def test_only_who_may_takes_back_and_answers(office: Office) -> None:
    with pytest.raises(Refused, match="没有权限 approve"):
        revert(office, 1, office.actor("huaye"))
    with pytest.raises(Refused, match="没有权限 correct"):
        resolve(office, opened(office), "keep", office.actor("zhuanyun"))


def test_a_plan_row_put_in_or_changed_by_hand_is_found(office: Office, pack_files: Files) -> None:
    opened(office)
    published(office, entry(sooner(pack_files), RECOMPUTE))
    sweep(office)
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE migration SET due = due + 1")
        writer.cursor.execute("UPDATE migrated SET entry = '别的'")
    told = {problem.what for problem in verify(office).problems}
    assert {"规则变动计划的记录与事件不符", "规则变动的记录与案件的事件不符"} <= told


def quarantine_of_seven(files: Mapping[str, bytes], one: str) -> Files:
    """Seven days instead of fourteen, tested on other days, from the third of June on."""
    text = edit(
        files,
        "rules/parameters.yaml",
        "- {from: 2021-05-14, value: 14, clause: 二（一）2, source: 国家防控方案第八版}",
        "- {from: 2021-05-14, value: 14, clause: 二（一）2, source: 国家防控方案第八版}\n"
        "      - {from: 2022-06-03, value: 7, source: 试}",
    )
    days = "- {from: 2021-05-14, value: [1, 4, 7, 14], source: 国家防控方案第八版}"
    assert text["rules/parameters.yaml"].decode().count(days) >= 1
    raw = text["rules/parameters.yaml"].decode()
    at = raw.index(days, raw.index("close_contact_test_days"))
    raw = raw[:at] + days + "\n      - {from: 2022-06-03, value: [1, 2, 3, 5, 7], source: 试}" + raw[at + len(days) :]
    return entry({**text, "rules/parameters.yaml": raw.encode()}, one)


SEVEN = "{id: 七天, from: 2022-06-03, reason: 改七天, workflow: close_contact, do: recompute}"


def sampled_on(office: Office, case: str) -> list[str]:
    """On which days a case is tested, by what it has been asked for and has not done."""
    plan = case_of(office, case).plans["tests"]
    return [moment(at).astimezone(office.book().zone).strftime("%d") for at in plan.due]


def test_what_was_due_and_is_not_done_stays_so_there_and_back(
    office: Office, pack_files: Files, later: Callable[..., int]
) -> None:
    case = quarantined(office)
    before = sampled_on(office, case)
    published(office, quarantine_of_seven(pack_files, SEVEN))
    later(days=8, hours=1)
    assert case_of(office, case).release == 2
    assert set(sampled_on(office, case)) >= {"27", "30", "02"}, "missed under the old days, and still missed"
    revert(office, 1, office.actor("pizhun"))
    sweep(office)
    assert case_of(office, case).release == 1
    assert sampled_on(office, case) == before
    assert told(office, case)[-1] == "退回第 1 版规则重新起算：计划 1 由 pizhun 退回（七天）"
    assert verify(office).problems == []


def test_a_case_moved_and_put_back_is_due_when_it_was(
    office: Office, pack_files: Files, later: Callable[..., int]
) -> None:
    case = opened(office)
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    was = case_of(office, case)
    move = (
        "{id: 退一步, from: 2022-05-26, reason: 试, workflow: close_contact, do: move,"
        " moves: {awaiting_transfer: found}}"
    )
    published(office, entry(sooner(pack_files), move))
    later(hours=20)
    assert (case_of(office, case).state, case_of(office, case).owner) == ("found", "华业社区")
    revert(office, 1, office.actor("pizhun"))
    later(hours=1)
    now = case_of(office, case)
    assert (now.state, now.owner, now.entered) == (was.state, was.owner, was.entered)
    assert {name: one.due for name, one in now.deadlines.items()} == {
        name: one.due for name, one in was.deadlines.items()
    }
    assert verify(office).problems == []


def test_an_offer_that_a_plan_made_goes_with_it(office: Office, pack_files: Files) -> None:
    case = opened(office)
    flow = pack_files["workflows/close_contact.yaml"].decode().replace("owner: 属地社区", "owner: 社会事务部", 1)
    files = {name: raw for name, raw in pack_files.items() if not name.startswith("rules/examples/")}
    published(office, entry(files | {"workflows/close_contact.yaml": flow.encode()}, RECOMPUTE))
    sweep(office)
    made = case_of(office, case).offer
    assert made is not None and made.to == "社会事务部"  # noqa: PT018 - the one is nothing without the other
    revert(office, 1, office.actor("pizhun"))
    sweep(office)
    assert case_of(office, case).offer is None
    assert "hand_over" not in case_of(office, case).deadlines
    assert verify(office).problems == []


def test_a_case_that_an_entry_keeps_says_why(office: Office, pack_files: Files) -> None:
    case = opened(office)
    published(office, entry(sooner(pack_files), RECOMPUTE.replace("do: recompute", "do: keep")))
    sweep(office)
    assert case_of(office, case).release == 1
    assert told(office, case)[-1] == "照旧规则办完：核查改为一小时（核查一小时）"
    assert (listed(office)[0]["touched"], listed(office)[0]["waiting"]) == (0, 0)
    sweep(office)
    assert told(office, case).count("照旧规则办完：核查改为一小时（核查一小时）") == 1
    revert(office, 1, office.actor("pizhun"))
    sweep(office)
    assert verify(office).problems == []


def test_who_answers_for_a_case_may_say_whatever_her_rights(office: Office, pack_files: Files) -> None:
    case = opened(office)
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    ask = ASK.replace("states: found", "states: awaiting_transfer")
    published(office, entry(sooner(pack_files), ask))
    sweep(office)
    with pytest.raises(Refused, match="AUTH-002"):
        resolve(office, case, "keep", office.actor("shenpi"))
    assert resolve(office, case, "keep", office.actor("zhuanyun"))["action"] == "keep"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("workflow: close_contact", "workflow: 密切接触者集中隔离", "没有流程 密切接触者集中隔离"),
        ("states: found", "when: {decision.category: 蜜接}", "规则从来不判定 decision.category 为 蜜接"),
    ],
)
def test_an_entry_that_can_be_about_no_case_is_refused(
    office: Office, pack_files: Files, old: str, new: str, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        published(office, entry(sooner(pack_files), RECOMPUTE.replace(old, new)))


def test_what_a_person_offered_after_a_plan_stays_offered(office: Office, pack_files: Files) -> None:
    case = opened(office)
    published(office, entry(sooner(pack_files), RECOMPUTE))
    sweep(office)
    offer(office, case, "社会事务部", office.actor("huaye"))
    revert(office, 1, office.actor("pizhun"))
    sweep(office)
    still = case_of(office, case).offer
    assert still is not None
    assert still.to == "社会事务部"
    assert verify(office).problems == []
