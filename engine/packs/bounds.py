"""Bounds that no pack may break, kept outside of it by whoever runs the office: read strictly, held against a pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from engine.core.errors import BadInput, Place, Problem, listing, nearest
from engine.core.org import Organisation
from engine.core.rulebook import UNITS, Rulebook
from engine.core.values import Dated, duration_words, parse_duration
from engine.packs.models import BoundsFile, WorkflowBoundsModel
from engine.packs.pack import read_model
from engine.packs.yamlfile import Document, Path, read_yaml

FILE = "bounds.yaml"
ORGANISATION, PARAMETERS, TERMS, PACK = (
    f"rules/{name}.yaml" for name in ("organisation", "parameters", "terms", "pack")
)


class Bounds(NamedTuple):
    """What the bounds say, and where."""

    document: Document
    model: BoundsFile


def bounds_file(path: FilePath) -> bytes:
    """The bytes of a file of bounds, once they are known to be such."""
    try:
        raw = path.read_bytes()
    except OSError:
        raise BadInput(Problem("BOUND-006", f"界限文件读不出来：{path}", "写法见 docs/yaml.md")) from None
    read_bounds(raw, path.name)
    return raw


def read_bounds(raw: bytes, file: str = FILE) -> Bounds:
    """The bounds in a file; every mistake at once, as `BadInput`."""
    document = read_yaml(file, raw)
    problems: list[Problem] = []
    model = read_model(document, BoundsFile, problems)
    if problems or not isinstance(model, BoundsFile):
        raise BadInput(problems)
    return Bounds(document, model)


def no_bounds() -> Bounds:
    """Bounds that forbid nothing."""
    return read_bounds(b"schema: 1\n")


def broken(bounds: Bounds, files: Mapping[str, bytes], book: Rulebook) -> list[Problem]:
    """Where a checked pack goes beyond the bounds, and what they name that it does not have."""
    held = _Held(bounds, files, book)
    found = [*held.longest(), *held.parameters(), *held.workflows()]
    return list({(problem.code, problem.place, problem.what): problem for problem in found}.values())


def second_person(organisation: Organisation) -> list[Problem]:
    """Rules under which nobody could draft the next ones with somebody else to approve them: no way back from those."""
    drafters, approvers = organisation.holders("publish"), organisation.holders("approve")
    if any(other != user for user in drafters for other in approvers):
        return []
    expected = "至少一人有权 publish（起草）、另一人有权 approve（批准）"
    told = f"publish：{listing(drafters) or '无'}；approve：{listing(approvers) or '无'}"
    return [
        Problem("BOUND-005", f"按这份规则，以后没有第二个人能批准规则（{told}）", expected, place=Place(ORGANISATION))
    ]


class _Held:
    """A pack held against bounds; mistakes are told where they stand in the pack."""

    def __init__(self, bounds: Bounds, files: Mapping[str, bytes], book: Rulebook) -> None:
        self.bounds = bounds
        self.files = files
        self.book = book

    @cached_property
    def documents(self) -> dict[str, Document]:
        """The files that can break a bound, by name; workflows by theirs."""
        rules = {name: read_yaml(name, self.files[name]) for name in (PARAMETERS, TERMS, PACK) if name in self.files}
        flows = [read_yaml(name, raw) for name, raw in self.files.items() if name.startswith("workflows/")]
        return rules | {document.data["workflow"]: document for document in flows}

    def longest(self) -> Iterator[Problem]:
        """Lengths of time beyond the longest: terms, deadlines, what they may be put off by."""
        most = self.bounds.model.longest
        if most is None:
            return
        named = [(length, place, "") for name in self.book.terms for length, place in self.lengths(name)]
        for document in self.documents.values():
            for path, mapping in _mappings(document.data):
                named += [*self._stated(document, path, mapping)]
        for length, place, sum_ in named:
            if length > most:
                expected = f"界限：不超过 {duration_words(most)}（{self.bound('longest')}）"
                yield Problem("BOUND-001", f"时长 {duration_words(length)}{sum_} 太长", expected, place=place)

    def _stated(
        self, document: Document, path: Path, mapping: Mapping[str, Any]
    ) -> Iterator[tuple[timedelta, Place, str]]:
        """What a deadline may come to: its own lengths, put off as far as that is allowed, and how that adds up."""
        within = mapping.get("within")
        if not isinstance(within, str) or document.file == TERMS:
            return
        own = self.lengths(within) or [(parse_duration(within), document.place((*path, "within")))]
        yield from ((length, place, "") for length, place in own)
        for verb in ("extend", "shelve"):
            if mapping.get(verb):
                off = parse_duration(mapping[verb]["most"])
                first = max(length for length, _ in own) if verb == "extend" else timedelta(0)
                sum_ = f"（{duration_words(first)} + 延期 {duration_words(off)}）" if first else "（挂账）"
                yield first + off, document.place((*path, verb, "most")), sum_

    def lengths(self, name: str) -> list[tuple[timedelta, Place]]:
        """Each length that a term or a parameter of this name may be, and where it stands; none for any other word."""
        if name in self.book.parameters:
            unit = UNITS[self.book.parameters[name].unit]
            return [(timedelta(**{unit: value}), place) for value, place in self.values(name) if value is not None]
        if name not in self.book.terms:
            return []
        term, document = self.book.terms[name], self.documents[TERMS]
        found = self.lengths(term.parameter) if term.parameter else []
        if term.within is not None:
            found.append((term.within, document.place(("terms", name, "within"))))
        profiles = self.book.profiles.items()
        changed = [(profile, of.terms[name]) for profile, of in profiles if name in of.terms]
        return found + [(within, document.place(("terms", name, "in_profile", of))) for of, within in changed]

    def values(self, name: str) -> list[tuple[int | None, Place]]:
        """Each number that a parameter may be, whenever and in whatever profile; None: abolished."""
        profiles = self.book.profiles.items()
        sets: list[tuple[Path, tuple[Dated, ...]]] = [(("values",), self.book.parameters[name].values)]
        sets += [(("in_profile", key), of.parameters[name]) for key, of in profiles if name in of.parameters]
        return [
            (value, self.documents[PARAMETERS].place(("parameters", name, *path, index, "value")))
            for path, dated in sets
            for index, each in enumerate(dated)
            for value in (each.value if isinstance(each.value, tuple) else (each.value,))
        ]

    def parameters(self) -> Iterator[Problem]:
        """Parameters below their least or above their most."""
        for name, bound in self.bounds.model.parameters.items():
            if name not in self.book.parameters:
                yield self.missing(("parameters", name), f"没有参数 {name}", list(self.book.parameters))
                continue
            title, at = self.book.parameters[name].title, self.bound("parameters", name)
            for value, place in self.values(name):
                if bound.least is not None and (value is None or value < bound.least):
                    told = "废止" if value is None else str(value)
                    yield Problem("BOUND-002", f"{title} {told} 太小", f"界限：至少 {bound.least}（{at}）", place=place)
                if bound.most is not None and value is not None and value > bound.most:
                    yield Problem("BOUND-002", f"{title} {value} 太大", f"界限：至多 {bound.most}（{at}）", place=place)

    def workflows(self) -> Iterator[Problem]:
        """States with another owner than they may have, and transitions that others may fire."""
        for name, bound in self.bounds.model.workflows.items():
            if name not in self.book.workflows:
                yield self.missing(("workflows", name), f"没有流程 {name}", list(self.book.workflows))
            else:
                yield from self._states(name, bound)
                yield from self._transitions(name, bound)

    def _states(self, flow: str, bound: WorkflowBoundsModel) -> Iterator[Problem]:
        states = self.book.workflows[flow].states
        for name, owners in bound.states.items():
            at: Path = ("workflows", flow, "states", name)
            if name not in states:
                yield self.missing(at, f"流程 {flow} 没有环节 {name}", list(states))
            elif states[name].owner not in owners.owner:
                what = f"环节“{states[name].title}”归 {states[name].owner or '无人'}"
                place = self.documents[flow].place(("states", name, "owner"))
                yield Problem(
                    "BOUND-003", what, f"界限：只能归 {listing(owners.owner)}（{self.bound(*at)}）", place=place
                )

    def _transitions(self, flow: str, bound: WorkflowBoundsModel) -> Iterator[Problem]:
        book, document = self.book.workflows[flow], self.documents[flow]
        places = {next(iter(each)): index for index, each in enumerate(document.data["transitions"])}
        held: list[tuple[str, Path, list[str]]] = []
        for name, doers in bound.transitions.items():
            at: Path = ("workflows", flow, "transitions", name)
            if name in book.transitions:
                held.append((name, at, doers.by))
            else:
                yield self.missing(at, f"流程 {flow} 没有动作 {name}", list(book.transitions))
        for end, doers in bound.final.items():
            ending = [verb.name for verb in book.transitions.values() if verb.to in book.states]
            ending = [name for name in ending if book.states[book.transitions[name].to].final == end]
            held += [(name, ("workflows", flow, "final", end), doers.by) for name in ending]
        for name, at, by in held:
            verb = book.transitions[name]
            if others := [role for role in verb.by if role not in by]:
                what = f"动作“{verb.title}”可由 {listing(others)} 办理"
                place = document.place(("transitions", places[name], name, "by"))
                yield Problem("BOUND-003", what, f"界限：只能由 {listing(by)}（{self.bound(*at)}）", place=place)

    def missing(self, at: Path, what: str, known: list[str]) -> Problem:
        """Something that the bounds name and the pack does not have: it cannot be held to them."""
        place = self.bounds.document.place(at, key=True)
        return Problem("BOUND-004", f"规则包里{what}，界限要求它", listing(known), nearest(str(at[-1]), known), place)

    def bound(self, *path: str | int) -> str:
        """Where a bound stands."""
        place = self.bounds.document.place(path, key=True)
        return f"{place.file}:{place.line}"


def _mappings(data: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every mapping in a document, with its path."""
    if isinstance(data, dict):
        yield path, data
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from _mappings(value, (*path, key))
