"""What each YAML file of a pack may say: strict models, one per file, an unknown key being an error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from engine.core.conditions import TYPES
from engine.core.org import SCOPES
from engine.core.reports import COUNTS
from engine.core.values import parse_date, parse_duration, parse_offset
from engine.core.workflows import LEVELS


def reads(code: str, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader whose ValueError in words is told under a code."""

    def reader(value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise PydanticCustomError(code, "{words}", {"words": str(error)}) from error

    return reader


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _duration(value: Any) -> timedelta:
    if not isinstance(value, str):
        raise ValueError("时长要写明单位，如 24h（m 分、h 时、d 天）")
    return parse_duration(value)


def _date(value: Any) -> date:
    if not isinstance(value, str):
        raise ValueError("日期写作 2022-05-26")
    return parse_date(value)


Day = Annotated[date, PlainValidator(reads("RULE-036", _date))]
Duration = Annotated[timedelta, PlainValidator(reads("RULE-027", _duration))]
Offset = Annotated[timedelta, PlainValidator(reads("RULE-027", parse_offset))]
Length = Annotated[
    timedelta, PlainValidator(reads("RULE-027", lambda raw: timedelta(0) if raw == 0 else _duration(raw)))
]
"""A duration, or 0."""
Names = Annotated[list[str], BeforeValidator(_one_or_more)]
Number = int | float
Type = Literal["text", "enum", "integer", "number", "date", "time", "yes_no", "region", "unit", "file", "person_ref"]
if set(TYPES) != set(Type.__args__):  # type: ignore[attr-defined]
    raise AssertionError("the types of fields differ between the core and the models")


class Model(BaseModel):
    """A piece of a pack: unknown keys and surprising types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class File(Model):
    """A file of a pack; `schema` is the number of the language it is written in."""

    schema_: Literal[1] = Field(alias="schema")


class Cited(Model):
    """Something that says where it comes from and when it holds."""

    clause: str = ""
    source: str = ""


class HandOverRulesModel(Model):
    """How cases change hands outside of any transition."""

    within: str
    ladder: str
    most_returns: Annotated[int, Field(strict=True, ge=0)]
    arbiter: str
    matter: str = ""


class ProfileModel(Model):
    """How the office works for the time being; the first profile is the ordinary one."""

    open_cases: Literal["keep", "follow"] = "keep"


class PackFile(File):
    """rules/pack.yaml: what this pack is, and who owns what no rule covers."""

    pack: str
    title: str
    authority: str
    document: str
    timezone: str
    default_owner: str
    default_workflow: str
    hand_over: HandOverRulesModel
    backdate: Duration
    plan_ahead: Duration
    profiles: dict[str, ProfileModel] = {}


class UnitModel(Model):
    """A department, community, site or outside party; `head` is the first responsible person."""

    kind: Literal["department", "community", "external", "site"]
    head: Annotated[str, Field(min_length=1)]
    parent: str = ""
    duty_phone: str = ""
    formerly: list[str] = []
    places: Annotated[int, Field(strict=True, ge=0)] | None = None


class RoleModel(Model):
    """What somebody may be, for which cases, and with which rights beside transitions."""

    title: str
    scope: Literal["all", "involved", "owner"]
    may: list[
        Literal["open", "intake", "areas", "reveal", "export", "publish", "erase", "correct", "confirm", "profile"]
    ] = []


if set(SCOPES) != {"all", "involved", "owner"}:
    raise AssertionError("the scopes of roles differ between the core and the models")


class Post(Model):
    """A role held in a unit."""

    role: str
    unit: str


class StaffModel(Model):
    """A member of staff."""

    name: str
    roles: list[Post]


class LeaderModel(Model):
    """A member of the leading group with her departments and communities."""

    name: str
    fields: list[str] = []
    communities: list[str] = []


class OrganisationFile(File):
    """rules/organisation.yaml: who exists, who is first responsible, who may what."""

    units: dict[str, UnitModel]
    roles: dict[str, RoleModel]
    staff: dict[str, StaffModel] = {}
    leaders: list[LeaderModel] = []


class FieldModel(Model):
    """A typed fact."""

    title: str
    type: Type
    values: list[str] | dict[str, str] = []
    min: Number | None = None
    max: Number | None = None
    pii: bool | None = None
    required: bool = False
    check: Literal["", "name", "cn_id", "phone"] = ""
    future: bool = False
    back: Length | None = None
    noted: Names = []


class SubjectModel(Model):
    """A kind of subject: its facts, the table that decides it, and what tells one from another."""

    title: str
    decided_by: str = ""
    completed_by: str = ""
    default_workflow: str = ""
    jurisdiction: str = ""
    identity: list[list[str]] = []
    listed: dict[str, str] = {}
    order: list[list[str]] = []
    anyone_opens: bool = False
    fields: dict[str, FieldModel]


class FieldsFile(File):
    """rules/fields.yaml: the typed facts of each kind of subject."""

    subjects: dict[str, SubjectModel]


class DatedModel(Cited):
    """A value from a date on; null: abolished."""

    from_: Day = Field(alias="from")
    value: Annotated[int, Field(strict=True, ge=0)] | list[Annotated[int, Field(strict=True, ge=0)]] | None


class ParameterModel(Model):
    """A dated value with its source."""

    title: str
    unit: Literal["minute", "hour", "day"]
    dated_by: str = ""
    values: Annotated[list[DatedModel], Field(min_length=1)]
    in_profile: dict[str, Annotated[list[DatedModel], Field(min_length=1)]] = {}


class ParametersFile(File):
    """rules/parameters.yaml: dated values."""

    parameters: dict[str, ParameterModel]


class TermModel(Model):
    """A vague word bound to a duration or a parameter, or waived with a reason, and where it stands in a document."""

    within: Duration | None = None
    parameter: str = ""
    binds: Names = []
    clause: str = ""
    owner: str = ""
    waived: str = ""
    in_profile: dict[str, Duration] = {}


class TermsFile(File):
    """rules/terms.yaml: each vague word of the document bound or waived."""

    terms: dict[str, TermModel]


class RungModel(Model):
    """One step of a ladder."""

    at: Offset
    level: Literal["提醒", "蓝", "黄", "红"]
    tell: str


if set(LEVELS) != set(RungModel.model_fields["level"].annotation.__args__):  # type: ignore[union-attr]
    raise AssertionError("the levels of rungs differ between the core and the models")


class ClimbModel(Model):
    """Who is told before, at and after the due time."""

    again: Duration
    rungs: Annotated[list[RungModel], Field(min_length=1)]


class LadderModel(ClimbModel):
    """A ladder, and how it is climbed in other profiles."""

    title: str
    in_profile: dict[str, ClimbModel] = {}


class LaddersFile(File):
    """rules/ladders.yaml: who is told what before, at and after a due time."""

    ladders: dict[str, LadderModel]


class SourceModel(Model):
    """A sender of lists."""

    title: str = ""
    subject: str
    known_person: Literal["link", "skip", "ask"]
    required: list[str] = []
    order: list[list[str]] = []
    aliases: dict[str, list[str]] = {}
    meanings: dict[str, dict[str, str]] = {}
    split: dict[str, list[str]] = {}
    rejects: str
    silent_after: str = ""


class SourcesFile(File):
    """rules/sources.yaml: spreadsheets as they come."""

    sources: dict[str, SourceModel]


class StandingModel(Model):
    """A case that is always open: what it is about, and what is known of it."""

    subject: str
    with_: dict[str, Any] = Field(alias="with")


class StandingFile(File):
    """rules/standing.yaml: the cases of which one is always open."""

    standing: list[StandingModel]


class FigureModel(Model):
    """A column of figures."""

    title: str
    count: Literal["all", "open", "opened", "closed", "overdue"]
    of: dict[str, Names] = {}


class ShownModel(Model):
    """A column of a list."""

    title: str
    show: str


class SheetModel(Model):
    """A page of a report: figures, or a list."""

    title: Annotated[str, Field(min_length=1)]
    of: dict[str, Names] = {}
    rows: str = ""
    total: str = ""
    columns: list[FigureModel] = []
    cases: Literal["all", "open", "opened", "closed", "overdue"] = "open"
    listed: Annotated[list[ShownModel], Field(alias="list")] = []


class ReportModel(Cited):
    """What is told upwards, to whom, over which period."""

    title: str
    to: str
    period: Duration
    sheets: Annotated[list[SheetModel], Field(min_length=1)]


class ReportsFile(File):
    """rules/reports.yaml: figures told upwards."""

    reports: dict[str, ReportModel]


if set(COUNTS) != {"all", "open", "opened", "closed", "overdue"}:
    raise AssertionError("what is counted differs between the core and the models")


class ColumnModel(Model):
    """A column of a reference list."""

    title: str
    type: Literal["text", "enum", "time", "date"]
    values: list[str] = []
    aliases: list[str] = []
    required: bool = False


class RankModel(Model):
    """The column whose values are ranked, best first."""

    column: str
    order: list[str]


class FirstWithin(Model):
    """Listed for the first time within so many days after the day of the stay."""

    first_within: Duration


class StepModel(Model):
    """One step of matching a stay to the list."""

    how: str
    same: Annotated[list[str], Field(min_length=1)]
    listed: Literal["on_day"] | FirstWithin
    where: dict[str, Names] = {}
    level: str


class OtherwiseModel(Model):
    """What a stay is given that no step matched."""

    how: str
    level: str


class ReferenceFile(File):
    """rules/reference/*.yaml: a dated list and the ordered steps that match a stay to it."""

    reference: str
    title: str
    columns: dict[str, ColumnModel]
    valid: Annotated[list[str], Field(min_length=2, max_length=2)]
    natural_key: list[str]
    rank: RankModel
    stay: dict[str, str]
    match: Annotated[list[StepModel], Field(min_length=1)]
    otherwise: OtherwiseModel
    gives: dict[str, Literal["level", "how", "current"]]


When = dict[str, Any] | list[dict[str, Any]]


class RowModel(Cited):
    """A rule: when these facts hold, then this."""

    id: str
    priority: int = 0
    when: When = {}
    then: dict[str, Any]
    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    note: str = ""


class TableModel(Model):
    """A decision table."""

    title: str
    hit_policy: Literal["unique", "priority", "collect"]
    gaps: Literal["refuse", "default_owner"] = "refuse"
    inputs: Annotated[list[str], Field(min_length=1)]
    rules: list[RowModel]


class TablesFile(File):
    """rules/*.yaml: decision tables."""

    tables: dict[str, TableModel]


class PaperRowsModel(Model):
    """The table of a paper: what each line is, and its columns."""

    each: Literal["case", "overdue"]
    columns: Annotated[dict[str, str], Field(min_length=1)]


class PaperFile(File, Cited):
    """rules/papers/*.yaml: a document as printed paper."""

    paper: str
    title: str
    number: str
    of: Annotated[Names, Field(min_length=1)]
    by: Names
    states: Names = []
    when: dict[str, Any] = {}
    to: str = ""
    fields: dict[str, str] = {}
    body: list[str] = []
    rows: PaperRowsModel | None = None
    after: list[str] = []
    sign: list[str] = []
    seal: str
