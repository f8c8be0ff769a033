"""What is not documented is a red test: YAML keys, error codes, commands; and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.cli import app
from engine.demo.models import StoryFile, WorkFile
from engine.packs.models import File, Model

ROOT = Path(__file__).resolve().parents[1]
DOCS = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md"))]


def words(name: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]+(?:-\d+)?", (ROOT / name).read_text("utf-8")))


def keys() -> set[str]:
    found, waiting = set(), list(Model.__subclasses__())
    assert {StoryFile, WorkFile} <= set(File.__subclasses__())
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        found |= {field.alias or name for name, field in model.model_fields.items()}
    assert len(found) > 100
    return found


def test_every_key_of_the_yaml_is_documented() -> None:
    assert keys() - words("docs/yaml.md") == set()


def test_every_error_code_is_documented_and_every_documented_one_exists() -> None:
    code = re.compile(r"\b[A-Z]{3,6}-\d{3}\b")
    used = {found for path in (ROOT / "engine").rglob("*.py") for found in code.findall(path.read_text("utf-8"))}
    told = set(code.findall((ROOT / "docs/errors.md").read_text("utf-8")))
    assert used == told


def commands(of: Any, path: str = "") -> list[str]:
    found = [f"{path}{command.name}" for command in of.registered_commands]
    for group in of.registered_groups:
        found += commands(group.typer_instance, f"{group.name} ")
    return found


def test_every_command_is_in_both_readmes() -> None:
    listed = commands(app)
    assert len(listed) > 15
    for readme in ("README.md", "README.zh-CN.md"):
        text = (ROOT / readme).read_text("utf-8").replace("\\|", "|")
        for command in listed:
            group, _, verb = command.partition(" ")
            spoken = verb in ("", "take") or re.search(rf"{group}[^`]*\b{verb}\b", text)
            told = f"bihuan {group}" in text and spoken
            assert told, (readme, command)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_every_word_of_the_glossary_is_one_row() -> None:
    rows = [line for line in (ROOT / "docs/glossary.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    names = [row.split("|")[1].strip() for row in rows]
    assert len(names) == len(set(names)) > 20


def test_the_rule_in_the_readme_is_the_one_that_ships() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    shipped = (ROOT / "rules/persons.yaml").read_text("utf-8")
    rule = text.split("# rules/persons.yaml\n")[1].split("```")[0]
    assert " ".join(rule.split()) in " ".join(shipped.split())


def test_exit_codes_are_what_the_page_of_errors_says() -> None:
    text = (ROOT / "docs/errors.md").read_text("utf-8")
    listed = text.split("exit 2")[0]
    ones = set(re.findall(r"[A-Z]+-\d{3}", listed)) | {f"CASE-{number:03}" for number in range(12, 19)}
    ones |= set(re.findall(r"\b(?:AUTH|VAULT)-\d{3}", text))
    raised = re.compile(r"(Refused|Conflict|Damaged|BadInput)\(\s*\[?\s*Problem\(\s*\"([A-Z]+-\d{3})")
    for path in (ROOT / "engine").rglob("*.py"):
        for kind, code in raised.findall(path.read_text("utf-8")):
            assert (kind != "BadInput") is (code in ones), (path.name, kind, code)
