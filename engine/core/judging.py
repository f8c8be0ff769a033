"""May it be done? Who acts, when it happened, what must be filled in and what must hold: every reason at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeGuard

from msgspec import Struct

from engine.core.case import Case
from engine.core.conditions import Fact, from_json
from engine.core.dating import CORRECT, EARLIEST_STATEMENT, untimely
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.guards import ComparedGuard, DecisionGuard, FactGuard, Guard, KeptUpGuard
from engine.core.org import SYSTEM, Actor
from engine.core.reckoning import Reckoning
from engine.core.rulebook import Rulebook
from engine.core.situation import Situation
from engine.core.units import home_of, units_of
from engine.core.values import local_day
from engine.core.workflows import Evidence, Transition, Workflow


class Stated(Struct, frozen=True):
    """What somebody says of a case: open facts with their typed values, personal ones by name only."""

    facts: Mapping[str, Fact] = {}
    personal: frozenset[str] = frozenset()


NOTHING = Stated()


class Attempt(Struct):
    """Somebody's attempt to do something with a case, with all that it is judged by.

    `now` is when it is recorded, `occurred_at` when it happened: day counts and lateness follow the latter.
    """

    book: Rulebook
    case: Case
    actor: Actor
    stated: Stated
    now: datetime
    occurred_at: datetime
    flow: Workflow
    facts: Mapping[str, Fact]
    reckoning: Reckoning
    before: Reckoning
    """The same on what was known before."""

    @classmethod
    def of(
        cls,
        book: Rulebook,
        case: Case,
        actor: Actor,
        stated: Stated,
        now: datetime,
        occurred_at: datetime | None = None,
    ) -> Attempt:
        """An attempt on what is known of the case, and what is stated with it."""
        book = book.under(case.profile, case.ruled_from)
        flow = book.workflows[case.workflow]
        known = typed(book, case)
        facts = {**known, **stated.facts}
        at = occurred_at or now
        before = Reckoning.of(book, case, known)
        reckoning = Reckoning.of(book, case, facts).ending(case, known, at)
        return cls(book, case, actor, stated, now, at, flow, facts, reckoning, before)

    @property
    def decided_on(self) -> date:
        """The day whose rows of the tables hold for the case: that it was opened, or of a later change of rules."""
        return self.book.no_earlier(local_day(self.case.opened_at, self.book.zone))

    def transition(self, name: str) -> Transition:
        """The transition of that name; there is none: told with what is possible."""
        if name in self.flow.transitions:
            return self.flow.transitions[name]
        here = [step.name for step in self.flow.leaving(self.case.state) if meant(step, self.case)]
        raise BadInput(
            Problem(
                "CASE-011",
                f"流程 {self.flow.title} 没有动作 {name}",
                f"现在可以：{listing(here) or '无'}",
                nearest(name, self.flow.transitions),
            )
        )

    def may_fire(self, transition: Transition, *problems: Problem, unmet: Iterable[str] = ()) -> None:
        """Refuse unless the machine lets it pass; told with every other reason there is."""

        def meets(asked: Transition) -> list[Problem]:
            return [*(Problem("CASE-010", reason) for reason in unmet), *self.conditions(asked)]

        if self.case.final:
            raise Refused(self._not_from_here(transition))
        moved, reasons = self.flow.step(self.case.state, transition.name, meets)
        if not moved and not reasons:
            raise Refused(self._not_from_here(transition))
        found = [*self.timely(), *reasons, *problems]
        if found:
            raise Refused(found)

    def _not_from_here(self, transition: Transition) -> Problem:
        state = self.flow.states[self.case.state]
        leaving = () if self.case.final else self.flow.leaving(self.case.state)
        here = [f"{step.name}（{step.title}）" for step in leaving if meant(step, self.case)]
        sources = "、".join(self.flow.states[source].title for source in transition.sources)
        stands = f"案件已办结，停在“{state.title}”" if self.case.final else f"案件在“{state.title}”"
        return Problem(
            "CASE-010",
            f"{stands}（{state.name}），不能{transition.title}（{transition.name}）",
            f"该动作始于：{sources}；现在可以：{listing(here) or '无，已办结'}",
        )

    def timely(self) -> list[Problem]:
        """Why it, or what is stated with it, cannot have happened when it is said to have."""
        return [*self._moment(), *untimely(self.before, self.reckoning, self.stated.facts, self.case)]

    def _moment(self) -> list[Problem]:
        case, occurred_at = self.case, self.occurred_at
        last = max([case.entered.at, case.held.at, *(entry.at for entry in case.stages.values())])
        if problem := at_no_time(occurred_at, self.now):
            return [problem]
        if occurred_at < last:
            return [Problem("CASE-012", "发生时间早于进入当前环节的时间", CORRECT)]
        return []

    def missing(self, evidence: Iterable[Evidence], *, known: bool = False) -> list[str]:
        """Evidence that is required and not there; `known`: what the case knows already counts too."""
        fields = self.book.subjects[self.flow.subject].fields
        given = {key for key, value in self.stated.facts.items() if value is not None} | self.stated.personal
        if known:
            given |= {key for key, value in self.facts.items() if value is not None} | self.case.personal
        return [
            f"缺少佐证：{fields[item.field].title}（{item.field}）"
            for item in evidence
            if item.required and item.field not in given
        ]

    def conditions(self, transition: Transition, filled: Collection[str] = ()) -> list[Problem]:
        """Every unmet guard; where any of several lists may hold, those of the one that lacks least, then the others.

        Those that are meant for cases decided otherwise come last. Guards on facts still to be `filled` in are left
        out.
        """
        if not transition.when:
            return []
        stage = self.flow.states[self.case.state].stage
        situation = Situation(
            case=self.case,
            facts=self.facts,
            personal=self.case.personal | self.stated.personal,
            actor=self.actor.user,
            now=self.occurred_at,
            zone=self.book.zone,
            count=self.reckoning.count,
            days_of=self.reckoning.days,
            in_stage_since=self.case.stages.get(stage, self.case.entered).at,
            units=self.book.organisation.kin(self.actor.units()),
        )
        asked = ([guard for guard in guards if not _said_of(guard, filled)] for guards in transition.when)
        ways = sorted((_Way.of(guards, situation, self.stated.facts) for guards in asked), key=_Way.lacks)
        reasons = [Problem("CASE-010", reason) for reason in ways[0].unmet]
        if reasons:
            reasons[-1] = replace(reasons[-1], hint=_or_else(*ways))
        return reasons


@dataclass(frozen=True, slots=True)
class _Way:
    """One of the lists of guards that may open a transition, by what it lacks."""

    unmet: tuple[str, ...]
    elsewhere: tuple[str, ...]
    """Of that: why it is meant for cases decided otherwise."""
    otherwise: bool
    """Whether something was just stated that must be otherwise for it."""

    @classmethod
    def of(cls, guards: Iterable[Guard], at: Situation, stated: Collection[str]) -> _Way:
        lacking = [(guard, reason) for guard in guards if (reason := guard.unmet(at))]
        elsewhere = (reason for guard, reason in lacking if isinstance(guard, DecisionGuard))
        otherwise = any(_said_of(guard, stated) for guard, _ in lacking)
        return cls(tuple(reason for _, reason in lacking), tuple(elsewhere), otherwise)

    def lacks(self) -> tuple[bool, bool, int]:
        return bool(self.elsewhere), self.otherwise, len(self.unmet)


def _or_else(first: _Way, *others: _Way) -> str:
    """The ways beside the one that was told, each by what it lacks besides; empty when there are none.

    A way that lacks all that another lacks and more is none; nor is one for cases decided otherwise, unless all are.
    """
    others = tuple(way for way in others if bool(way.elsewhere) == bool(first.elsewhere))
    lacking = [frozenset(way.unmet) for way in (first, *others)]
    told: dict[str, None] = {}
    for way in others:
        lacks = frozenset(way.unmet)
        if lacks != lacking[0] and not any(less < lacks for less in lacking):
            besides = [reason for reason in way.unmet if reason not in first.unmet]
            same = ["其余同上"] if len(besides) < len(lacks) else []
            told["，并且".join([*besides, *same])] = None
    listed = "；".join(f"（{number}）{words}" for number, words in enumerate(told, 1))
    return f"所列是最接近的一种；另有 {len(told)} 种办法，满足其一也可：{listed}" if told else ""


def at_no_time(occurred_at: datetime, now: datetime) -> Problem | None:
    """Why nothing recorded now can have happened then, whatever it is about: ahead, or too long ago."""
    if occurred_at > now:
        return Problem("CASE-012", "发生时间晚于现在", "写明实际发生的时间")
    if occurred_at < now - EARLIEST_STATEMENT:
        return Problem("CASE-012", "发生时间早于 30 天前", CORRECT)
    return None


def who(book: Rulebook, case: Case, by: tuple[str, ...], actor: Actor, of: tuple[str, ...] = ()) -> list[str]:
    """Why this actor may not act in one of these roles, in one of these units; empty when she may."""
    if by == (SYSTEM,):
        return [] if actor.engine else ["由系统随其它办理一并完成，不能单独办理"]
    home = home_of(book, book.workflows[case.workflow], case.facts) if of else ""
    only = units_of(of, case.owner, case.lead, home, case.facts)
    if book.organisation.acts_as(actor, by, case.owner, case.involved, only):
        return []
    roles = book.organisation.roles
    needed = "、".join(f"{roles[role].title}（{role}）" for role in by)
    where = f"{listing(sorted(only))} 的 " if only else ""
    return [f"须由 {where}{needed} 办理，案件现由 {case.owner or '无'} 负责；{actor.user} 没有这一职责"]


def others_to_correct(book: Rulebook, case: Case, actor: Actor, names: Iterable[str]) -> list[Problem]:
    """Facts of these that only others fill in, in the steps of the case's workflow: theirs to put right too.

    What no step asks for, what the case was decided by and what opening it takes is anybody's who may correct it.
    """
    flow, organisation = book.workflows[case.workflow], book.organisation
    kind = book.subjects[flow.subject]
    decided = book.inputs(kind) | {kind.jurisdiction} if kind.decided_by else frozenset()
    hers = {role for role, _ in actor.roles}
    found = []
    for name in (name for name in names if name not in decided and not kind.fields[name].required):
        asking = [step for step in flow.transitions.values() if name in {item.field for item in step.evidence}]
        roles = {role for step in asking for role in step.by}
        if not roles or SYSTEM in roles or hers & roles or organisation.acts_on_all(actor):
            continue
        fill = [role.title for role in organisation.roles.values() if role.name in roles]
        able = [
            role.title
            for role in organisation.roles.values()
            if "correct" in role.may and (role.name in roles or role.acts_on_all)
        ]
        what = f"{kind.fields[name].title}由{listing(fill)}填写，{actor.user} 不能更正"
        found.append(Problem("AUTH-002", what, f"能更正的：{listing(able) or '无'}"))
    return found


def meant(transition: Transition, case: Case) -> bool:
    """Whether a transition is meant for cases decided like this one."""
    return not transition.when or bool(_ways(transition, case))


def asked(transition: Transition, case: Case) -> list[str]:
    """What the facts that are filled in with a transition must be, in words; nothing where there are several ways."""
    filled = {item.field for item in transition.evidence}
    ways = _ways(transition, case)
    told = ways[0] if len(ways) == 1 else ()
    return [guard.asks for guard in told if _said_of(guard, filled)]


def _said_of(guard: Guard, facts: Collection[str]) -> TypeGuard[FactGuard | ComparedGuard | KeptUpGuard]:
    """Whether a guard holds one of these facts against something."""
    return isinstance(guard, FactGuard | ComparedGuard | KeptUpGuard) and guard.field.name in facts


def _ways(transition: Transition, case: Case) -> list[tuple[Guard, ...]]:
    """The lists of guards of a transition that are meant for cases decided like this one."""
    return [
        guards
        for guards in transition.when
        if all(guard.holds({}, case.outcome) for guard in guards if isinstance(guard, DecisionGuard))
    ]


def typed(book: Rulebook, case: Case) -> dict[str, Fact]:
    """The open facts of a case with their types: dates as dates, times as times."""
    fields = book.subjects[book.workflows[case.workflow].subject].fields
    return {key: from_json(fields[key], value) for key, value in case.facts.items() if key in fields}
