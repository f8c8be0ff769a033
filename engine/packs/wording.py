"""The wording of a pack's documents: words that mean the same, words kept apart, and what is left to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.core.documents import Document
from engine.core.rulebook import Subject, Wording, Written
from engine.core.tables import Table
from engine.packs.declarations import Declarations
from engine.packs.models import WordingFile
from engine.packs.yamlfile import Document as File
from engine.packs.yamlfile import Path


def build_wording(
    pack: Declarations,
    subjects: Mapping[str, Subject],
    documents: Mapping[str, Document],
    tables: Mapping[str, Table],
) -> Wording:
    """What a pack says of wording; aliases are read by the facts themselves."""
    options = [
        word
        for subject in subjects.values()
        for of in subject.fields.values()
        if of.type == "enum"
        for value in of.values
        for word in (value, of.titles.get(value, value))
    ]
    given = [str(row.then["category"]) for table in tables.values() for row in table.rows if "category" in row.then]
    sound = not pack.problems
    categories: dict[str, tuple[str, ...]] = {}
    apart: list[tuple[str, ...]] = []
    written: dict[str, Written] = {}
    for file, model in pack.files(WordingFile):
        apart += [tuple(words) for words in model.apart]
        _aliases(pack, file, model, [*options, *pack.units], documents)
        for name, words in model.categories.items():
            if sound:  # a slip in the rule that gives it would be told again here
                pack.known(file, "WORD-002", ("categories", name), "类别", name, dict.fromkeys([*given, *options]))
            categories[name] = tuple(words)
        for key, item in model.findings.items():
            if bool(item.decided) != bool(item.by):
                pack.wrong(file, "RULE-021", ("findings", key), f"{key} 定了什么与谁定的要一起写", "decided 与 by")
            written[key] = Written(item.what, tuple(item.clause), tuple(item.choices), item.decided, item.by)
    return Wording(tuple(apart), categories, written)


def _aliases(
    pack: Declarations, file: File, model: WordingFile, known: Iterable[str], documents: Mapping[str, Document]
) -> None:
    """Note an alias of a word that is nowhere, one of two words, and one of a word it is kept apart from."""
    texts = [document.text.bare for document in documents.values()]
    meant: dict[str, str] = {}
    for word, aliases in model.aliases.items():
        path: Path = ("aliases", word)
        if not any(word in text for text in texts):
            pack.known(file, "WORD-001", path, "选项、单位或文件里的词", word, dict.fromkeys(known))
        for index, alias in enumerate(aliases):
            what = ""
            if meant.setdefault(alias, word) != word:
                what = f"{alias} 既是 {meant[alias]} 又是 {word}"
            elif alias in model.aliases:
                what = f"{alias} 自己也有别名，不能又是 {word}"
            elif any(alias in words and word in words for words in model.apart):
                what = f"{alias} 与 {word} 写在 apart 里，不能互作别名"
            if what:
                pack.wrong(file, "WORD-001", (*path, index), what, "一个词只有一个意思")
