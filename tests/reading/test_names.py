"""Listed cases are told from one another by what their subjects are called, and never by anything personal."""

from __future__ import annotations

from datetime import timedelta

from engine.cli.common import subject_of
from engine.reading.alertlist import alerts_by_case
from engine.reading.boards import board
from engine.reading.coverage import coverage
from engine.reading.queries import case_list, task_list
from engine.service import Office
from engine.timing.sweep import move_clock
from tests.commands.test_venues import registered
from tests.samples import opened


def test_every_list_names_the_place_and_never_the_person(office: Office) -> None:
    venue, person = registered(office, "网吧"), opened(office, name="甲乙丙")
    move_clock(office, timedelta(hours=30))
    unit = office.actor("shuju")
    lists = (
        case_list(office, unit, most=500),
        task_list(office, unit, everything=True, most=500),
        board(office, unit, "超期", most=500),
        alerts_by_case(office, unit, most=500),
        coverage(office, unit, "每日巡查")["missing"],
    )
    for rows in lists:
        assert {row["name"] for row in rows if row["case"] == venue.id} == {venue.facts["venue_name"]}
    (row,) = (row for row in case_list(office, office.actor("huaye")) if row["case"] == person)
    assert row["name"] == ""
    assert subject_of(row) == row["category"]


def test_what_the_category_says_already_is_not_said_again() -> None:
    assert subject_of({"category": "签收方案", "name": "签收方案 和平社区"}) == "签收方案 和平社区"


def test_coverage_says_how_many_cases_are_not_hers_to_see(office: Office) -> None:
    registered(office, "网吧")
    told = coverage(office, office.actor("wuzi"), "每日巡查")
    assert (told["asked"], told["unseen"]) == (0, 1)
    everything = coverage(office, office.actor("shewuzhang"), "每日巡查")
    assert (everything["asked"], everything["unseen"]) == (1, 0)
