"""JSON Schema of every kind of pack file, made of the models, so that editors complete and explain in Chinese."""

from __future__ import annotations

import ast
import inspect
import json
from fnmatch import fnmatch
from functools import cache
from itertools import pairwise
from posixpath import dirname, relpath
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from engine.packs.models import KINDS, BoundsFile, File, Model

FOLDER = "rules/schema"
"""Where the schemas of a pack stand; they say nothing of the rules and are no part of its digest."""


def schemas() -> dict[str, bytes]:
    """The schema of each kind of file, bounds too, by the name of the file it is written to."""
    kinds: list[type[File]] = [*(kind for _, kind in KINDS), BoundsFile]
    return {f"{FOLDER}/{_name(kind)}": _text(kind) for kind in kinds}


def first_line(file: str) -> str:
    """The line by which a file of a pack names its schema to editors."""
    kind = next(kind for pattern, kind in KINDS if fnmatch(file, pattern))
    return f"# yaml-language-server: $schema={relpath(f'{FOLDER}/{_name(kind)}', dirname(file))}"


def _name(kind: type[File]) -> str:
    return f"{kind.__name__.removesuffix('File').lower()}.json"


def _text(kind: type[File]) -> bytes:
    made = kind.model_json_schema()
    models = {model.__name__: model for model in _below(Model)}
    for name, part in made.pop("$defs", {}).items():
        made.setdefault("$defs", {})[name] = _explained(part, models[name])
    whole = {"$schema": GenerateJsonSchema.schema_dialect, "title": made["title"], **_explained(made, kind)}
    return json.dumps(whole, ensure_ascii=False, indent=2).encode() + b"\n"


def _explained(part: dict[str, Any], model: type[Model]) -> dict[str, Any]:
    """A model's schema with the words of its keys, and without those that are for whoever reads the code."""
    words = {model.model_fields[name].alias or name: text for name, text in _words(model).items()}
    keys = {
        key: {"description": words[key]} | {word: value for word, value in said.items() if word != "title"}
        for key, said in part["properties"].items()
    }
    return {key: value for key, value in part.items() if key not in ("title", "description")} | {"properties": keys}


@cache
def _words(model: type[Model]) -> dict[str, str]:
    """What the source says below each key: read when it is asked for, as pydantic would at every start."""
    told: dict[str, str] = {}
    for base in model.__bases__:
        told |= _words(base) if issubclass(base, Model) else {}
    lines = [line for made in ast.parse(inspect.getsource(model)).body for line in getattr(made, "body", ())]
    for key, text in pairwise(lines):
        match key, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                told[name] = words
    return told


def _below(model: type[Model]) -> list[type[Model]]:
    return [model, *(found for sub in model.__subclasses__() for found in _below(sub))]
