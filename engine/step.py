"""What a command decided, before it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from engine.store import subjects
from engine.store.changes import Change
from engine.store.store import Writer


class Step(Struct):
    """What a command decided: changes of one or several cases, what is answered, and what else it writes."""

    changes: list[Change]
    answer: dict[str, Any]
    sealed: subjects.Sealed = field(default_factory=subjects.Sealed)
    before: Callable[[Writer], None] | None = None
    """Checks and rows of its own, under the write lock; a `Lost` raised here has everything decided again."""

    def beside(self, opened: Step) -> Step:
        """With the case that it opens."""

        def both(writer: Writer) -> None:
            for before in (self.before, opened.before):
                if before:
                    before(writer)

        answer = {**self.answer, "opened": [*self.answer.get("opened", ()), opened.answer["case"]]}
        return Step([*self.changes, *opened.changes], answer, self.sealed.with_(opened.sealed), both)
