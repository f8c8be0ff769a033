"""Whatever of a pack can carry a clause out, under the names that its files give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.documents import Carrier
from engine.packs.models import ClausesFile, ExamplesFile, WordingFile
from engine.packs.resolve import Read
from engine.packs.yamlfile import Document

Carriers = Mapping[str, Mapping[str, Carrier]]
"""Kind → name → what it is."""


def carriers_of(read: Read) -> Carriers:
    """Everything that has a name in a file of the pack, by kind: `rule persons.P03`, `parameter transfer_time_limit`.

    The kind is the section it stands in; what stands inside something named carries both names.
    """
    found: dict[str, dict[str, Carrier]] = {}
    for document, model in read:
        if isinstance(model, ExamplesFile | WordingFile):
            continue
        for carrier in _documents(model) if isinstance(model, ClausesFile) else _named(document):
            found.setdefault(carrier.kind, {}).setdefault(carrier.name, carrier)
    return found


def _documents(model: ClausesFile) -> Iterator[Carrier]:
    for name, item in model.documents.items():
        yield Carrier("document", name, item.title)


def _named(document: Document) -> Iterator[Carrier]:
    """The names of a file; a file that is about one thing names that first (`workflow: arrival`)."""
    data = document.data
    first = next((key for key in data if key != "schema"), "")
    alone = str(data[first]) if "title" in data and isinstance(data.get(first), str) else ""
    if alone:
        yield _carrier(first, alone, data)
    for section, entries in data.items():
        for name, entry in _entries(entries):
            full = f"{alone}.{name}" if alone else name
            yield _carrier(_kind(section), full, entry)
            if not alone:
                for inner, inside in entry.items():
                    for name_inside, item in _entries(inside):
                        yield _carrier(_kind(inner), f"{name}.{name_inside}", item)


def _entries(section: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The named things of a section: a mapping of mappings, or a list of what has an id, a name, or is one verb."""
    if isinstance(section, dict):
        return [(str(key), entry) for key, entry in section.items() if isinstance(entry, dict)]
    made = []
    for item in section if isinstance(section, list) else ():
        name = next((item[key] for key in ("id", "name") if key in item), "") if isinstance(item, dict) else ""
        if name:
            made.append((str(name), item))
        elif isinstance(item, dict) and len(item) == 1:
            made += [(str(key), entry) for key, entry in item.items() if isinstance(entry, dict)]
    return made


def _kind(section: str) -> str:
    return section[:-3] + "y" if section.endswith("ies") else section.removesuffix("s")


def _carrier(kind: str, name: str, entry: Mapping[str, Any]) -> Carrier:
    return Carrier(
        kind, name, str(entry.get("title") or ""), str(entry.get("clause") or "") or str(entry.get("source") or "")
    )
