"""Documents that rules come from: their sentences, the clauses that quote them, and what a revision changes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher, get_close_matches
from functools import cached_property
from typing import NamedTuple

_NUMBERING = re.compile(r"[（(]?[一二三四五六七八九十百\d]+[）)、.．]")
"""What a paragraph is numbered by: 二、（一）1."""
_ENDS = "。；;！？"
"""What ends a sentence, beside the end of its line."""
_ALIKE = 0.4
"""From here on two sentences are one that was changed, not one taken out and another put in."""


class Span(NamedTuple):
    """A stretch of a text without its blanks: from `start` until before `end`."""

    start: int
    end: int


class Carrier(NamedTuple):
    """Something of a pack that carries a clause out, and the clause or source that it cites itself."""

    kind: str
    name: str
    title: str = ""
    cites: str = ""


@dataclass(frozen=True)
class Text:
    """The words of a document without its blanks, each with the place where it stands."""

    written: str

    @cached_property
    def _kept(self) -> list[int]:
        return [at for at, letter in enumerate(self.written) if not letter.isspace()]

    @cached_property
    def bare(self) -> str:
        """The words, blanks left out: scans and word processors put them anywhere."""
        return "".join(self.written[at] for at in self._kept)

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(at + 1 for at, letter in enumerate(self.written) if letter == "\n")]

    def place(self, position: int) -> tuple[int, int]:
        """The line and column of a position, from 1."""
        at = self._kept[position]
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    @cached_property
    def paragraphs(self) -> tuple[Span, ...]:
        """Every line that says something."""
        starts = [0, *(n for n in range(1, len(self._kept)) if "\n" in self.written[self._kept[n - 1] : self._kept[n]])]
        return tuple(Span(*pair) for pair in zip(starts, [*starts[1:], len(self._kept)], strict=True) if self._kept)

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """Every sentence, in order; a paragraph's number belongs to its first."""
        made = []
        for paragraph in self.paragraphs:
            start = paragraph.start
            for at in range(*paragraph):
                if self.bare[at] in _ENDS or at == paragraph.end - 1:
                    made.append(Span(start, at + 1))
                    start = at + 1
        return tuple(made)

    def said(self, span: Span) -> str:
        """The words of a stretch."""
        return self.bare[span.start : span.end]

    def sentence_of(self, position: int) -> str:
        """The sentence that a position lies in."""
        return self.said(next(span for span in self.sentences if span.start <= position < span.end))

    def find(self, quote: str, since: int = 0) -> Span | None:
        """Where words stand for the first time from a position on."""
        at = self.bare.find(bare(quote), since)
        return None if at < 0 else Span(at, at + len(bare(quote)))

    def nearest(self, quote: str) -> str:
        """The sentence or half-sentence that looks most like words that stand nowhere."""
        parts = [part for span in self.sentences for part in re.split("[，,：:]", self.said(span))]
        close = get_close_matches(bare(quote), [*parts, *(self.said(span) for span in self.sentences)], 1, 0.5)
        return close[0] if close else ""

    def occurrences(self, word: str, within: Span | None = None) -> list[int]:
        """Every position at which a word begins."""
        start, end = within or (0, len(self.bare))
        return [at for at in range(start, end - len(word) + 1) if self.bare.startswith(word, at)]

    def unquoted(self, quoted: Iterable[Span], headings: Iterable[str]) -> list[Span]:
        """Words that stand in no quote: punctuation, the numbers of paragraphs and named headings need not."""
        left = [letter.isalnum() for letter in self.bare]
        names = {bare(heading) for heading in headings}
        for paragraph in self.paragraphs:
            number = _NUMBERING.match(self.said(paragraph))
            whole = self.said(paragraph) in names
            free = len(self.said(paragraph)) if whole else len(number[0]) if number else 0
            left[paragraph.start : paragraph.start + free] = [False] * free
        for span in quoted:
            left[span.start : span.end] = [False] * (span.end - span.start)
        return [Span(*found.span()) for found in re.finditer("1+", "".join("01"[each] for each in left))]


