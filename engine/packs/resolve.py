"""What the builders of a pack share: its files, the names in them, and the mistakes found so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.conditions import Field
from engine.core.errors import Problem, listing, nearest
from engine.packs.yamlfile import WIDE_COLON, WIDE_EXPECTED, Document, Path

Read = list[tuple[Document, Any]]
"""Each file with the model that read it."""


class Resolver:
    """Files read, and names looked up in them; every mistake is appended to `problems`."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.problems: list[Problem] = []

    def files(self, kind: type[Any]) -> Read:
        """The files of one kind."""
        return [(document, model) for document, model in self.read if isinstance(model, kind)]

    def sections(self, kind: type[Any], section: str) -> list[tuple[Document, str, Any]]:
        """Every named entry of a section over all files of a kind; a name written twice is a mistake."""
        seen: dict[str, Document] = {}
        entries = []
        for document, model in self.files(kind):
            for name, entry in getattr(model, section).items():
                if name in seen:
                    self.wrong(
                        document, "RULE-001", (section, name), f"{name} 已写在 {seen[name].file}", "每个名字只写一次"
                    )
                    continue
                seen[name] = document
                entries.append((document, name, entry))
        return entries

    def wrong(self, document: Document, code: str, path: Path, what: str, expected: str = "", hint: str = "") -> None:
        """Note a mistake at a path of a file."""
        self.problems.append(Problem(code, what, expected, hint, document.place(path)))

    def known(
        self, document: Document, code: str, path: Path, what: str, name: str, allowed: Iterable[str], edit: str = ""
    ) -> bool:
        """Whether a name exists; if not, note it with the nearest right one, or that of the title, and what to edit."""
        options = list(allowed)
        if name in options:
            return True
        where = f"（在 {edit} 里添加）" if edit else ""
        titled = {getattr(of, "title", ""): key for key, of in allowed.items()} if isinstance(allowed, Mapping) else {}
        hint = WIDE_EXPECTED if WIDE_COLON in name else nearest(titled.get(name, name), options)
        self.wrong(document, code, path, f"没有{what} {name}", f"可用：{listing(options)}{where}", hint)
        return False

    def order(
        self, document: Document, path: Path, pairs: list[list[str]], fields: Mapping[str, Field]
    ) -> tuple[tuple[str, str], ...]:
        """Pairs of dates or times, the earlier first."""
        made = []
        for index, pair in enumerate(pairs):
            spot = (*path, index)
            if len(pair) != 2:  # noqa: PLR2004 - a pair
                self.wrong(document, "RULE-029", spot, f"{'、'.join(pair)} 不是一先一后两个要素", "[先, 后]")
                continue
            for key in pair:
                known = self.known(document, "RULE-032", spot, "要素", key, fields, "rules/fields.yaml")
                if known and fields[key].type not in ("date", "time"):
                    self.wrong(document, "RULE-031", spot, f"{key} 不是日期或时间", "先后只比 date 和 time")
            made.append((pair[0], pair[1]))
        return tuple(made)
