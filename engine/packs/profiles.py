"""What a profile (平、急) has other than the ordinary one: lengths of terms, values of parameters, ladders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from engine.core.rulebook import Profile, Term
from engine.core.values import Dated
from engine.packs import models as m
from engine.packs.declarations import Declarations
from engine.packs.yamlfile import Document, Path


def build_profiles(
    pack: Declarations, document: Document, model: m.PackFile, terms: Mapping[str, Term]
) -> dict[str, Profile]:
    """The profiles of a pack, the ordinary one first; whatever names another one is noted where it stands."""
    if len(model.profiles) == 1:
        pack.wrong(document, "RULE-021", ("profiles",), "只有一种状态", "至少两种，平时的写在最前")
    others = list(model.profiles)[1:]
    lengths: dict[str, dict[str, timedelta]] = {}
    for of, path, name, profile, within in _said(pack, m.TermsFile, "terms", others):
        if terms[name].waived:
            pack.wrong(of, "RULE-021", path, f"{name} 平时没有时限", "先写 within")
        lengths.setdefault(profile, {})[name] = within
    values: dict[str, dict[str, tuple[Dated, ...]]] = {}
    for of, path, name, profile, dated in _said(pack, m.ParametersFile, "parameters", others):
        unit = next(model.unit for _, key, model in pack.sections(m.ParametersFile, "parameters") if key == name)
        values.setdefault(profile, {})[name] = pack.dated(path, of, unit, dated)
    ladders: dict[str, set[str]] = {}
    for _, _, name, profile, _ in _said(pack, m.LaddersFile, "ladders", others):
        ladders.setdefault(profile, set()).add(name)
    times = _times(pack, others)
    flows = [flow.workflow for _, flow in pack.files(m.WorkflowFile)]
    for name, each in ((name, each) for name, item in model.profiles.items() for each in item.following):
        pack.known(document, "RULE-040", ("profiles", name, "following"), "流程", each, flows)
    return {
        name: Profile(
            name,
            item.open_cases == "follow",
            lengths.get(name, {}),
            values.get(name, {}),
            frozenset(ladders.get(name, ())),
            times.get(name, {}),
            frozenset(item.following),
        )
        for name, item in model.profiles.items()
    }


def _times(pack: Declarations, others: list[str]) -> dict[str, dict[str, dict[str, tuple[str, ...]]]]:
    """Profile → workflow → schedule → the times of day at which it is due there."""
    times: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
    for document, flow in pack.files(m.WorkflowFile):
        for name, schedule in flow.schedules.items():
            for _, profile, at in _of(pack, document, ("schedules", name), schedule.in_profile, others):
                times.setdefault(profile, {}).setdefault(flow.workflow, {})[name] = tuple(at)
    return times


def _said(
    pack: Declarations, kind: type[m.File], section: str, others: list[str]
) -> Iterator[tuple[Document, Path, str, str, Any]]:
    """What is said for a profile other than the ordinary one: where, of what, for which, and what."""
    for document, name, model in pack.sections(kind, section):
        for path, profile, item in _of(pack, document, (section, name), model.in_profile, others):
            yield document, path, name, profile, item


def _of(
    pack: Declarations, document: Document, where: Path, said: Mapping[str, Any], others: list[str]
) -> Iterator[tuple[Path, str, Any]]:
    """What one thing says for each of the other profiles, and where; a profile that is none is noted."""
    for profile, item in said.items():
        path: Path = (*where, "in_profile", profile)
        if pack.known(document, "RULE-040", path, "状态", profile, others):
            yield path, profile, item
