"""What the story remembers: names given to numbers, and texts they stand in: `{her}`, `{her.due}`, `{now}`."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.core.corrections import RECLASSIFIED
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.org import Actor
from engine.ids import LENGTH, read_id
from engine.reading.queries import alert_list, case_show
from engine.service import Office

MOST = 10_000
_NUMBER = re.compile(rf"(?<![0-9A-Z])[0-9A-Z]{{{LENGTH + 1}}}(?![0-9A-Z])")


class Memory(string.Formatter):
    """What was remembered, and what is true now."""

    def __init__(self, office: Office, papers: str) -> None:
        self.office = office
        self.papers = papers
        """The folder for documents with its slash; empty: none are asked for."""
        everybody = map(office.actor, office.book().organisation.staff)
        self.chief: Actor = next(filter(office.book().organisation.sees_all, everybody))
        """Somebody who sees every case."""
        self._numbers: dict[str, str] = {}
        self._heard: set[str] = set()

    @property
    def now(self) -> str:
        """The rehearsal's present, as the clock on the wall shows it."""
        return f"{self.office.now().astimezone(self.office.book().zone):%Y-%m-%d %H:%M}"

    def __getitem__(self, name: str) -> str:
        """The number that was given a name."""
        if name not in self._numbers:
            known = [*self._numbers, "now", "today", "alerts", "papers"]
            what = f"剧本里没有记下 {name}"
            raise BadInput(Problem("RULE-022", what, f"可用：{listing(known, 30)}", nearest(name, known)))
        return self._numbers[name]

    def __setitem__(self, name: str, number: str) -> None:
        self._numbers[name] = number
        self._heard.add(number)

    def hear(self, text: str) -> list[str]:
        """The numbers in an answer that the story has not met before, in their order."""
        found = [number for number in _NUMBER.findall(text.replace("\n", "")) if read_id(number)]
        new = [number for number in dict.fromkeys(found) if number not in self._heard]
        self._heard.update(found)
        return new

    def said(self, text: str, **also: Any) -> str:
        """A text with what its names stand for; `now` and `today` by themselves need no braces."""
        if text in ("now", "today"):
            return self._told(text, "")
        try:
            return self.vformat(text, (), also)
        except ValueError:
            raise BadInput(Problem("RULE-029", f"花括号没有写对：{text}", "写作 {名字}")) from None

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """What a name, or something of it after a dot, stands for."""
        name, _, what = field_name.partition(".")
        return (kwargs[name] if name in kwargs else self._told(name, what)), name

    def _told(self, name: str, what: str) -> str:
        if what:
            return self._of_case(case_show(self.office, self[name], self.chief), what)
        if name == "alerts":
            raised = alert_list(self.office, self.chief, everything=True, most=MOST)
            return str(sum(bool(alert["case"]) for alert in raised))
        present = {"now": self.now, "today": self.now[:10], "papers": self.papers}
        return present[name] if name in present else self[name]

    def _of_case(self, shown: dict[str, Any], what: str) -> str:
        """When its next deadline is, or the cases that it hangs together with and that are still its own."""
        if what == "due":
            due = min(datetime.fromisoformat(text) for text in shown["deadlines"].values())
            return f"{due.astimezone(self.office.book().zone):%Y-%m-%d %H:%M}"
        if what not in ("children", "parents"):
            raise BadInput(Problem("RULE-022", f"案件没有 {what}", "可用：due、children、parents"))
        return "、".join(tie["case"] for tie in shown[what] if tie.get("final") != RECLASSIFIED)
