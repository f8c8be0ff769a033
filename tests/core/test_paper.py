from __future__ import annotations

from engine.core.case import Case
from engine.core.conditions import Known
from engine.core.org import Actor
from engine.core.papers import ANY, Paper, asked, filled, unclosed
from engine.core.rulebook import Rulebook
from engine.service import Office
from tests.samples import opened, quarantined


def paper(**told: object) -> Paper:
    said = {"name": "单", "title": "单", "number": "街", "of": ("close_contact",), "by": ("site",), "seal": ""}
    return Paper(**(said | told))  # type: ignore[arg-type]


def case_of(office: Office, case_id: str) -> Case:
    return office.case(case_id, office.actor("shuju"))[0]


def test_a_value_is_put_in_once_and_never_read_again() -> None:
    assert filled("{name}，{ room }，{lost}", {"name": "{room}", "room": "101"}, "＿") == "{room}，101，＿"
    assert list(asked("{a} 与 { clock.x.until }")) == [("a", False), ("clock.x.until", False)]
    assert filled("{a|b}天，至{c| d }", {"b": "7", "c": "", "d": "六月"}, "＿") == "7天，至六月"
    assert filled("{a|b}", {}, "＿") == "＿"
    assert list(asked("{a|b}")) == [("a", True), ("b", True)]
    assert [unclosed(text) for text in ("{a}", "", "{a", "a}", "{{a}}")] == [False, False, True, True, True]


def test_a_paper_suits_the_cases_of_its_workflows_where_they_stand(office: Office) -> None:
    found, inside = case_of(office, opened(office, name="乙", id_number="")), case_of(office, quarantined(office))
    at_the_site = paper(states=("quarantined",))
    assert [at_the_site.suits(case, {}) for case in (found, inside)] == [False, True]
    assert paper(of=("arrival",)).suits(inside, {}) is False
    assert paper(of=(ANY,)).suits(found, {})
    known = paper(of=(ANY,), when={"room": Known()})
    assert [known.suits(inside, facts) for facts in ({}, {"room": "301"})] == [False, True]


def test_whoever_prints_has_the_role_in_a_unit_that_has_to_do_with_the_case(book: Rulebook) -> None:
    staff, mine = book.organisation.staff, paper(by=("site", "data"))
    may = {
        user: mine.may(book.organisation, Actor(user, staff[user].roles), frozenset({"集中隔离点", "华业社区"}))
        for user in ("geli", "geli2", "huaye", "shuju")
    }
    assert may == {"geli": True, "geli2": False, "huaye": False, "shuju": True}
