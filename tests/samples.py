"""Made-up persons and steps that several tests take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.commands import custody, drafts
from engine.service import Office

CONTACT = {
    "name": "李示例",
    "id_number": "340102196502162100",
    "phone": "13900001234",
    "address": "和平路某号",
    "community": "华业社区",
    "contact": "密切接触者",
    "last_exposure": "2022-05-26",
}
"""The numbers fit their check characters and belong to nobody we know."""

CANARIES = ("李示例", "340102196502162100", "13900001234", "和平路某号")


def opened(office: Office, **facts: Any) -> str:
    """The case of a close contact."""
    answer = office.open_case("person", CONTACT | facts, office.actor("huaye"))
    return str(answer["case"])


def several(office: Office, number: int) -> list[str]:
    """Cases of so many close contacts, verified and waiting to be driven to the quarantine site."""
    cases = [opened(office, id_number="", name=f"甲{n}", phone=f"139{n:08d}") for n in range(number)]
    for case in cases:
        office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    return cases


def quarantined(office: Office, room: str = "301", **facts: Any) -> str:
    """The case of a close contact who has reached the quarantine site."""
    case = opened(office, **facts)
    now = office.now().isoformat()
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": now})
    office.advance(case, "depart", office.actor("zhuanyun"), {"vehicle": "皖A·00001", "departed_at": now})
    admit(office, case, room)
    return case


def admit(office: Office, case: str, room: str = "301") -> None:
    """Bring a case to the quarantine site, where it is accepted."""
    office.advance(case, "admit", office.actor("zhuanyun2"), {"site": "集中隔离点"})
    now = office.now().isoformat()
    custody.accept(office, case, office.actor("geli"), {"quarantine_started": now, "room": room})


def published(office: Office, files: Mapping[str, bytes], effective_from: datetime | None = None) -> dict[str, Any]:
    """What is told of the release that these files become: drafted by one person, approved by another."""
    number = drafts.draft(office, files, office.actor("guanli"), "试", effective_from)
    return drafts.approve(office, number, office.actor("pizhun"))
