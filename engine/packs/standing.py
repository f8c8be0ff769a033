"""rules/standing.yaml → the cases of which one is always open, each told from the others by what is known of it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.conditions import Fact, parse_value
from engine.core.rulebook import Standing, Subject
from engine.packs import models as m
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document, Path


def build_standing(pack: Resolver, subjects: Mapping[str, Subject]) -> tuple[Standing, ...]:
    """What is declared, its facts typed; every mistake is noted where it stands."""
    made: dict[tuple[object, ...], Standing] = {}
    for document, model in pack.files(m.StandingFile):
        for index, item in enumerate(model.standing):
            path: Path = ("standing", index)
            if not pack.known(document, "RULE-032", (*path, "subject"), "对象", item.subject, subjects):
                continue
            kind = subjects[item.subject]
            facts = _facts(pack, document, path, item.with_, kind)
            if not kind.decided_by:
                pack.wrong(document, "RULE-021", path, f"{kind.title}没有规则表判定归谁", "decided_by 写规则表")
            told = next((keys for keys in kind.identity if all(key in facts for key in keys)), None)
            if told is None:
                keys = "，或 ".join("、".join(keys) for keys in kind.identity) or "identity"
                pack.wrong(document, "RULE-021", path, "分不清是哪一件，每次都会再立一件", f"with 里写全 {keys}")
                continue
            name = (item.subject, *(facts[key] for key in told))
            if name in made:
                pack.wrong(document, "RULE-001", path, f"{'、'.join(map(str, name[1:]))} 写了两次", "每件只写一次")
            made[name] = Standing(item.subject, facts)
    return tuple(made.values())


def _facts(pack: Resolver, document: Document, path: Path, raw: Mapping[str, object], kind: Subject) -> dict[str, Fact]:
    """What is known of it: facts of its kind, none of them personal, none that must be there left out."""
    facts: dict[str, Fact] = {}
    for key, value in raw.items():
        spot: Path = (*path, "with", key)
        if not pack.known(document, "RULE-032", spot, "要素", key, kind.fields):
            continue
        if kind.fields[key].pii:
            pack.wrong(document, "RULE-029", spot, f"{key} 是个人信息", "规则里不写个人信息")
            continue
        try:
            facts[key] = parse_value(kind.fields[key], value)
        except ValueError as error:
            pack.wrong(document, "RULE-022", spot, str(error))
    lacking = [of.title for of in kind.fields.values() if of.required and of.name not in raw]
    if lacking:
        pack.wrong(document, "RULE-021", (*path, "with"), f"缺少 {'、'.join(lacking)}", "必填")
    return facts
