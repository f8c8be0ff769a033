"""Reference lists and the senders of lists: what a pack says of data that comes from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.core.conditions import parse_value
from engine.core.errors import listing
from engine.core.org import SYSTEM
from engine.core.reference import HIGHEST, Column, Reference, Step
from engine.core.rulebook import Source, Subject
from engine.core.values import same_name
from engine.packs import models as m
from engine.packs.models import WorkflowFile
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document, Path

MOST_KEYS = 3
"""As many indexed keys as an entry has in the database."""


def build_references(pack: Resolver, subjects: Mapping[str, Subject]) -> dict[str, Reference]:
    """Reference lists: columns, steps, and the facts they read and give."""
    facts = {key for subject in subjects.values() for key in subject.fields}
    made = {}
    for document, model in pack.files(m.ReferenceFile):
        columns = {
            name: Column(name, c.title, c.type, tuple(c.values), tuple(c.aliases), c.required)
            for name, c in model.columns.items()
        }
        named: list[tuple[Path, str]] = [(("valid", i), name) for i, name in enumerate(model.valid)]
        named += [(("natural_key", i), name) for i, name in enumerate(model.natural_key)]
        named += [(("rank", "column"), model.rank.column)]
        named += [(("stay", name), name) for name in model.stay if name != "until"]
        for path, name in named:
            pack.known(document, "RULE-032", path, "列", name, columns)
        told = [name for name in model.stay if name != "until"]
        for index, step in enumerate(model.match):
            for name in step.same:
                pack.known(document, "RULE-032", ("match", index, "same"), "停留地的列", name, told)
        for key, fact in [*model.stay.items(), *((name, name) for name in model.gives)]:
            pack.known(document, "RULE-032", ("stay", key), "要素", fact, sorted(facts), "rules/fields.yaml")
        for index, step in enumerate(model.match):
            for column in step.where:
                pack.known(document, "RULE-032", ("match", index, "where"), "排序列", column, [model.rank.column])
        _levels(pack, document, model, subjects)
        if "until" not in model.stay:
            pack.wrong(document, "RULE-021", ("stay",), "没写离开当日是哪个要素", "until: 要素")
        steps = tuple(
            Step(
                s.how,
                tuple(s.same),
                None if isinstance(s.listed, str) else s.listed.first_within,
                {column: frozenset(values) for column, values in s.where.items()},
                s.level,
            )
            for s in model.match
        )
        if len({step.same for step in steps}) > MOST_KEYS:
            pack.wrong(document, "RULE-029", ("match",), "比对的列组合太多", f"不同的 same 不超过 {MOST_KEYS} 组")
        made[model.reference] = Reference(
            model.reference,
            model.title,
            columns,
            model.valid[0],
            model.valid[1],
            model.rank.column,
            tuple(model.rank.order),
            tuple(model.natural_key),
            model.stay,
            steps,
            (model.otherwise.how, model.otherwise.level),
            model.gives,
        )
    return made


def _levels(pack: Resolver, document: Document, model: m.ReferenceFile, subjects: Mapping[str, Subject]) -> None:
    """Levels are those of the list; how and at which level a stay matches are options of the facts they become."""
    column = model.columns.get(model.rank.column)
    levels = column.values if column and column.type == "enum" else model.rank.order
    ranked = [
        pack.known(document, "RULE-022", ("rank", "order", index), "等级", level, levels)
        for index, level in enumerate(model.rank.order)
    ]
    if all(ranked) and set(levels) > set(model.rank.order):
        what = f"等级 {listing([level for level in levels if level not in model.rank.order])} 没有排序"
        pack.wrong(document, "RULE-021", ("rank", "order"), what, "把每个等级写进 order，高的在前")
    for index, step in enumerate(model.match):
        for level in (each for several in step.where.values() for each in several):
            pack.known(document, "RULE-022", ("match", index, "where"), "等级", level, levels)
    fields = {key: of for subject in subjects.values() for key, of in subject.fields.items()}
    given = [(fields[fact], what) for fact, what in model.gives.items() if fact in fields]
    for of, what in ((of, what) for of, what in given if of.type == "enum"):
        key = "how" if what == "how" else "level"
        for index, step in enumerate(model.match):
            allowed = of.values if key == "how" else (*of.values, HIGHEST)
            pack.known(document, "RULE-022", ("match", index, key), f"{of.title}的选项", getattr(step, key), allowed)
        other = getattr(model.otherwise, key)
        pack.known(document, "RULE-022", ("otherwise", key), f"{of.title}的选项", other, of.values)


_SETTLING = ("settle", "finish")
"""The transitions of a matter that keeps refused rows."""


def _settled_by_the_engine(pack: Resolver, rejects: set[str]) -> None:
    """Who counts rows by hand drops people: what settles them is `by: system`."""
    for document, flow in pack.files(WorkflowFile):
        for index, item in enumerate(flow.transitions if flow.workflow in rejects else ()):
            for verb in _SETTLING:
                if verb in item and item[verb].by != [SYSTEM]:
                    what = f"动作 {verb} 由人办，行数就会由人数"
                    pack.wrong(document, "FLOW-023", ("transitions", index, verb, "by"), what, "写 by: system")


def _headers_once(pack: Resolver, document: Document, path: Path, model: m.SourceModel) -> None:
    """One name of a column means one thing."""
    seen: dict[str, str] = {}
    named = [(header, key, "aliases") for key, headers in model.aliases.items() for header in headers]
    named += [(header, header, "split") for header in model.split]
    for header, key, section in named:
        form = "".join(same_name(header).casefold().split())
        if seen.setdefault(form, key) != key:
            what = f"表头 {header} 既是 {seen[form]} 又是 {key}"
            pack.wrong(document, "RULE-001", (*path, section, key), what, "一个表头只写给一个要素")


def build_sources(
    pack: Resolver, subjects: Mapping[str, Subject], no_length: Callable[[str], str]
) -> dict[str, Source]:
    """Senders of lists, and how their columns are called."""
    flows = [model.workflow for _, model in pack.files(WorkflowFile)]
    made = {}
    for document, name, model in pack.sections(m.SourcesFile, "sources"):
        path: Path = ("sources", name)
        if not pack.known(document, "RULE-032", (*path, "subject"), "对象", model.subject, subjects):
            continue
        fields = subjects[model.subject].fields
        named = [*model.aliases, *model.meanings, *model.required]
        named += [key for keys in model.split.values() for key in keys]
        for key in named:
            pack.known(document, "RULE-032", path, "要素", key, fields, "rules/fields.yaml")
        for key, words in model.meanings.items():
            for word, value in words.items() if key in fields else ():
                try:
                    parse_value(fields[key], value)
                except ValueError as error:
                    pack.wrong(document, "RULE-022", (*path, "meanings", key, word), str(error))
        pack.known(document, "RULE-040", (*path, "rejects"), "流程", model.rejects, flows)
        keeps = next((flow for _, flow in pack.files(WorkflowFile) if flow.workflow == model.rejects), None)
        verbs = [verb for item in keeps.transitions for verb in item] if keeps else []
        for verb in _SETTLING if keeps else ():
            pack.known(document, "FLOW-012", (*path, "rejects"), f"流程 {model.rejects} 的动作", verb, verbs)
        if words := no_length(model.silent_after) if model.silent_after else "":
            pack.wrong(document, "RULE-027", (*path, "silent_after"), words, "时长（如 24h）、参数名或 terms 里的词")
        _headers_once(pack, document, path, model)
        made[name] = Source(
            name=name,
            title=model.title or name,
            subject=model.subject,
            aliases={key: tuple(heads) for key, heads in model.aliases.items()},
            required=tuple(model.required),
            known_person=model.known_person,
            meanings=model.meanings,
            split={head: tuple(keys) for head, keys in model.split.items()},
            order=pack.order(document, (*path, "order"), model.order, fields),
            rejects=model.rejects,
            silent_after=model.silent_after,
        )
    _settled_by_the_engine(
        pack, {each.rejects for _, model in pack.files(m.SourcesFile) for each in model.sources.values()}
    )
    return made
