"""Alerts at one look: a place where everything is overdue is one line, and the one that shouts loudest comes first."""

from __future__ import annotations

from datetime import timedelta

from engine.commands.noting import acknowledge
from engine.core.case import micros
from engine.reading.alertlist import alerts_by_case
from engine.reading.queries import alert_list
from engine.service import Office
from engine.timing.sweep import sweep
from tests.commands.test_venues import registered


def later(office: Office, hours: int) -> None:
    office.set_clock(micros(office.now() + timedelta(hours=hours)))
    sweep(office)


def test_a_place_that_nobody_looks_after_is_one_line_with_its_highest_alert(office: Office) -> None:
    bar = registered(office, "网吧")
    later(office, 44)
    huaye = office.actor("huaye")
    each = alert_list(office, huaye, most=1000)
    [line] = alerts_by_case(office, huaye)
    assert len(each) > 30
    assert (line["case"], line["level"], line["alerts"]) == (bar.id, "红", len(each))
    assert len(line["titles"]) == len(set(line["titles"])) > 8
    assert {"通风", "每日巡查"} <= set(line["titles"])
    assert [row["deadline"] for row in alert_list(office, huaye, of=bar.id, most=1000)] == [
        row["deadline"] for row in each
    ]


def test_the_highest_level_comes_first_and_what_is_acknowledged_goes(office: Office) -> None:
    old = registered(office, "网吧")
    later(office, 40)
    new = registered(office, "台球室", venue_name="新开的", address="别处")
    later(office, 22)
    huaye = office.actor("huaye")
    listed = alerts_by_case(office, huaye)
    assert [(row["case"], row["level"]) for row in listed] == [(old.id, "红"), (new.id, "黄")]
    assert [row["case"] for row in alerts_by_case(office, huaye, 1)] == [old.id]
    acknowledge(office, old.id, "", huaye)
    assert [row["case"] for row in alerts_by_case(office, huaye)] == [new.id]
    assert alerts_by_case(office, office.actor("fengyang")) == []


def test_of_one_case_every_alert_is_listed(office: Office) -> None:
    first = registered(office, "网吧")
    second = registered(office, "台球室", venue_name="新开的", address="别处")
    later(office, 30)
    listed = alert_list(office, office.actor("shuju"), of=second.id, most=1000)
    assert {row["case"] for row in listed} == {second.id}
    assert {row["case"] for row in alert_list(office, office.actor("shuju"), most=1000)} >= {first.id, second.id}
