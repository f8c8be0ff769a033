"""One pack, checked and compiled: everything the rules say, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from engine.core.conditions import Fact, Field
from engine.core.documents import Carrier, Document
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.migrations import Migration
from engine.core.org import Organisation
from engine.core.papers import Paper
from engine.core.reference import Reference
from engine.core.reports import Report
from engine.core.tables import Decision, Table
from engine.core.taskguards import LastGuard, TaskGuard
from engine.core.values import Dated, Parameter, local_day, parse_duration
from engine.core.workflows import Ladder, Workflow


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of subject (person, venue, item, matter): its typed facts and the table that decides where it goes."""

    name: str
    title: str
    fields: Mapping[str, Field]
    decided_by: str = ""
    completed_by: str = ""
    """The collect table whose lists are added to what was decided."""
    default_workflow: str = ""
    """Where its cases go that no rule covers; empty: as the pack says for all."""
    jurisdiction: str = ""
    """The fact that names the unit of the place of stay (属地)."""
    identity: tuple[tuple[str, ...], ...] = ()
    """Sets of facts that each tell one subject from another, the surest first: `[[id_number], [name, phone]]`."""
    listed: Mapping[str, str] = field(default_factory=dict)
    """What the result of taking a list in shows of each row: name shown → fact."""
    order: tuple[tuple[str, str], ...] = ()
    """Pairs of dates or times of which the first may not be after the second."""
    anyone_opens: bool = False
    """Whether any member of staff may open a case of it."""

    def named(self, title: str) -> str:
        """The fact of that title; empty when there is none."""
        return next((name for name, of in self.fields.items() if of.title == title), "")


