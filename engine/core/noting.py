"""Alerts by name: how they are called, and who may take note of them."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.case import Case, parts
from engine.core.custody import UNSETTLED
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.migrations import ASKED
from engine.core.org import ALSO, Actor
from engine.core.reckoning import CONFIRM, HAND_OVER, RULES
from engine.core.rulebook import Rulebook
from engine.core.workflows import Workflow

TITLES = {
    "no_match": "没有规则覆盖",
    "differs": "判定会不同",
    "identity": "身份不一致",
    "looked_back": "等级变高",
    "breach": "闭环有缺口",
    "missed": "漏做",
    HAND_OVER: "签收",
    CONFIRM: "确认更正",
    RULES: "规则变动待决定",
    ASKED: "规则变动待决定",
    UNSETTLED: "裁定",
}
"""Alerts that no state's deadline names."""


def title_of(flow: Workflow, name: str, state: str = "") -> str:
    """What a deadline or alert is called: as the state where the case stands calls it, else as any does."""
    schedule, due = parts(name)
    if due and schedule in flow.schedules:
        return flow.schedules[schedule].title
    here = [flow.states[state]] if state in flow.states else []
    told = (of.title for each in (*here, *flow.states.values()) for of in each.deadlines if of.name == name)
    return next(told, TITLES.get(name, name))


def noted(book: Rulebook, case: Case, unheard: Iterable[tuple[str, str]], asked: str, actor: Actor) -> str:
    """The name under which alerts are acknowledged (empty: all of the case), asked for by its name or title.

    `unheard`: name and whom it tells, several joined by `ALSO`.
    Only the unit that owns the case, whoever is told, and who acts on all cases may.
    """
    told: dict[str, set[str]] = {}
    for name, who in unheard:
        told.setdefault(name, set()).update(who.split(ALSO))
    flow = book.workflows[case.workflow]
    titles = {title_of(flow, name, case.state): name for name in told}
    name = titles.get(asked, asked)
    if name and name not in told:
        shown = listing([f"{name}（{title}）" for title, name in titles.items()]) or "无"
        raise BadInput(
            Problem("ALERT-001", f"没有未知悉的预警 {asked}", f"现有：{shown}", nearest(asked, [*titles, *told]))
        )
    mine = {key for key, whom in told.items() if _may(book, case, whom, actor)}
    if {name} - mine if name else told.keys() - mine:
        others = "、".join(sorted({who for key in told.keys() - mine for who in told[key]} | {case.owner}))
        yours = listing([title_of(flow, key, case.state) for key in told if key in mine]) or "无"
        raise Refused(Problem("ALERT-002", f"不是告知 {actor.user} 的预警", f"由 {others} 知悉；您可知悉：{yours}"))
    return name


def _may(book: Rulebook, case: Case, told: set[str], actor: Actor) -> bool:
    organisation = book.organisation
    person = organisation.staff.get(actor.user)
    hers = actor.units() | {actor.user} | ({person.name} if person else set())
    return organisation.acts_on_all(actor) or case.owner in actor.units() or bool(told & hers)
