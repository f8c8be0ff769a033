from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.commands.drafts import draft
from engine.commands.noting import acknowledge
from engine.commands.privacy import erase, personal
from engine.core.errors import BadInput, Conflict, Damaged, Refused
from engine.proof import audit
from engine.reading.queries import alert_list, case_list, case_show
from engine.service import Office
from engine.vault import default_key_path
from tests.conftest import Make
from tests.samples import CANARIES, CONTACT, opened, published, quarantined

Later = Callable[..., int]


def rows(office: Office, sql: str, *args: Any) -> list[Any]:
    with office.store.reading() as driver:
        found: list[Any] = driver.execute(sql, args).fetchall()
        return found


def every_byte(office: Office) -> bytes:
    folder = office.store.path.parent
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_contact_goes_from_discovery_to_release_on_day_fourteen(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=13)
    with pytest.raises(Refused) as refused:
        office.advance(case, "release", office.actor("geli"))
    assert len(refused.value.problems) == 3  # too early, not tested, and whoever accepted her does not release her
    later(days=1)
    with pytest.raises(Refused, match="还没有任何结果"):
        office.advance(case, "release", office.actor("shenpi"))
    office.advance(case, "test", office.actor("geli"), {"pcr_result": "阴性", "sampled_at": office.now().isoformat()})
    with pytest.raises(Refused, match="请换人"):
        office.advance(case, "release", office.actor("geli"))
    done = office.advance(case, "release", office.actor("shenpi"))
    assert (done["final"], done["owner"], done["deadlines"]) == ("released", "", {})
    assert audit.verify(office).problems == []


def test_personal_data_stand_nowhere_in_the_clear(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=1)
    told = json.dumps(case_show(office, case, office.actor("huaye")), ensure_ascii=False)
    raw = every_byte(office)
    for canary in CANARIES:
        assert canary not in told
        assert canary.encode() not in raw
    assert "李**" in told or "李*" in told
    assert "340***********2100" in told


def test_a_reveal_needs_the_right_and_a_reason_and_is_an_event(office: Office) -> None:
    case = opened(office)
    with pytest.raises(Refused, match="shenpi 没有权限 reveal"):
        personal(office, office.case(case, office.actor("shenpi"))[0], office.actor("shenpi"), "好奇")
    for stranger in ("heping", "caishi"):
        with pytest.raises(BadInput, match="没有案件"):
            case_show(office, case, office.actor(stranger), "好奇")
    with pytest.raises(Refused, match="jigong 只能看，不能 reveal"):
        case_show(office, case, office.actor("jigong"), "好奇")
    shown = personal(office, office.case(case, office.actor("shuju"))[0], office.actor("shuju"), "核对身份")
    assert shown["id_number"] == CONTACT["id_number"]
    (event,) = rows(office, "SELECT actor, data FROM event WHERE type = 'revealed'")
    assert event[0] == "shuju"
    assert "核对身份".encode() not in every_byte(office)


def test_erasing_leaves_no_trace_and_no_broken_chain(office: Office) -> None:
    case = opened(office)
    now = office.now().isoformat()
    subject = office.case(case, office.actor("shuju"))[0].subject
    with pytest.raises(Refused, match="办结后才能清除"):
        erase(office, subject, office.actor("guanli"))
    gone = {"calls_made": 3, "visited_at": now, "proof": "P1"}
    office.advance(case, "close_not_found", office.actor("huaye"), gone)
    with pytest.raises(Refused, match="没有权限 erase"):
        erase(office, subject, office.actor("huaye"))
    sealed = rows(office, "SELECT sealed FROM vault WHERE subject = ?", subject)
    wrapped = rows(office, "SELECT wrapped FROM subject WHERE id = ?", subject)
    assert sealed
    erase(office, subject, office.actor("guanli"))
    raw = every_byte(office)
    for (secret,) in sealed + wrapped:
        assert secret not in raw
    assert rows(office, "SELECT 1 FROM blind WHERE subject = ?", subject) == []
    assert audit.verify(office).problems == []
    assert case_show(office, case, office.actor("shuju"))["personal"] == {}
    with pytest.raises(BadInput, match="或已经清除"):
        erase(office, subject, office.actor("guanli"))


