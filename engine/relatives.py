"""What happens to a case is told to the cases it is tied to, in the same transaction: none closes over another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.core.case import Case, Event
from engine.core.rulebook import Rulebook
from engine.store.changes import Change

Load = Callable[[str], tuple[Case, bytes] | None]
Books = Callable[[int], Rulebook]


def with_relatives(load: Load, books: Books, changes: Iterable[Change]) -> list[Change]:
    """The changes, and those they make to parents and children: opened, closed, and results that children wait for."""
    together = _Together(load, books)
    for change in changes:
        together.add(change)
    return list(together.changes.values())


class _Together:
    """Changes of several cases, each case once."""

    def __init__(self, load: Load, books: Books) -> None:
        self.load = load
        self.books = books
        self.changes: dict[str, Change] = {}

    def add(self, change: Change) -> None:
        """Take a change in, and tell of it whoever it concerns."""
        self.changes[change.case.id] = change
        for happened in change.events:
            for parent, kind in self._parents(change.case, happened).items():
                data: dict[str, Any] = {"child": change.case.id, "kind": kind}
                closed = "final" in happened.data or happened.type == "reclassified"
                name = "child_closed" if closed else "child_opened"
                self._tell(parent, name, data | ({"final": change.case.final} if closed else {}), happened)
            if "task" in happened.data and happened.type == "advanced":
                self._result(change.case, happened)

    def _parents(self, case: Case, happened: Event) -> dict[str, str]:
        """The cases to be told of an event: all of them when it closes the case, else those it newly hangs on."""
        if "final" in happened.data or happened.type == "reclassified":
            return dict(case.parents)
        return dict(happened.data.get("parents", {}))

    def _result(self, case: Case, happened: Event) -> None:
        kinds = self._book(case).workflows[case.workflow].children
        for child, standing in case.children.items():
            kind = kinds.get(standing.kind)
            if not standing.final and kind is not None and happened.data["task"]["name"] in kind.tells:
                self._tell(child, "index_tested", {"task": happened.data["task"], "index": case.id}, happened)

    def _tell(self, case_id: str, name: str, data: dict[str, Any], because: Event) -> None:
        event = Event(name, because.actor, because.occurred_at, data, because.account)
        if case_id in self.changes:
            self.changes[case_id] = self.changes[case_id].then(self._book(self.changes[case_id].case), event)
        elif found := self.load(case_id):
            case, head = found
            self.changes[case_id] = Change.of(self._book(case), case, head, (event,))

    def _book(self, case: Case) -> Rulebook:
        return self.books(case.release)
