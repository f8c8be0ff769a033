"""What the wording of a document leaves open: found by holding its clauses against each other and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.core.documents import Document
from engine.core.rulebook import Rulebook, Written


@dataclass(frozen=True, slots=True)
class Finding:
    """Something for a manager to decide, with its clauses and choices; once decided, what and by whom."""

    key: str
    what: str
    clauses: tuple[str, ...]
    choices: tuple[str, ...]
    decided: str = ""
    by: str = ""


def findings(book: Rulebook) -> list[Finding]:
    """Everything the wording leaves open: what is found, then what the pack lists, each with its decision."""
    found = {finding.key: finding for finding in _found(book)}
    written = book.wording.findings
    merged = [_merged(finding, written.get(key)) for key, finding in found.items()]
    listed = [
        Finding(key, one.what, one.clauses, one.choices, one.decided, one.by)
        for key, one in written.items()
        if key not in found
    ]
    return [*merged, *listed]


def _merged(finding: Finding, written: Written | None) -> Finding:
    if written is None:
        return finding
    return replace(
        finding,
        what=written.what or finding.what,
        clauses=written.clauses or finding.clauses,
        choices=written.choices or finding.choices,
        decided=written.decided,
        by=written.by,
    )


def _found(book: Rulebook) -> Iterator[Finding]:
    for document in book.documents.values():
        for category, words in book.wording.categories.items():
            yield from _two_leads(document, category, words)
        yield from _undiscovered(book, document)
        for words in book.wording.apart:
            yield from _one_without_the_other(document, words)
    yield from _two_rules(book)


def says(document: Document, heading: str, words: Sequence[str]) -> list[str]:
    """Which of these words the clauses under a heading say; a word inside a longer one of them is not said by it."""
    text = "\n".join(clause.quote for clause in document.under(heading))
    said = []
    for word in sorted(words, key=len, reverse=True):
        if word in text:
            said.append(word)
            text = text.replace(word, "\n")
    return [word for word in words if word in said]


def _two_leads(document: Document, category: str, words: Sequence[str]) -> Iterator[Finding]:
    """One category under two clauses whose lists of owners begin with another one, so that nobody knows who leads."""
    there = {heading: owners for heading, owners in document.responsible.items() if says(document, heading, words)}
    if len({owners[0] for owners in there.values()}) > 1:
        told = "；".join(f"{heading} 写 {'、'.join(owners)}" for heading, owners in there.items())
        choices = tuple(f"照 {heading}，{owners[0]} 牵头" for heading, owners in there.items())
        what = f"{category}（{'、'.join(words)}）有两份责任名单，排在第一的不同：{told}"
        yield Finding(f"owners.{category}", what, tuple(there), choices)


def _two_rules(book: Rulebook) -> Iterator[Finding]:
    """One category that two rules of different clauses give to different leads."""
    leads: dict[str, dict[str, str]] = {}
    for table in book.tables.values():
        for row in table.rows:
            if row.clause and "category" in row.then and "lead" in row.then:
                leads.setdefault(str(row.then["category"]), {})[row.clause] = str(row.then["lead"])
    for category, told in leads.items():
        if len(set(told.values())) > 1:
            shown = "；".join(f"{clause} 归 {lead}" for clause, lead in told.items())
            choices = tuple(f"照 {clause}，{lead} 牵头" for clause, lead in told.items())
            yield Finding(f"leads.{category}", f"{category} 的规则引两条条款，牵头不同：{shown}", tuple(told), choices)


def _undiscovered(book: Rulebook, document: Document) -> Iterator[Finding]:
    """A category that its own clause names, but not the clause by which its workflow begins."""
    for table in book.tables.values():
        for row in table.rows:
            category = str(row.then.get("category", ""))
            flow = book.workflows.get(str(row.then.get("workflow", "")))
            words = book.wording.categories.get(category, ())
            begun = (flow.states[flow.initial].clause or flow.clause) if flow else ""
            known = row.clause in document.headings and begun in document.headings
            if flow and known and says(document, row.clause, words) and not says(document, begun, words):
                where = f"“{flow.title}”从“{flow.states[flow.initial].title}”开始，引的是 {begun}"
                yield Finding(
                    f"discovery.{category}",
                    f"{category} 由 {row.clause} 管，没有写由谁发现：{where}，那里没有提到它",
                    (row.clause, begun),
                    (f"照 {begun} 一样发现", f"请上级在 {begun} 里补上"),
                )


def _one_without_the_other(document: Document, words: Sequence[str]) -> Iterator[Finding]:
    """Words that look alike: a clause that says one of them may or may not mean the other."""
    told = {heading: said for heading in document.headings if (said := says(document, heading, words))}
    if (
        any(len(said) < len(words) for said in told.values())
        and len({word for said in told.values() for word in said}) > 1
    ):
        shown = "；".join(f"{heading} 写 {'、'.join(said)}" for heading, said in told.items())
        yield Finding(
            f"apart.{words[0]}",
            f"“{'”“'.join(words)}”是不是一回事：{shown}",
            tuple(told),
            ("照原文分开", "是一回事，写进 aliases"),
        )
