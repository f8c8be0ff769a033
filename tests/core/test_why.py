from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from msgspec import structs

from engine.core import lifecycle
from engine.core.case import moment
from engine.core.judging import Stated
from engine.core.rulebook import Rulebook
from engine.core.why import misreckoned, recomputed, why
from engine.reading.queries import case_show
from engine.service import Office
from tests.core.test_lifecycle import CONTACT, NOW, admitted, after, day, in_quarantine, open_, step, who
from tests.samples import opened

Later = Callable[..., int]


def test_a_deadline_says_what_it_counts_from_how_long_and_by_which_clause(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    assert why(book, case, "verify") == "10:00 = 立案 08:00 + 2小时（及时.核查，二（一）1）"
    case = step(book, case, "verify", "huaye", NOW, checked_at=NOW)
    assert why(book, case, "transfer") == (
        "20:00 = 立案 08:00 + 12小时（transfer_time_limit，国家防控方案第八版（密接 12 小时内转运））"
    )


def test_a_deadline_on_another_day_names_the_days(book: Rulebook) -> None:
    case = in_quarantine(book)
    assert why(book, case, "release") == ("06-10 00:00 = 集中隔离医学观察期满 06-09 00:00 + 1天（及时.解除，二（三））")
    assert case.deadlines["release"].due == day(15)


def test_a_deadline_says_why_its_count_began_anew_or_ended_early(book: Rulebook) -> None:
    case = step(book, in_quarantine(book), "expose_again", "geli", day(5), exposed_again_on=day(4).date())
    assert why(book, case, "release").startswith(
        "06-13 00:00 = 集中隔离医学观察期满（自再次接触日期 2022-05-29 重新起算） 06-12 00:00"
    )
    early = structs.replace(case, cut_short={"quarantine": day(6)})
    assert "集中隔离医学观察提前结束（自" in why(book, early, "release")


def test_another_due_time_than_the_words_lead_to_is_found(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    assert misreckoned(case) == []
    assert moment(recomputed(case, "verify")) == NOW + timedelta(hours=2)
    late = case.deadlines["verify"]._replace(due=datetime.fromisoformat("2022-05-26T12:00+08:00"))
    assert misreckoned(structs.replace(case, deadlines={"verify": late})) == ["verify"]


def test_a_case_shows_why_it_is_due_then(office: Office) -> None:
    case = opened(office)
    told = case_show(office, case, office.actor("huaye"))
    assert told["why"] == {"verify": "10:00 = 立案 08:00 + 2小时（及时.核查，二（一）1）"}


def test_a_deadline_follows_what_another_source_fills_in(book: Rulebook) -> None:
    facts = {"origin_level": "high", "community": "华业社区", "arrived_on": date(2022, 5, 25)}
    case, _ = open_(book, facts)
    case = step(book, case, "verify", "huaye", NOW, checked_at=NOW)
    case = step(book, case, "depart", "zhuanyun", NOW, vehicle="皖A", departed_at=NOW)
    case = admitted(book, case, NOW, quarantine_started=NOW)
    assert why(book, case, "release").startswith("06-09 00:00")
    told = Stated({"left_on": date(2022, 5, 24)})
    event, _ = lifecycle.state_facts(book, case, who(book, "shuju"), told, NOW + timedelta(hours=1), {"source": "x"})
    case = after(case, [event])
    assert why(book, case, "release").startswith("06-08 00:00")
    assert case.deadlines["release"].event == case.seq
