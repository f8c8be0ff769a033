"""Editors learn from the schemas what the loader knows: every key in Chinese, nothing else let through."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.packs.models import KINDS
from engine.packs.pack import read_folder, shipped
from engine.packs.scaffold import SKELETON
from engine.packs.schema import FOLDER, first_line, schemas
from engine.packs.yamlfile import read_yaml

ROOT = Path(__file__).resolve().parents[2]
BAD = sorted((ROOT / "tests/packs/bad").glob("*.yaml"))
FILES = {
    f"{folder.name}/{name}": (name, raw)
    for folder in (shipped(), SKELETON)
    for name, raw in read_folder(folder).items()
    if name.endswith(".yaml")
}


def schema_of(name: str) -> Any:
    """The schema that the first line of a file of this name leads to."""
    path = PurePosixPath(name).parent
    for part in first_line(name).partition("$schema=")[2].split("/"):
        path = path.parent if part == ".." else path / part
    return json.loads(schemas()[str(path)])


def properties(of: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(of, dict):
        if isinstance(of.get("properties"), dict) and of.get("type") == "object":
            yield from of["properties"].items()
        of = list(of.values())
    if isinstance(of, list):
        for part in of:
            yield from properties(part)


@pytest.mark.parametrize("name", schemas(), ids=lambda name: Path(name).stem)
def test_a_schema_is_one_and_explains_every_key_in_chinese(name: str) -> None:
    schema = json.loads(schemas()[name])
    Draft202012Validator.check_schema(schema)
    keys = list(properties(schema))
    assert len(keys) >= 2
    for key, said in keys:
        assert re.search(r"[\u4e00-\u9fff]", said.get("description", "")), key
    assert re.search(r"[\u4e00-\u9fff]", schema["title"])
    for part in (schema, *schema.get("$defs", {}).values()):
        assert part["additionalProperties"] is False


def test_each_kind_of_file_has_a_schema_of_its_own() -> None:
    assert len(schemas()) == len(KINDS) + 1  # bounds


def test_the_shipped_schemas_are_those_of_this_version() -> None:
    there = {f"{FOLDER}/{path.name}": path.read_bytes() for path in (shipped() / FOLDER).iterdir()}
    assert there == schemas(), "bihuan schema rules/schema"


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_file_names_its_schema_and_agrees_with_it(file: str) -> None:
    name, raw = FILES[file]
    assert raw.decode().splitlines()[0] == first_line(name)
    assert list(Draft202012Validator(schema_of(name)).iter_errors(read_yaml(name, raw).data)) == []


UNKNOWN = [path for path in BAD if path.read_text("utf-8").startswith("# RULE-020 不认识的键")]


def test_there_are_bad_files_with_unknown_keys() -> None:
    assert len(UNKNOWN) >= 2


@pytest.mark.parametrize("path", UNKNOWN, ids=lambda path: path.stem)
def test_a_key_that_the_loader_does_not_know_the_schema_refuses(path: Path) -> None:
    words, where = (line.removeprefix("# ") for line in path.read_text("utf-8").splitlines()[:2])
    told = Draft202012Validator(schema_of(where)).iter_errors(read_yaml(where, path.read_bytes()).data)
    (key,) = re.findall(r"不认识的键 (\w+)", words)
    assert any(f"'{key}' was unexpected" in line for line in map(str, told)), words


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("rules/ladders.yaml", "again: 4h", "again: 4"),
        ("rules/ladders.yaml", "at: -30m", "at: soon"),
        ("rules/parameters.yaml", "from: 2022-05-26", "from: '2022/05/26'"),
        ("rules/parameters.yaml", "unit: day", "unit: week"),
        ("rules/persons.yaml", "hit_policy: priority", "hit_policy: first"),
    ],
)
def test_what_the_loader_refuses_in_form_the_schema_refuses(
    pack_files: dict[str, bytes], name: str, right: str, wrong: str
) -> None:
    text = pack_files[name].decode()
    assert right in text
    data = read_yaml(name, text.replace(right, wrong, 1).encode()).data
    assert not Draft202012Validator(schema_of(name)).is_valid(data)


def test_every_option_of_a_key_is_documented() -> None:
    documented = set(re.findall(r"[\w]+", (ROOT / "docs/yaml.md").read_text("utf-8")))

    def options(of: Any) -> Iterator[str]:
        if isinstance(of, dict):
            yield from (word for word in of.get("enum", ()) if isinstance(word, str) and word)
            of = list(of.values())
        if isinstance(of, list):
            for part in of:
                yield from options(part)

    told = {word for text in schemas().values() for word in options(json.loads(text))}
    assert len(told) > 40
    assert told - documented == set()
