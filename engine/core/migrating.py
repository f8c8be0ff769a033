"""An open case under new rules: decided again, moved where it must be, its deadlines and days reckoned anew at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from msgspec import structs

from engine.core.case import Case, Entry, Event, micros, moment
from engine.core.conditions import Fact, from_json
from engine.core.corrections import RECLASSIFIED, Correction, Difference, follow, shifted
from engine.core.errors import BadInput, Problem, Refused
from engine.core.evolving import evolve
from engine.core.judging import NOTHING, Attempt
from engine.core.migrations import ANSWERED, ASK, ASKED, KEEP, MIGRATED, MOVE, Migration
from engine.core.moving import offered
from engine.core.org import Actor
from engine.core.reckoning import CONFIRM, HAND_OVER, RULES, Reckoning, arming
from engine.core.rulebook import Rulebook, Subject
from engine.core.situation import Count
from engine.core.tables import Decision
from engine.core.units import home_of, unit_of
from engine.core.values import local_day
from engine.core.workflows import State, Workflow

OWNER, OFFERED, LEAD = "责任单位", "责任单位（签收后）", "牵头"
"""What may be another for a case and names a unit."""


@dataclass(frozen=True, slots=True)
class Passage:
    """From which rules to which, since when, by which entry of which plan; `back`: a plan is taken back."""

    old: Rulebook
    new: Rulebook
    since: datetime
    """When the change came into force."""
    entry: Migration
    plan: int = 0
    ruled_from: str | None = None
    """The day from which on the new values hold, where it is not that of the entry: when a plan is taken back."""
    back: bool = False
    entered: tuple[int, int] | None = None
    """Taken back: when the case had come into the state where it stands again, in microseconds, and by which event."""
    withdraws: bool = False
    """Taken back: whether the offer that waits is one that the plan had made."""

    @property
    def day(self) -> str:
        """The day from which on the new values hold, as it is kept."""
        return self.entry.since.isoformat() if self.ruled_from is None else self.ruled_from


def entry_of(entries: Iterable[Migration], case: Case, facts: Mapping[str, Fact]) -> Migration | None:
    """The one entry that is about a case; None: it keeps its rules."""
    return next((entry for entry in entries if entry.names(case, facts)), None)


def migrate(passage: Passage, case: Case, actor: Actor, now: datetime, successor: str) -> Correction:
    """What the entry makes of an open case: events, and the first one of a case that goes on in another workflow.

    Where the rules leave open what becomes of it, somebody is asked: nothing is lost and nothing is guessed.
    """
    if passage.entry.action == KEEP:
        data = {**_told(passage), "ended": [RULES] if RULES in case.deadlines else []}
        return Correction((Event(ANSWERED, actor.user, now, data, actor.account),), None, ())
    if passage.entry.action == ASK:
        return asked(passage, case, actor, now, passage.entry.reason)
    try:
        return moved(passage, case, actor, now, successor)
    except (Refused, BadInput) as refusal:
        return asked(passage, case, actor, now, "；".join(problem.what for problem in refusal.problems))


def asked(passage: Passage, case: Case, actor: Actor, now: datetime, why: str) -> Correction:
    """Whoever answers for the case is asked what becomes of it, and until when; it stays as it is until then."""
    book = passage.old.under(case.profile, case.ruled_from)
    rules = book.hand_over
    length = book.within(rules.within, _typed(book, case), case.opened_at)
    if length is None:
        raise Refused(Problem("CASE-013", "答复的时限无法确定", f"{rules.within} 在当日没有适用的值"))
    data = {
        **_told(passage),
        "why": why,
        "armed": {RULES: arming("asked", micros(now), rules.within, length, book.ladder(rules.ladder))},
        "alerts": [ASKED],
    }
    return Correction((Event(ASKED, actor.user, now, data, actor.account),), None, (Difference("待决定", "", why),))


def kept(case: Case, actor: Actor, now: datetime, reason: str = "") -> Event:
    """It was decided that the case keeps the rules it has; by nobody, where the question itself was taken back."""
    if case.asked is None or case.final:
        raise Refused(Problem("PLAN-002", "案件没有等待决定的规则变动", "它没有在等"))
    data = {"release": case.asked.release, "entry": case.asked.entry, "ended": [RULES]}
    if reason:
        data |= {"reason": reason, "back": True}
    return Event(ANSWERED, actor.user, now, data, actor.account)


def moved(passage: Passage, case: Case, actor: Actor, now: datetime, successor: str) -> Correction:
    """The case under the new rules; a `Refused` or `BadInput` says why they do not tell what becomes of it."""
    if case.final:
        raise Refused(Problem("CASE-010", "案件已办结", "已办结的不再变动"))
    move = _Move.of(passage, case, actor, now)
    if move.decision is not None and move.flow.name != case.workflow:
        return move.reclassified(successor)
    return move.stays()


@dataclass(slots=True)
class _Move:
    """One case on its way from one release to another."""

    passage: Passage
    case: Case
    actor: Actor
    now: datetime
    book: Rulebook
    """The new rules as they are for this case."""
    before: Rulebook
    facts: Mapping[str, Fact]
    decision: Decision | None
    flow: Workflow
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, passage: Passage, case: Case, actor: Actor, now: datetime) -> _Move:
        book = passage.new.under(case.profile, passage.day)
        before = passage.old.under(case.profile, case.ruled_from)
        kind = _kind(before, book, case)
        facts = {key: from_json(kind.fields[key], value) for key, value in case.facts.items() if key in kind.fields}
        decision = _decision(book, kind, case, facts)
        name = case.workflow if decision is None else str(decision.outcome.get("workflow") or case.workflow)
        if name not in book.workflows:
            raise Refused(Problem("FLOW-010", f"新规则没有流程 {case.workflow}", "由人决定，或照旧办完"))
        return cls(passage, case, actor, now, book, before, facts, decision, book.workflows[name])

    @property
    def outcome(self) -> Mapping[str, Any]:
        return self.case.outcome if self.decision is None else self.decision.outcome

    def stays(self) -> Correction:
        """The case goes on in its workflow."""
        case, state = self.case, self._state()
        was = self._was()
        called = self._stages()
        again = self.passage.entered
        same_stage = again is not None or state.name == case.state or state.stage == called.get(was.stage, was.stage)
        stages = {**case.stages, **{new: case.stages[old] for old, new in called.items() if old in case.stages}}
        standing = structs.replace(case, state=state.name if same_stage else "", stages=stages, asked=None)
        if again is not None:
            entered = Entry(moment(again[0]), again[1])
            standing = structs.replace(standing, entered=entered, stages={**stages, state.stage: entered})
        if self.passage.withdraws:
            standing = structs.replace(standing, offer=None)
        reckoning = self._reckoning()
        armed, ended, cannot = reckoning.deadlines(state, self.now, standing, stays=same_stage)
        self._of_offers(state)
        if cannot or self.problems:
            raise Refused([*cannot, *self.problems])
        data: dict[str, Any] = {
            **_told(self.passage),
            "was": {
                "release": case.release,
                "ruled_from": case.ruled_from,
                "state": case.state,
                "entered": [micros(case.entered.at), case.entered.event],
            },
            "armed": armed | self._laddered(),
            "ended": ended,
            **reckoning.plans(state, self.now, standing, stays=same_stage),
            **reckoning.cuts(case.cut_short),
            **self._freed(reckoning.freed),
            **self._decided(),
            **self._left(called),
        }
        if renamed := {new: old for old, new in called.items() if old in case.stages}:
            data["stages"] = renamed
        if state.name != case.state:
            data["to"] = state.name
        if not same_stage or again is not None:
            data |= {"entered": True if again is None else list(again), "stage": state.stage}
        if self.passage.withdraws:
            data["withdrawn"] = True
        home = home_of(self.book, self.flow, self.facts)
        owner = self._unit(unit_of(state.owner, data.get("lead", case.lead), home, self.facts))
        if "entered" in data or case.owner not in self.book.organisation.units:
            data["owner"] = owner
        happened = Event(MIGRATED, self.actor.user, self.now, data, self.actor.account)
        after = evolve(case, happened)
        offers = self._offer(happened, after, owner, was)
        if offers:  # and so goes with the plan, if that is taken back; what people offer afterwards does not
            happened = happened._replace(data={**data, "offers": owner})
        events = (happened, *offers)
        return Correction(events, None, tuple(self._differences(after, owner, len(events) > 1)))

    def reclassified(self, successor: str) -> Correction:
        """The case is closed, and one of the workflow that the new rules lead to goes on under them."""
        case, actor, now = self.case, self.actor, self.now
        if case.offer is not None:
            raise Refused(Problem("CASE-010", f"已交 {case.offer.to}，等待签收", "先由对方签收或退回"))
        closed = Event(RECLASSIFIED, actor.user, now, {"successor": successor, **_told(self.passage)}, actor.account)
        if self.decision is None:
            raise Refused(Problem("FLOW-010", f"新规则没有流程 {case.workflow}", "由人决定，或照旧办完"))
        going = structs.replace(case, facts={key: case.facts[key] for key in self.facts}, ruled_from=self.passage.day)
        told = {key: value for key, value in _told(self.passage).items() if key not in ("release", "ruled_from")}
        stage = self._was().stage
        freed = self._freeing(Reckoning(self.book, self.flow, self.outcome, now, self.facts))
        first = follow(self.book, going, self.decision, actor, now, stage=stage, freed=freed, **told)
        then = evolve(None, first, successor)
        old = self.before.workflows[case.workflow].title
        differences = (Difference("流程", old, self.flow.title), Difference("类别", case.category, then.category))
        return Correction((closed,), (successor, first), differences)

    def _was(self) -> State:
        return self.before.workflows[self.case.workflow].states[self.case.state]

    def _state(self) -> State:
        """Where the case stands under the new rules."""
        entry = self.passage.entry
        name = entry.moves.get(self.case.state, self.case.state) if entry.action == MOVE else self.case.state
        if name not in self.flow.states:
            title = self._was().title
            raise Refused(Problem("FLOW-010", f"新规则没有环节 {name}（{title}）", "migration 里写 moves，或由人决定"))
        if self.flow.states[name].final:
            raise Refused(Problem("FLOW-011", f"{name} 是办结的环节", "规则变动不能替人办结案件"))
        return self.flow.states[name]

    def _reckoning(self) -> Reckoning:
        cut_short = {name: at for name, at in self.case.cut_short.items() if name in self.flow.clocks}
        raw = Reckoning(self.book, self.flow, self.outcome, self.case.opened_at, self.facts, cut_short)
        return structs.replace(raw, freed=self._freeing(raw))

    def _freeing(self, raw: Reckoning) -> dict[str, datetime]:
        """The clocks that these days ended before anybody could know it: that counts from the change.

        One that was done before the change anyhow keeps the moment at which it was.
        """
        freed = {}
        for name in raw.flow.clocks:
            done, bound = raw.count(name).done_at, self.passage.since
            if self.case.workflow == raw.flow.name and name in self.before.workflows[self.case.workflow].clocks:
                old = Reckoning.of(self.before, self.case, _typed(self.before, self.case)).count(name).done_at
                bound = min(old, bound) if old is not None else bound
            if done is not None and done < bound:
                freed[name] = bound
        return freed

    def _freed(self, freed: Mapping[str, datetime]) -> dict[str, Any]:
        return {"freed": {name: micros(at) for name, at in freed.items()}} if freed else {}

    def _decided(self) -> dict[str, Any]:
        """The new decision, and who leads by it; whoever is no unit any more leads nothing."""
        units, case = self.book.organisation.units, self.case
        if self.decision is None:
            supporting = [unit for unit in case.supporting if unit in units]
            if case.lead in units and len(supporting) == len(case.supporting):
                return {}
            told = {"table": "", "rules": [], "clauses": [], "inputs": {}, "outcome": dict(case.outcome)}
            lead = self._unit(case.lead)
            return {"decision": told, "category": case.category, "lead": lead, "supporting": supporting}
        home = home_of(self.book, self.flow, self.facts)
        lead = self._unit(unit_of(self.outcome.get("lead", ""), "", home, self.facts))
        supporting = [self._unit(unit_of(unit, lead, home, self.facts)) for unit in self.outcome.get("supporting", ())]
        return {
            "decision": self.decision.told,
            "category": self.outcome.get("category", ""),
            "lead": lead,
            "supporting": list(dict.fromkeys(unit for unit in supporting if unit != lead)),
        }

    def _unit(self, unit: str) -> str:
        return unit if unit in self.book.organisation.units else self.book.default_owner

    def _stages(self) -> dict[str, str]:
        """Stages that are called otherwise now: stage before → after, by the states that are in both."""
        moves = self.passage.entry.moves
        called: dict[str, set[str]] = {}
        for name, state in self.before.workflows[self.case.workflow].states.items():
            if then := self.flow.states.get(moves.get(name, name)):
                called.setdefault(state.stage, set()).add(then.stage)
        known = {state.stage for state in self.flow.states.values()}
        return {old: min(new) for old, new in called.items() if len(new) == 1 and old not in known}

    def _left(self, called: Mapping[str, str]) -> dict[str, Any]:
        """Where `to: previous` leads back to, by the names that the states have now."""
        moves = self.passage.entry.moves
        left = {called.get(stage, stage): moves.get(name, name) for stage, name in self.case.left.items()}
        known = {stage: name for stage, name in left.items() if name in self.flow.states}
        return {"left": known} if known != dict(self.case.left) else {}

    def _of_offers(self, state: State) -> None:
        """Why an offer that waits for its answer would lead nowhere."""
        offer = self.case.offer
        if offer is None or self.passage.withdraws:
            return
        verb = self.flow.transitions.get(offer.transition)
        lost = bool(offer.transition) and (verb is None or state.name not in verb.sources)
        if lost or state.name != self.case.state or offer.to not in self.book.organisation.units:
            self.problems.append(Problem("CASE-010", f"正交给 {offer.to}，等待签收", "签收或退回之后再变动"))

    def _laddered(self) -> dict[str, list[Any]]:
        """Deadlines that no state has, on a ladder that the new rules have too."""
        running = {name: self.case.deadlines[name] for name in (HAND_OVER, CONFIRM) if name in self.case.deadlines}
        ladder = self.book.ladder(self.book.hand_over.ladder)
        return {
            name: [micros(armed.due), ladder, armed.since, armed.base, armed.within, armed.length]
            for name, armed in running.items()
            if armed.ladder not in self.book.ladders
        }

    def _offer(self, happened: Event, after: Case, owner: str, was: State) -> tuple[Event, ...]:
        """Another unit is only offered the case, where it stays and its old owner is still there."""
        case, before = self.case, _typed(self.before, self.case)
        home = home_of(self.before, self.before.workflows[case.workflow], before)
        if owner in (after.owner, unit_of(was.owner, case.lead, home, before)) or after.offer is not None:
            return ()
        if "entered" in happened.data:
            return ()
        again = Attempt.of(self.passage.new, after, self.actor, NOTHING, self.now)
        rules = self.book.hand_over
        return (offered(again, owner, rules.within, rules.ladder),)

    def _differences(self, after: Case, owner: str, offers: bool) -> Iterable[Difference]:  # noqa: FBT001 - said once
        """What is another for the case, in the order in which a reader asks."""
        case = self.case
        if case.category != after.category:
            yield Difference("类别", case.category, after.category)
        if case.state != after.state:
            yield Difference("环节", self._was().title, self.flow.states[after.state].title)
        if offers or case.owner != after.owner:
            yield Difference(OFFERED if offers else OWNER, case.owner, owner)
        if case.lead != after.lead:
            yield Difference(LEAD, case.lead, after.lead)
        yield from self._days(after)
        yield from shifted(self.book, case, after, self.flow, self.before.workflows[case.workflow])

    def _days(self, after: Case) -> Iterable[Difference]:
        """How many days each clock takes, and when they are full."""
        old = Reckoning.of(self.before, self.case, _typed(self.before, self.case))
        new = Reckoning.of(self.book, after, self.facts)
        for name, clock in self.flow.clocks.items():
            was = old.count(name) if name in old.flow.clocks else None
            now = new.count(name)
            if was is not None and (was.days, was.done_at) != (now.days, now.done_at):
                yield Difference(clock.title, _full(self.before, was), _full(self.book, now))


def returning(passage: Passage, case: Case, event: int, data: Mapping[str, Any]) -> Passage:
    """The way back of what event number `event` told; `Refused` when the case has moved on where no way leads back."""
    was = data["was"]
    if case.release != data["release"] or case.final:
        raise Refused(Problem("PLAN-003", "案件已办结，或已按别的规则重算", "由人决定"))
    old = passage.new.workflows.get(case.workflow)
    moved_to = data.get("to")
    untouched = moved_to == case.state and (case.entered.event == event or "entered" not in data)
    state = was["state"] if untouched else case.state
    entered = tuple(was["entered"]) if untouched and "entered" in data else None
    withdraws = "offers" in data and case.offer is not None and case.offer.event == event + 1
    if old is None or state not in old.states:
        raise Refused(Problem("PLAN-003", f"旧规则没有环节 {state}", "由人决定"))
    moves = {case.state: state} if state != case.state else {}
    entry = replace(passage.entry, action=MOVE, moves=moves)
    return replace(passage, entry=entry, ruled_from=was["ruled_from"], back=True, entered=entered, withdraws=withdraws)


def _full(book: Rulebook, count: Count) -> str:
    days = "" if count.days is None else f"{count.days} 天"
    full = "" if count.done_at is None else f"{local_day(count.done_at, book.zone):%m-%d} 期满"
    return "，".join(filter(None, (days, full))) or "未起算"


def _told(passage: Passage) -> dict[str, Any]:
    """Which change it is, as every event of it tells."""
    return {
        "release": passage.new.release,
        "ruled_from": passage.day,
        "plan": passage.plan,
        "entry": passage.entry.name,
        "reason": passage.entry.reason,
        **({"back": True} if passage.back else {}),
    }


def _kind(before: Rulebook, book: Rulebook, case: Case) -> Subject:
    kind = before.kind_of(case.workflow)
    if kind.name not in book.subjects:
        raise Refused(Problem("FLOW-010", f"新规则没有对象类别 {kind.title}", "由人决定，或照旧办完"))
    return book.subjects[kind.name]


def _decision(book: Rulebook, kind: Subject, case: Case, facts: Mapping[str, Fact]) -> Decision | None:
    """What the new rules decide of the case; None: no table decides its kind, or still no rule covers it."""
    if not kind.decided_by:
        return None
    day: date = book.no_earlier(local_day(case.opened_at, book.zone))
    decision = book.decide(kind.name, {key: value for key, value in facts.items() if value is not None}, day)
    if not decision.matched and not case.outcome:
        return None
    if not decision.matched:
        raise Refused(Problem("RULE-024", "新规则没有覆盖这个案件", "由人决定"))
    return decision


def _typed(book: Rulebook, case: Case) -> dict[str, Fact]:
    fields = book.kind_of(case.workflow).fields
    return {key: from_json(fields[key], value) for key, value in case.facts.items() if key in fields}