def bare(words: str) -> str:
    """Words without their blanks."""
    return "".join(words.split())


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence of a document, and what carries it out, or why nothing does."""

    id: str
    heading: str
    quote: str
    span: Span
    carried_by: tuple[Carrier, ...] = ()
    waived: str = ""

    @property
    def missing(self) -> bool:
        """Whether nothing is said of it."""
        return not self.carried_by and not self.waived


@dataclass(frozen=True)
class Document:
    """An official document that rules come from: who issued it when, its words, and its clauses."""

    name: str
    title: str
    number: str
    issuer: str
    issued: date
    effective: date
    superseded: date | None
    text: Text
    clauses: Mapping[str, Clause] = field(default_factory=dict)
    vague: tuple[str, ...] = ()
    owners: str = ""
    """The words after which the document lists who is responsible, in brackets."""

    def under(self, heading: str) -> list[Clause]:
        """The clauses under a heading."""
        return [clause for clause in self.clauses.values() if clause.heading == heading]

    def at(self, span: Span) -> list[Clause]:
        """The clauses whose quotes touch a stretch."""
        return [each for each in self.clauses.values() if each.span.start < span.end and span.start < each.span.end]

    @cached_property
    def headings(self) -> tuple[str, ...]:
        """The headings, in order."""
        return tuple(dict.fromkeys(clause.heading for clause in self.clauses.values()))

    @cached_property
    def responsible(self) -> Mapping[str, tuple[str, ...]]:
        """Heading → the owners that its text lists, in order."""
        told = {}
        for clause in self.clauses.values() if self.owners else ():
            _, marked, rest = bare(clause.quote).partition(self.owners)
            if marked:
                told[clause.heading] = tuple(_bracketed(rest).split("、"))
        return told


def _bracketed(text: str) -> str:
    """What stands before the bracket that was open is closed."""
    depth = 1
    for at, letter in enumerate(text):
        depth += (letter in "（(") - (letter in "）)")
        if not depth:
            return text[:at]
    return text


class Difference(NamedTuple):
    """A sentence that a revision changed, took out or put in, and the clauses that quote what it was."""

    how: str
    """changed, removed or added."""
    before: str
    after: str
    clauses: tuple[Clause, ...]


def compare(document: Document, revised: Text) -> list[Difference]:
    """What a revised document says otherwise, sentence by sentence, in order."""
    return [
        Difference(
            "changed" if before and after else "removed" if before else "added",
            document.text.said(before) if before else "",
            revised.said(after) if after else "",
            _touched(document, before, revised.said(after) if after else "") if before else (),
        )
        for before, after in unlike(document.text, revised)
    ]


def unlike(old: Text, new: Text) -> list[tuple[Span | None, Span | None]]:
    """The sentences in which two texts differ, in order: what one was and what it is; None: it was or is not there."""
    matcher = SequenceMatcher(
        None, [old.said(span) for span in old.sentences], [new.said(span) for span in new.sentences], autojunk=False
    )
    return [
        pair
        for how, i, j, k, m in matcher.get_opcodes()
        if how != "equal"
        for pair in _paired(old, old.sentences[i:j], new, new.sentences[k:m])
    ]


def _touched(document: Document, before: Span, after: str) -> tuple[Clause, ...]:
    """The clauses of a sentence whose words are no longer said; all, when only what lies between them is other."""
    there = document.at(before)
    lost = [
        clause
        for clause in there
        if document.text.said(Span(max(clause.span.start, before.start), min(clause.span.end, before.end))) not in after
    ]
    return tuple(lost or there)


def _paired(
    text: Text, old: tuple[Span, ...], revised: Text, new: tuple[Span, ...]
) -> Iterator[tuple[Span | None, Span | None]]:
    """Old sentences with what became of each; what has no like is taken out or put in."""
    waiting = list(new)
    for before in old:
        likeness = [
            SequenceMatcher(None, text.said(before), revised.said(after), autojunk=False).ratio() for after in waiting
        ]
        best = max(range(len(waiting)), key=lambda at: likeness[at], default=None)
        if best is None or likeness[best] < _ALIKE:
            yield before, None
            continue
        for after in waiting[:best]:
            yield None, after
        yield before, waiting[best]
        del waiting[: best + 1]
    for after in waiting:
        yield None, after
