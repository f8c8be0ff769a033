"""What each YAML file of a pack may say: strict models, one per file, an unknown key being an error."""

from __future__ import annotations

from engine.packs.models.base import Cited, Day, Duration, File, Model, Names, When
from engine.packs.models.bounds import BoundsFile, WorkflowBoundsModel
from engine.packs.models.clauses import ClausesFile, DocumentModel, WordingFile
from engine.packs.models.facts import FieldModel, FieldsFile, SubjectModel
from engine.packs.models.flows import AllowanceModel, MoveModel, StateModel, TransitionModel, WorkflowFile
from engine.packs.models.lists import ReferenceFile, SourceModel, SourcesFile
from engine.packs.models.migrations import MigrationFile, MigrationModel
from engine.packs.models.office import HandOverRulesModel, OrganisationFile, PackFile
from engine.packs.models.papers import PaperFile
from engine.packs.models.reports import ReportsFile, SheetModel
from engine.packs.models.stories import ExamplesFile, ExpectModel, StoryModel, StoryStepModel
from engine.packs.models.tables import RowModel, StandingFile, TableModel, TablesFile
from engine.packs.models.times import (
    ClimbModel,
    DatedModel,
    LaddersFile,
    ParametersFile,
    TermModel,
    TermsFile,
)

KINDS: tuple[tuple[str, type[File]], ...] = (
    ("rules/pack.yaml", PackFile),
    ("rules/organisation.yaml", OrganisationFile),
    ("rules/fields.yaml", FieldsFile),
    ("rules/parameters.yaml", ParametersFile),
    ("rules/terms.yaml", TermsFile),
    ("rules/ladders.yaml", LaddersFile),
    ("rules/sources.yaml", SourcesFile),
    ("rules/standing.yaml", StandingFile),
    ("rules/reports.yaml", ReportsFile),
    ("rules/migration.yaml", MigrationFile),
    ("rules/clauses.yaml", ClausesFile),
    ("rules/wording.yaml", WordingFile),
    ("rules/reference/*.yaml", ReferenceFile),
    ("rules/examples/*.yaml", ExamplesFile),
    ("rules/papers/*.yaml", PaperFile),
    ("rules/*.yaml", TablesFile),
    ("workflows/*.yaml", WorkflowFile),
)
"""Which file says what, the first pattern that fits."""

__all__ = [
    "KINDS",
    "AllowanceModel",
    "BoundsFile",
    "Cited",
    "ClausesFile",
    "ClimbModel",
    "DatedModel",
    "Day",
    "DocumentModel",
    "Duration",
    "ExamplesFile",
    "ExpectModel",
    "FieldModel",
    "FieldsFile",
    "File",
    "HandOverRulesModel",
    "LaddersFile",
    "MigrationFile",
    "MigrationModel",
    "Model",
    "MoveModel",
    "Names",
    "OrganisationFile",
    "PackFile",
    "PaperFile",
    "ParametersFile",
    "ReferenceFile",
    "ReportsFile",
    "RowModel",
    "SheetModel",
    "SourceModel",
    "SourcesFile",
    "StandingFile",
    "StateModel",
    "StoryModel",
    "StoryStepModel",
    "SubjectModel",
    "TableModel",
    "TablesFile",
    "TermModel",
    "TermsFile",
    "TransitionModel",
    "When",
    "WordingFile",
    "WorkflowBoundsModel",
    "WorkflowFile",
]
