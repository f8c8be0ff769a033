"""What a manager writes into the files of a pack, as the tests apply it: text found once, and what is put there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

EDITIONS = Path(__file__).parent / "data" / "ninth_edition"


def edited(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """The files with the edits of a list made."""
    made = dict(files)
    for edit in yaml.safe_load((EDITIONS / name).read_text("utf-8")):
        text = made[edit["file"]].decode()
        assert text.count(edit["find"]) == 1, (name, edit["find"])
        made[edit["file"]] = text.replace(edit["find"], edit["put"]).encode()
    return made


def eighth(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The shipped pack with the plan of 2022-05-26 as the eighth edition has it: fourteen days and seven at home.

    Its stories tell of fourteen days alone and are left out.
    """
    base = edited(files, "plan_2022-05-26.yaml")
    return {name: raw for name, raw in base.items() if name != "rules/examples/stories.yaml"}


def ninth(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same after the change of 2022-06-28, with what becomes of the cases that are open."""
    changed = edited(eighth(files), "change_2022-06-28.yaml")
    return {**changed, "rules/migration.yaml": (EDITIONS / "migration.yaml").read_bytes()}
