"""What is written of a case is the whole case, and what cannot have been written is told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec import json, structs

from engine.core.case import Asked, Case, Child, Delay, Done, Entry, Mark, Offer, Plan, Proposal
from engine.core.errors import Damaged
from engine.core.record import from_json, to_json
from engine.core.rulebook import Rulebook
from tests.conftest import START
from tests.population import population

FIRST = datetime.fromisoformat(START)
LATER = FIRST + timedelta(days=1, microseconds=1)
TOUCHED = {
    "results": (Done("pcr", "阴性", LATER, 3), Done("pcr", "阳性", LATER, 4, "C2")),
    "seq": 9,
    "final": "closed",
    "left": {"隔离": "found"},
    "plans": {"tests": Plan("pcr", 3, (1, 2), ("08:00",), 5, 6, "standard", 2)},
    "offer": Offer("转运专班", "depart", "T1", LATER, 5),
    "returns": 2,
    "postponed": {"verify": Delay(1, 2, 3, 4)},
    "acknowledged": {"verify": 7},
    "parents": {"C2": "index"},
    "follows": "C3",
    "children": {"C4": Child("contact", "closed"), "C5": Child("contact")},
    "index_results": (Done("pcr", "阳性", FIRST, 2, "C2"),),
    "proposal": Proposal({"contact": None}, "huaye", 6),
    "marks": {"tests@1": Mark("done", "huaye")},
    "cut_short": {"quarantine": LATER},
    "profile": "急",
    "ruled_from": "2022-05-28",
    "freed": {"quarantine": FIRST},
    "asked": Asked(2, "entry", "2022-05-28", 8),
}


@pytest.fixture(scope="module")
def whole(book: Rulebook) -> Case:
    """A case to which everything has happened."""
    return structs.replace(next(iter(population(book, 1, LATER, 30, 1))), entered=Entry(LATER, 4), **TOUCHED)


def test_every_part_of_a_case_comes_back_as_it_was(whole: Case) -> None:
    untouched = [of.name for of in structs.fields(Case) if getattr(whole, of.name) == of.default and of.name != "id"]
    assert untouched == []
    assert from_json(to_json(whole), whole.id, whole.seq) == whole


def test_cases_of_every_kind_come_back_as_they_were(book: Rulebook) -> None:
    for case in population(book, 300, LATER, 30, 2):
        assert from_json(to_json(case), case.id, case.seq) == case


def test_number_and_place_in_the_chain_are_not_told_twice(whole: Case) -> None:
    assert json.decode(to_json(whole)).keys().isdisjoint({"id", "seq"})


@pytest.mark.parametrize("change", [{"owner": 1}, {"owner": None}, {"opened_at": "昨天"}, {"extra": "x"}, {"held": []}])
def test_what_cannot_have_been_written_is_told_with_the_case_and_without_its_values(
    whole: Case, change: dict[str, object]
) -> None:
    told = json.encode(json.decode(to_json(whole)) | change)
    with pytest.raises(Damaged, match="案件 C9 的记录已损坏") as refused:
        from_json(told, "C9", 1)
    assert "昨天" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("told", ["", "{", "[]", "{}", "null", "\x00"])
def test_what_is_no_case_at_all_is_told_so(told: str) -> None:
    with pytest.raises(Damaged, match="案件 C9 的记录已损坏"):
        from_json(told, "C9", 1)