def test_a_person_known_by_number_is_the_same_subject(office: Office) -> None:
    case = opened(office)
    with pytest.raises(Refused, match=f"案件 {case}"):
        opened(office, phone="13900009999")
    office.advance(
        case,
        "close_not_found",
        office.actor("huaye"),
        {"calls_made": 3, "visited_at": office.now().isoformat(), "proof": "P1"},
    )
    second = opened(office)
    chief = office.actor("shuju")
    assert office.case(second, chief)[0].subject == office.case(case, chief)[0].subject


def test_facts_are_checked_all_at_once_without_quoting_personal_ones(office: Office) -> None:
    with pytest.raises(BadInput) as refused:
        office.open_case(
            "person",
            {"姓名": "甲", "id_number": "340102196502162101", "comunity": "x", "pcr_result": "阴"},
            office.actor("huaye"),
        )
    told = str(refused.value)
    assert len(refused.value.problems) == 3
    assert "did you mean community" in told
    assert "340102196502162101" not in told
    with pytest.raises(BadInput, match="缺少 姓名"):
        office.open_case("person", {"contact": "密切接触者"}, office.actor("huaye"))
    with pytest.raises(BadInput, match="没有对象类别"):
        office.open_case("car", {}, office.actor("huaye"))


def test_a_transition_takes_only_what_it_asks_for(office: Office) -> None:
    case = opened(office)
    with pytest.raises(BadInput, match="动作 verify 不收 origin_level"):
        office.advance(case, "verify", office.actor("huaye"), {"origin_level": "none"})


def test_nobody_acts_without_being_named_in_the_pack(office: Office) -> None:
    with pytest.raises(Refused, match=r"没有用户 huaya .*did you mean huaye"):
        office.actor("huaya")
    with pytest.raises(Refused, match="没有说明是谁"):
        office.actor("")
    with pytest.raises(Refused, match="geli 没有权限"):
        office.open_case("person", CONTACT, office.actor("geli"))


def test_another_communitys_case_is_as_if_it_did_not_exist(office: Office) -> None:
    case = opened(office)
    for foreign in (case, "0000000000A", "../etc", ""):
        with pytest.raises(BadInput, match="没有案件"):
            office.case(foreign, office.actor("fengyang"))
    assert case_list(office, office.actor("fengyang")) == []
    assert [row["case"] for row in case_list(office, office.actor("huaye"))] == [case]
    assert [row["case"] for row in case_list(office, office.actor("shuju"), state="found")] == [case]


def test_a_case_number_is_read_as_people_write_it(office: Office) -> None:
    case = opened(office)
    written = f" {case[:5]}-{case[5:]} ".lower().replace("0", "o")
    assert office.case(written, office.actor("huaye"))[0].id == case
    slipped = case[:-1] + ("0" if case[-1] != "0" else "1")
    with pytest.raises(BadInput, match="校验字符"):
        office.case(slipped, office.actor("huaye"))


def test_the_same_request_is_answered_once_and_the_same(office: Office) -> None:
    first = office.open_case("person", CONTACT, office.actor("huaye"), "r1")
    assert office.open_case("person", CONTACT, office.actor("huaye"), "r1") == first
    evidence = {"checked_at": office.now().isoformat()}
    done = office.advance(first["case"], "verify", office.actor("huaye"), evidence, request_key="r2")
    assert office.advance(first["case"], "verify", office.actor("huaye"), evidence, request_key="r2") == done
    assert rows(office, "SELECT count(*) FROM event WHERE type = 'advanced'") == [(1,)]
    with pytest.raises(BadInput, match="已用于另一个请求"):
        office.advance(first["case"], "depart", office.actor("zhuanyun"), evidence, request_key="r2")


def test_who_saw_an_older_state_is_told_who_when_and_what_is_possible(office: Office) -> None:
    case = opened(office)
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    with pytest.raises(Conflict) as conflict:
        office.advance(
            case, "verify", office.actor("shewu"), {"checked_at": office.now().isoformat()}, seen_state="found"
        )
    told = str(conflict.value)
    assert "已由 huaye 于 05-26 08:00 推进到“待转运”，不在“已发现”" in told
    assert "您现在可以：" in told


