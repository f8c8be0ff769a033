"""Two users on one case, and one request sent twice."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from sqlalchemy import bindparam, update

from engine.core.errors import BihuanError, Conflict, Refused
from engine.proof import audit
from engine.service import Office
from engine.store import schema as s
from engine.store import statements, store
from tests.samples import admit, opened


def race(office: Office, case: str) -> list[str]:
    """Both verify at the same moment; how it ended for each."""
    barrier = threading.Barrier(2)
    ends: list[str] = []

    def go(user: str) -> None:
        actor = office.actor(user)
        evidence = {"checked_at": office.now().isoformat()}
        barrier.wait()
        try:
            office.advance(case, "verify", actor, evidence)
            ends.append("won")
        except Conflict as conflict:
            told = str(conflict)
            complete = "案件已由 " in told and " 于 05-26 08:00 推进到“待转运”" in told and "您现在可以：" in told
            ends.append("told" if complete else "half told")
        except BihuanError:
            ends.append("broken")

    threads = [threading.Thread(target=go, args=(user,)) for user in ("huaye", "shewu")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def test_three_hundred_races_have_one_winner_and_one_who_is_told(office: Office) -> None:
    ends = []
    for number in range(300):
        case = opened(office, id_number="", name=f"甲{number}", phone=f"139{number:08d}")
        ends.append(race(office, case))
    assert [end for end in ends if end != ["told", "won"]] == []
    assert audit.verify(office).problems == []


def test_an_update_without_its_version_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case_table: Any = s.CaseRow.__table__  # type: ignore[attr-defined]
    naive = update(case_table).where(case_table.c.id == bindparam("case_id"))
    values: dict[str, Any] = {name: bindparam(name) for name in statements.MOVED}
    monkeypatch.setattr(store, "UPDATE_CASE", statements.Prepared(naive.values(values)))
    ends = []
    for number in range(40):
        case = opened(office, id_number="", name=f"甲{number}", phone=f"139{number:08d}")
        ends.append(race(office, case))
    assert [end for end in ends if end != ["told", "won"]]


def enter(office: Office, number: int, key: str = "") -> list[str]:
    """Two enter the same person at the same moment; how it ended for each."""
    barrier = threading.Barrier(2)
    ends: list[str] = []
    facts = {"name": f"乙{number}", "phone": f"138{number:08d}", "community": "华业社区", "contact": "密切接触者"}

    def go() -> None:
        actor = office.actor("huaye")
        barrier.wait()
        try:
            ends.append(office.open_case("person", facts, actor, key)["case"])
        except Refused as refused:
            ends.append("told" if "CASE-014" in str(refused) else str(refused))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def cases_of(office: Office) -> int:
    with office.store.reading() as driver:
        found: int = driver.execute('SELECT count(*) FROM "case"').fetchone()[0]
    return found


def test_a_person_entered_twice_at_once_has_one_case(office: Office) -> None:
    ends = [enter(office, number) for number in range(60)]
    assert [end for end in ends if end.count("told") != 1] == []
    assert cases_of(office) == 60


def test_one_request_sent_twice_at_once_is_answered_twice_alike(office: Office) -> None:
    ends = [enter(office, number, f"key-{number}") for number in range(30)]
    assert [end for end in ends if len(set(end)) != 1 or "told" in end] == []
    assert cases_of(office) == 30


def test_an_entry_that_does_not_look_again_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: who is known is asked before the write lock only."""
    monkeypatch.setattr("engine.service.subjects.find", lambda _driver, _told: {})
    for number in range(60):
        enter(office, number)
    assert cases_of(office) > 60


def send(office: Office, chance: random.Random, number: int) -> None:
    """A request whose reply is lost now and then, and which is then sent again."""
    facts = {"name": f"甲{number}", "phone": f"139{number:08d}", "community": "华业社区", "contact": "密切接触者"}
    answers: list[Any] = []
    while not answers or chance.random() < 0.15:
        answers.append(office.open_case("person", facts, office.actor("huaye"), f"open-{number}"))
    case = answers[0]["case"]
    evidence = {"pcr_result": "阴性", "sampled_at": office.now().isoformat()}
    now = {"checked_at": office.now().isoformat()}
    office.advance(case, "verify", office.actor("huaye"), now, request_key=f"verify-{number}")
    office.advance(case, "depart", office.actor("zhuanyun"), {"vehicle": "皖A", "departed_at": now["checked_at"]})
    admit(office, case, room=str(number))
    tests: list[Any] = []
    while not tests or chance.random() < 0.15:
        tests.append(office.advance(case, "test", office.actor("geli"), evidence, request_key=f"test-{number}"))
    assert all(answer == answers[0] for answer in answers)
    assert all(answer == tests[0] for answer in tests)


def applied_twice(office: Office) -> list[tuple[Any, ...]]:
    with office.store.reading() as driver:
        found: list[tuple[Any, ...]] = driver.execute(
            "SELECT case_id, json_extract(data, '$.transition'), count(*) FROM event"
            " WHERE type IN ('opened', 'advanced') GROUP BY 1, 2 HAVING count(*) > 1"
        ).fetchall()
        return found


def test_two_hundred_requests_with_lost_replies_are_applied_once(office: Office) -> None:
    chance = random.Random(5)
    for number in range(200):
        send(office, chance, number)
    assert applied_twice(office) == []
    assert audit.verify(office).problems == []


def test_answers_that_are_not_kept_are_found_applied_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Writer, "request", lambda *_: None)
    monkeypatch.setattr("engine.refusals.second_case", lambda *_: None)
    chance = random.Random(5)
    broken = False
    for number in range(30):
        try:
            send(office, chance, number)
        except (AssertionError, BihuanError):
            broken = True
    assert broken
    assert applied_twice(office)