@dataclass(frozen=True, slots=True)
class Term:
    """A vague word of the document, bound to a duration or a parameter, or waived with a reason."""

    name: str
    within: timedelta | None
    clause: str = ""
    owner: str = ""
    waived: str = ""
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What a pack says of something that its document leaves open, and what was decided by whom."""

    what: str
    clauses: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    decided: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a document speaks: words that look alike, what it calls the categories of the rules, what it leaves open."""

    apart: tuple[tuple[str, ...], ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    findings: Mapping[str, Written] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where lists come from: how their columns are called and what to do with persons already known."""

    name: str
    title: str
    subject: str
    aliases: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    known_person: str
    """link, skip or ask."""
    meanings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Per field, what the words of this source mean: `{fact: {word: value}}`."""
    split: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Per header, the fields that one cell under it holds, in order, parted by `/`."""
    order: tuple[tuple[str, str], ...] = ()
    """Pairs of dates of which the first may not be after the second."""
    rejects: str = ""
    """The workflow of the matter that keeps refused rows until each is settled."""
    silent_after: str = ""
    """So long without a list (a length, a term or a parameter), and somebody is told; empty: nobody waits for it."""


TRIP_FACTS = ("trip", "about", "giver", "discrepancy")
"""What is known at once of the matter about somebody missing or extra: the trip, the case, who gave, and which."""


@dataclass(frozen=True, slots=True)
class HandOverRules:
    """How cases change hands outside of any transition: how long an offer may wait, and who settles what is whose."""

    within: str
    ladder: str
    most_returns: int
    arbiter: str
    matter: str
    """The workflow of the matter about whoever was missing or extra on a trip; empty: there are no trips."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A case of which one is always open: work that recurs and belongs to no person."""

    subject: str
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Example:
    """A decision as a manager would tell it: facts, the day, and what is expected."""

    name: str
    table: str
    facts: Mapping[str, Fact]
    as_of: date
    expect: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a story says of its case after a step; what it leaves out may be anything."""

    is_: Mapping[str, str] = field(default_factory=dict)
    """State, owner, category, workflow or final → its value."""
    due: Mapping[str, datetime | None] = field(default_factory=dict)
    """Deadline → when; None: it does not run."""
    count: Mapping[str, int] = field(default_factory=dict)
    """Clock → which day it is."""
    planned: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    """Schedule → the due times it still has."""


@dataclass(frozen=True, slots=True)
class StoryStep:
    """Somebody does something, and what comes of it: a change, or a refusal with these words."""

    at: datetime
    by: str = ""
    do: str = ""
    """A transition; empty: she accepts what is offered, corrects facts, or linked cases tell something."""
    correct: bool = False
    facts: Mapping[str, Fact] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()
    told: tuple[tuple[str, str], ...] = ()
    """What linked cases tell: (`index.task.X`, result) or (`children.X`, opened or closed)."""
    expect: Expected = field(default_factory=Expected)
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """A whole case as a manager would tell it: how it opens (the first step), and what happens then."""

    name: str
    subject: str
    workflow: str
    """Empty: where the rules lead."""
    steps: tuple[StoryStep, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """How the office works for the time being (平、急): what is other than in the ordinary profile, the first one."""

    name: str
    follows: bool = False
    """Whether open cases are reckoned anew when it is switched to; else they keep what they were opened under."""
    terms: Mapping[str, timedelta] = field(default_factory=dict)
    parameters: Mapping[str, tuple[Dated, ...]] = field(default_factory=dict)
    ladders: frozenset[str] = frozenset()
    times: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Workflow → schedule → the times of day at which it is due."""
    following: frozenset[str] = frozenset()
    """Workflows whose open cases are reckoned anew even where the others keep what they were opened under."""


@dataclass(frozen=True)
class Rulebook:
    """The compiled pack; `digest` is the hash of the text it was made from, `release` its number once published."""

    name: str
    title: str
    authority: str
    document: str
    zone: ZoneInfo
    default_owner: str
    default_workflow: str
    organisation: Organisation
    subjects: Mapping[str, Subject]
    parameters: Mapping[str, Parameter]
    terms: Mapping[str, Term]
    ladders: Mapping[str, Ladder]
    tables: Mapping[str, Table]
    workflows: Mapping[str, Workflow]
    references: Mapping[str, Reference]
    sources: Mapping[str, Source]
    examples: tuple[Example, ...]
    stories: tuple[Story, ...]
    standing: tuple[Standing, ...]
    reports: Mapping[str, Report]
    hand_over: HandOverRules
    backdate: timedelta
    """How far back somebody may date a correction without a second person."""
    plan_ahead: timedelta
    """So long before they are due, scheduled tasks are made."""
    digest: str
    papers: Mapping[str, Paper] = field(default_factory=dict)
    release: int = 0
    documents: Mapping[str, Document] = field(default_factory=dict)
    """The official documents it comes from, clause by clause."""
    carriers: Mapping[str, Mapping[str, Carrier]] = field(default_factory=dict)
    """Kind → name → what can carry a clause out."""
    wording: Wording = Wording()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """By name, the ordinary one first; often none."""
    profile: str = ""
    """Under which profile it speaks; empty: the ordinary one."""
    migrations: tuple[Migration, ...] = ()
    """What becomes of the cases that are open when the rules change."""
    ruled_from: str = ""
    """The day (ISO) from which on its values hold for a case, however early the day that dates it; empty: that day."""

    def under(self, profile: str, ruled_from: str = "") -> Rulebook:
        """The same rules as they are under a profile, and for a case that was reckoned anew on a day.

        A profile it does not know is the ordinary one.
        """
        book = self if profile == self.profile else self._others.get(profile, self._ordinary)
        return book if ruled_from == book.ruled_from else book.since(ruled_from)

    def since(self, day: str) -> Rulebook:
        """The same rules for cases that were reckoned anew on a day (ISO), made once for each such day."""
        made = self._days.get(day)
        if made is None:
            made = self._days[day] = replace(self, ruled_from=day)
            made.__dict__.update(_ordinary=self._ordinary, _others=self._others, _days=self._days)
        return made

    @cached_property
    def _days(self) -> dict[str, Rulebook]:
        """By the day of their change; those of no change are the rules themselves."""
        return {self.ruled_from: self}

    @cached_property
    def _ordinary(self) -> Rulebook:
        return self

    @cached_property
    def _others(self) -> dict[str, Rulebook]:
        """The rules under each profile but the ordinary one, made once and knowing each other."""
        made = {}
        for item in list(self.profiles.values())[1:]:
            terms = {
                name: replace(self.terms[name], within=within, parameter="") for name, within in item.terms.items()
            }
            values = {name: replace(self.parameters[name], values=dated) for name, dated in item.parameters.items()}
            flows = {name: self.workflows[name].timed(times) for name, times in item.times.items()}
            made[item.name] = replace(
                self,
                profile=item.name,
                terms={**self.terms, **terms},
                parameters={**self.parameters, **values},
                workflows={**self.workflows, **flows},
            )
        for book in made.values():
            book.__dict__.update(_ordinary=self, _others=made)
        return made

    def ladder(self, name: str) -> str:
        """The ladder that is climbed under this profile where the pack names one."""
        changed = self.profile and name in self.profiles[self.profile].ladders
        return ladder_under(name, self.profile) if changed else name

    @cached_property
    def stays(self) -> frozenset[str]:
        """The facts that tell of a stay that reference lists are asked about."""
        return frozenset(fact for reference in self.references.values() for fact in reference.stay.values())

    @cached_property
    def dating(self) -> frozenset[str]:
        """The facts on whose day it depends which value of a parameter holds."""
        return frozenset(parameter.dated_by for parameter in self.parameters.values() if parameter.dated_by)

    def flow_of(self, subject: str, outcome: Mapping[str, object]) -> Workflow:
        """The workflow that a decision leads a subject of this kind to; where no rule says one, the default."""
        default = self.subjects[subject].default_workflow or self.default_workflow
        return self.workflows[str(outcome.get("workflow") or default)]

    @cached_property
    def remembered(self) -> frozenset[str]:
        """The tasks of which more than the last result matters: counted by days, asked for, or told to others."""
        flows = self.workflows.values()
        guards = (guard for flow in flows for verb in flow.transitions.values() for when in verb.when for guard in when)
        asked = {
            guard.asked.task for guard in guards if isinstance(guard, TaskGuard) and not isinstance(guard, LastGuard)
        }
        counted = {task.name for flow in flows for task in flow.tasks.values() if task.clock}
        told = {name for flow in flows for child in flow.children.values() for name in child.tells}
        return frozenset(asked | counted | told)

    def decide(self, subject: str, facts: Mapping[str, Fact], as_of: date) -> Decision:
        """Which category, lead, supporting departments and workflow these facts lead to on that day."""
        kind = self.subjects[subject]
        decision = self.tables[kind.decided_by].decide(facts, as_of)
        if not kind.completed_by:
            return decision
        return decision.completed(self.tables[kind.completed_by].decide(facts, as_of))

    def inputs(self, kind: Subject) -> frozenset[str]:
        """The facts on which it depends what is decided of a subject."""
        tables = [self.tables[name] for name in (kind.decided_by, kind.completed_by) if name]
        return frozenset(of.name for table in tables for of in table.inputs)

    def kind_named(self, asked: str = "") -> Subject:
        """The kind of subject of that name or title of which people open cases; none asked for: the first."""
        kinds = [of for of in self.subjects.values() if of.decided_by]
        known = self.subjects.values() if asked else kinds
        found = next((of for of in known if asked in ("", of.name, of.title)), None)
        shown = f"可用：{listing([f'{of.title}（{of.name}）' for of in kinds], len(kinds))}"
        if found is None:
            hint = nearest(asked, [word for of in kinds for word in (of.title, of.name)])
            raise BadInput(Problem("FACT-001", f"没有对象类别 {asked}", shown, hint))
        if not found.decided_by:
            raise BadInput(Problem("FACT-001", f"{found.title}没有规则表来判定，不能由人立案", shown))
        return found

    def kind_of(self, workflow: str) -> Subject:
        """The kind of subject that a workflow carries."""
        return self.subjects[self.workflows[workflow].subject]

    def within(self, name: str, facts: Mapping[str, Fact], opened: datetime) -> timedelta | None:
        """How long `2h`, a term or a parameter says for a case; None when nothing of that name holds on its day."""
        if name in self.terms:
            term = self.terms[name]
            return self.within(term.parameter, facts, opened) if term.parameter else term.within
        if name not in self.parameters:
            return parse_duration(name)
        days = self.days(name, facts, opened)
        return timedelta(**{UNITS[self.parameters[name].unit]: days[-1]}) if days else None

    def days(self, name: str, facts: Mapping[str, Fact], opened: datetime) -> tuple[int, ...] | None:
        """The whole numbers a parameter lists for a case; None when no value is in force."""
        dated = self.dated(name, facts, opened)
        if dated is None or dated.value is None:
            return None
        return dated.value if isinstance(dated.value, tuple) else (int(dated.value),)

    def dated(self, name: str, facts: Mapping[str, Fact], opened: datetime) -> Dated | None:
        """The value of a parameter that is in force for a case.

        The day that counts is that of the fact it is `dated_by`, else of the opening; a change of rules is later.
        """
        stated = facts.get(self.parameters[name].dated_by) or opened
        day = local_day(stated, self.zone) if isinstance(stated, datetime) else stated
        return self.parameters[name].at(self.no_earlier(day)) if isinstance(day, date) else None

    def no_earlier(self, day: date) -> date:
        """The day whose values hold where this day would count: that of the last change of rules, when it is later."""
        return max(day, date.fromisoformat(self.ruled_from)) if self.ruled_from else day


def ladder_under(name: str, profile: str) -> str:
    """What a ladder is called that a profile has instead."""
    return f"{name}·{profile}"


UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}