def test_who_is_too_early_is_told_where_the_action_starts_and_not_that_somebody_was_faster(office: Office) -> None:
    case = opened(office)
    with pytest.raises(Refused) as refused:
        office.advance(case, "depart", office.actor("zhuanyun"), {"vehicle": "皖A", "departed_at": "2022-05-26 08:00"})
    assert not isinstance(refused.value, Conflict)
    assert "案件在“已发现”（found），不能发车（depart） — 该动作始于：待转运" in str(refused.value)


def test_who_is_two_steps_behind_is_told_who_was_faster(office: Office) -> None:
    case = opened(office)
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": "2022-05-26 08:00"})
    office.advance(case, "depart", office.actor("zhuanyun"), {"vehicle": "皖A", "departed_at": "2022-05-26 08:00"})
    with pytest.raises(Conflict, match="已由 zhuanyun 于 05-26 08:00 推进到“转运中”，不在“已发现”"):
        office.advance(case, "verify", office.actor("shewu"), {"checked_at": "2022-05-26 08:00"})


def test_two_at_once_one_wins_and_nothing_is_half_done(office: Office) -> None:
    for number in range(12):
        case = opened(office, id_number="", name=f"甲{number}", phone=f"139000000{number:02d}")
        barrier = threading.Barrier(2)
        outcomes: list[str] = []

        def go(case: str, barrier: threading.Barrier, outcomes: list[str]) -> None:
            barrier.wait()
            try:
                office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
                outcomes.append("won")
            except Conflict as conflict:
                outcomes.append("told" if "已由 huaye 于" in str(conflict) else "left in the dark")

        threads = [threading.Thread(target=go, args=(case, barrier, outcomes)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["told", "won"]
    assert audit.verify(office).problems == []


def test_a_new_release_leaves_open_cases_under_their_own(office: Office, pack_files: dict[str, bytes]) -> None:
    before = opened(office)
    changed = dict(pack_files)
    changed["rules/terms.yaml"] = pack_files["rules/terms.yaml"].replace(
        b"within: 2h, clause", b"within: 1h, clause", 1
    )
    with pytest.raises(Refused, match="没有权限 publish"):
        draft(office, changed, office.actor("huaye"), "试")
    assert published(office, changed)["release"] == 2
    with pytest.raises(Refused, match="与第 2 版内容相同"):
        published(office, changed)
    after = opened(office, id_number="340103198103054108", name="王示例")
    chief = office.actor("shuju")
    assert office.case(before, chief)[0].release == 1
    assert office.case(after, chief)[0].release == 2
    assert (
        case_show(office, after, chief)["deadlines"]["verify"] < case_show(office, before, chief)["deadlines"]["verify"]
    )


def test_a_release_whose_text_was_changed_is_refused(office: Office) -> None:
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE release SET text = replace(text, '14', '13')")
    office.releases.compiled.clear()  # another process would start without them
    with pytest.raises(Damaged, match="第 1 版规则被改动过"):
        office.book()


def test_a_database_opens_with_its_own_key_only(make_office: Make, tmp_path: Path) -> None:
    office = make_office()
    again = Office.open(office.store.path, tmp_path / "keys" / "master.key")
    assert again.book().digest == office.book().digest
    again.close()
    other = make_office()
    foreign = tmp_path / "other" / "k"
    Office.create(tmp_path / "db9" / "x.db", foreign, _files(other)).close()
    with pytest.raises(BadInput, match="不是这个数据库的"):
        Office.open(office.store.path, foreign)
    with pytest.raises(BadInput, match="找不到密钥文件"):
        Office.open(office.store.path, tmp_path / "nowhere")
    with pytest.raises(BadInput, match="没有数据库"):
        Office.open(tmp_path / "none.db", foreign)
    with pytest.raises(BadInput, match="数据库已存在"):
        Office.create(office.store.path, tmp_path / "keys" / "master.key", _files(other))
    with pytest.raises(BadInput, match="密钥文件在数据库的文件夹里"):
        Office.create(tmp_path / "z" / "x.db", tmp_path / "z" / "k", _files(other))


def _files(office: Office) -> dict[str, bytes]:
    (text,) = rows(office, "SELECT text FROM release")[0]
    return {name: body.encode() for name, body in json.loads(text).items()}


def test_what_is_no_database_is_told_without_a_traceback(tmp_path: Path, pack_files: dict[str, bytes]) -> None:
    key = tmp_path / "k" / "key"
    Office.create(tmp_path / "a" / "x.db", key, pack_files).close()
    false = tmp_path / "a" / "false.db"
    false.write_bytes(b"not a database" * 1000)
    with pytest.raises(Damaged, match="STORE-004"):
        Office.open(false, key)


def test_a_clock_on_the_wall_is_not_moved(tmp_path: Path, pack_files: dict[str, bytes]) -> None:
    from datetime import timedelta  # noqa: PLC0415 - only here

    from engine.timing.sweep import move_clock  # noqa: PLC0415

    office = Office.create(tmp_path / "a" / "x.db", tmp_path / "k" / "key", pack_files)
    with pytest.raises(Refused, match="时钟不能拨动"):
        move_clock(office, timedelta(hours=1))
    office.close()


def test_acknowledging_is_an_event_and_takes_alerts_off_the_list(office: Office, later: Later) -> None:
    case = opened(office)
    assert later(hours=3) == 2
    actor = office.actor("huaye")
    assert [row["level"] for row in alert_list(office, actor)] == ["蓝", "提醒"]
    assert acknowledge(office, case, "verify", actor) == 2
    assert alert_list(office, actor) == []
    assert len(alert_list(office, actor, everything=True)) == 2
    assert alert_list(office, office.actor("fengyang"), everything=True) == []
    assert audit.verify(office).problems == []


def test_the_key_is_found_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BIHUAN_KEYS", str(tmp_path / "k"))
    assert default_key_path() == tmp_path / "k"
    monkeypatch.delenv("BIHUAN_KEYS")
    assert default_key_path().name == "master.key"


def test_whoever_may_not_see_a_case_is_not_told_its_number(office: Office) -> None:
    case = opened(office)
    with pytest.raises(Refused) as refused:
        office.open_case("person", CONTACT | {"community": "凤阳社区"}, office.actor("fengyang"))
    assert case not in str(refused.value)
    assert "此人已由别的单位在办 — 请联系 数据岗" in str(refused.value)


def test_what_no_rule_covers_is_the_default_owners_wherever_the_person_stays(office: Office) -> None:
    facts = {"姓名": "王小", "所属社区": "和平社区"}
    done = office.open_case("person", facts, office.actor("heping"))
    assert (done["matched"], done["owner"]) == (False, office.book().default_owner)
    assert [row["title"] for row in alert_list(office, office.actor("shuju"))] == ["没有规则覆盖"]


def test_an_alert_is_acknowledged_by_whom_it_concerns(office: Office, later: Later) -> None:
    case = opened(office)
    later(hours=9)
    shewu = office.actor("shewu")
    assert {row["told"] for row in alert_list(office, shewu)} == {"华业社区", "华业社区主要负责人", "示例·分管领导甲"}
    with pytest.raises(Refused, match=r"ALERT-002 — 不是告知 shewu 的预警 — 由 .*华业社区"):
        acknowledge(office, case, "", shewu)
    huaye = office.actor("huaye")
    with pytest.raises(BadInput, match=r"没有未知悉的预警 核察 — 现有：verify（核查）.*did you mean 核查"):
        acknowledge(office, case, "核察", huaye)
    assert acknowledge(office, case, "核查", huaye) == 4
    later(hours=9)
    assert acknowledge(office, case, "", office.actor("shuju")) == 1  # nothing was done since: the ladder went on
    assert audit.verify(office).problems == []


def test_another_name_on_a_known_number_is_an_alert_and_both_names_stay(office: Office) -> None:
    case = opened(office)
    gone = {"calls_made": 3, "visited_at": office.now().isoformat(), "proof": "P1"}
    office.advance(case, "close_not_found", office.actor("huaye"), gone)
    second = opened(office, name="李另名")
    chief = office.actor("shuju")
    told = personal(office, office.case(second, chief)[0], chief, "核对")
    assert (told["name"], told["name@原登记"]) == ("李另名", "李示例")
    assert [row["title"] for row in alert_list(office, chief)] == ["身份不一致"]
    assert audit.verify(office).problems == []
