"""The documents of a pack: every quote stands in its text, every name exists, every vague word is bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.documents import Carrier, Clause, Document, Span, Text, bare
from engine.core.errors import Place, Problem
from engine.packs.carriers import Carriers
from engine.packs.models import ClausesFile, DocumentModel, TermModel, TermsFile
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document as File
from engine.packs.yamlfile import Path


def build_documents(
    pack: Resolver, texts: Mapping[str, Text], carriers: Carriers, *, sound: bool
) -> dict[str, Document]:
    """The documents with their clauses; citations elsewhere and vague words are held against them.

    `sound`: nothing else is wrong; a slip where something is named would be told again wherever it is cited.
    """
    return _DocumentBuilder(pack, texts, carriers, sound=sound and not pack.problems).build()


class _DocumentBuilder:
    """The documents of a pack being read; each mistake is noted where it stands, in the pack or in the text."""

    def __init__(self, pack: Resolver, texts: Mapping[str, Text], carriers: Carriers, *, sound: bool) -> None:
        self.pack = pack
        self.texts = texts
        self.carriers = carriers
        self.made: dict[str, Document] = {}
        self.where: dict[str, Document] = {}
        """Clause → its document."""
        self.sound = sound
        self.whole = True
        """Whether every quote was found: what is not would be told again by all that names it."""

    def build(self) -> dict[str, Document]:
        """Every document, with what its clauses name looked up."""
        told = self.pack.sections(ClausesFile, "documents")
        for at in sorted(set(self.texts) - {_file_of(name) for _, name, _ in told}):
            what = "这份文件没有写进 rules/clauses.yaml"
            self.pack.problems.append(Problem("CLAUSE-001", what, "documents 里写明它的条款", place=Place(at)))
        for file, name, model in told:
            if self.known(file, ("documents", name), "文件", _file_of(name), self.texts):
                self.made[name] = self.document(file, name, model)
            else:
                self.whole = False
        if self.whole:
            for _, name, model in told:
                self.unquoted(self.made[name], model)
            self.cited()
            self.vague()
        return self.made

    def document(self, file: File, name: str, model: DocumentModel) -> Document:
        """One document: its headings are lines of the text, its quotes stand there in order."""
        path: Path = ("documents", name)
        text = self.texts[_file_of(name)]
        lines = [text.said(paragraph) for paragraph in text.paragraphs]
        for index, heading in enumerate(model.headings):
            self.known(file, (*path, "headings", index), "标题行", bare(heading), lines)
        clauses = {}
        since = 0
        for key in model.clauses:
            clause = self.clause(file, (*path, "clauses", key), model, text, since)
            if clause is not None:
                clauses[key] = clause
                since = clause.span.start
        made = Document(
            name,
            model.title,
            model.number,
            model.issuer,
            model.issued,
            model.effective or model.issued,
            model.superseded,
            text,
            clauses,
            tuple(model.vague),
            model.owners,
        )
        self.where |= dict.fromkeys(clauses, made)
        return made

    def clause(self, file: File, path: Path, document: DocumentModel, text: Text, since: int) -> Clause | None:
        """A clause with the stretch it quotes; None after noting that it stands nowhere from there on."""
        key = str(path[-1])
        model = document.clauses[key]
        if key in self.where:
            self.pack.wrong(file, "RULE-001", path, f"条款号 {key} 已用于另一份文件", "每个条款号只用一次")
        if model.carried_by and model.waived:
            what = f"{key} 既有落实又写了不落实的理由"
            self.pack.wrong(file, "CLAUSE-005", path, what, "carried_by 与 waived 写一个")
        carried = tuple(
            carrier
            for index, told in enumerate(model.carried_by)
            if (carrier := self.carrier(file, (*path, "carried_by", index), told))
        )
        span = text.find(model.quote, since)
        if span is None:
            self.whole = False
            earlier = "（在上一条之前才有：条款按文件的次序写）" if text.find(model.quote) else ""
            close = "" if earlier else text.nearest(model.quote)
            what = f"{key} 引的话不在文件里{earlier}：{model.quote}"
            hint = f"是不是 {close}？(did you mean {close})" if close else ""
            self.pack.wrong(file, "CLAUSE-002", (*path, "quote"), what, "照抄原文，空格不计", hint)
            return None
        return Clause(key, model.clause, model.quote, span, carried, model.waived)

    def carrier(self, file: File, path: Path, told: str) -> Carrier | None:
        """What carries a clause out, written as its kind and its name."""
        kind, _, name = told.partition(" ")
        named = self.carriers.get(kind, {})
        if name in named or not self.sound:
            return named.get(name, Carrier(kind, name, "", ""))
        if self.known(file, path, "这一类", kind, self.carriers):
            self.known(file, path, f" {kind}", name, named)
        return None

    def unquoted(self, document: Document, model: DocumentModel) -> None:
        """Note words of the text that no clause quotes: nobody would carry them out."""
        text = document.text
        for span in text.unquoted((clause.span for clause in document.clauses.values()), model.headings):
            what = f"没有一条引了“{text.said(span)}”"
            self.in_text(document, span.start, "CLAUSE-003", what, "在 rules/clauses.yaml 里写成条款，或列入 headings")

    def cited(self) -> None:
        """Note clauses cited anywhere in the pack that no document has."""
        allowed = [name for of in self.made.values() for name in (*of.headings, *of.clauses)]
        for file, model in self.pack.read if allowed else ():
            for path in file.values if not isinstance(model, ClausesFile) else ():
                if "clause" not in path[-2:]:
                    continue
                cited: Any = file.data
                for part in path:
                    cited = cited[part]
                for name in cited.split("、") if isinstance(cited, str) and cited else ():
                    self.known(file, path, "条款", name, allowed)

    def vague(self) -> None:
        """Note every vague word of a document that no term binds or waives at that place."""
        bound = {
            place
            for file, model in self.pack.files(TermsFile)
            for name, term in model.terms.items()
            for index, told in enumerate(term.binds)
            if (place := self.occurrence(file, ("terms", name, "binds", index), term, told))
        }
        for document in self.made.values():
            for word in document.vague:
                for at in document.text.occurrences(word):
                    # a word that no clause quotes is noted as such
                    if (document.name, at) not in bound and (row := self.named(document, word, at)):
                        what = f"{row} 的“{word}”没有定下来：{document.text.sentence_of(at)}"
                        expected = f"rules/terms.yaml 里写 {word}.什么事，binds: {row}，定时限或写明为何不定"
                        self.in_text(document, at, "CLAUSE-004", what, expected)

    def named(self, document: Document, word: str, at: int) -> str:
        """How a term names the place of a vague word; empty where no clause quotes it."""
        clause = next(iter(document.at(Span(at, at + len(word)))), None)
        if clause is None:
            return ""
        places = document.text.occurrences(word, clause.span)
        return f"{clause.id}.{places.index(at) + 1}" if len(places) > 1 and at in places else clause.id

    def occurrence(self, file: File, path: Path, term: TermModel, told: str) -> tuple[str, int] | None:
        """The place of a vague word that a term names: `R045`, or `R019.2` for the second one there."""
        head, _, number = told.rpartition(".")
        row = head if head in self.where and number.isdecimal() else told
        name = str(path[1])
        word = name.partition(".")[0]
        if not self.known(file, path, "条款", row, self.where) or not self.known(
            file, path, "模糊词", word, self.where[row].vague
        ):
            return None
        document = self.where[row]
        clause = document.clauses[row]
        places = document.text.occurrences(word, clause.span)
        which = int(number) if row != told else 1
        if not 1 <= which <= len(places) or (row == told and len(places) > 1):
            what = f"{row} 里有 {len(places)} 处“{word}”，{told} 没有指明是哪一处"
            self.pack.wrong(file, "CLAUSE-001", path, what, f"第二处写 {row}.2")
            return None
        lacks = "、".join(key for key in ("owner", "clause") if not getattr(term, key))
        if lacks:
            what = f"{name} 定了条款里的词，却没有 {lacks}"
            self.pack.wrong(file, "RULE-021", path[:2], what, "写明谁定的、哪一条")
        elif term.clause not in (clause.heading, row):
            what = f"{row} 在 {clause.heading}，不在 {term.clause}"
            self.pack.wrong(file, "CLAUSE-001", path, what, "一个词只定一条里的，另一条另写一个")
        return document.name, places[which - 1]

    def known(self, file: File, path: Path, what: str, name: str, allowed: Iterable[str]) -> bool:
        """Whether a name exists; if not, note it with the nearest right one."""
        return self.pack.known(file, "CLAUSE-001", path, what, name, allowed)

    def in_text(self, document: Document, position: int, code: str, what: str, expected: str) -> None:
        """Note a mistake at a place of a document."""
        place = Place(_file_of(document.name), *document.text.place(position))
        self.pack.problems.append(Problem(code, what, expected, place=place))


def _file_of(name: str) -> str:
    return f"rules/documents/{name}.txt"
