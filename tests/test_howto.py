"""The how-to pages work as they are written: every command is run, in order, and says what the page says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.cli import main

PAGES = Path(__file__).resolve().parents[1] / "docs" / "how-to"
PAGE, DOMAIN, MANAGERS = PAGES / "transfer-team.md", PAGES / "new-domain.md", PAGES / "managers.md"
VENUES, STREET = PAGES / "venues.md", PAGES / "street.md"
BLOCK = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = {"$T": r"车次 (\w{11})", "$M": r"核对事项 (\w{11})"}
"""What a name on the page stands for in what its command prints; any other: a case."""
EXITS = {"被拒绝": 1, "有错误": 2}
"""What a note beside a command says of how it ends."""


class Block(NamedTuple):
    kind: str
    """`commands`, `told`, or the name of a file."""
    lines: list[str]
    edits: bool = False
    """Whether the lines are what to replace in the file (`- `) and by what (`+ `)."""


def blocks(text: str) -> Iterator[Block]:
    for info, body in BLOCK.findall(text):
        lines = body.splitlines()
        if info:
            language, name = info.split(" ", 1)
            yield Block(name, lines, edits=language == "diff")
        else:
            yield Block("commands" if lines[0].startswith("bihuan ") else "told", lines)


def edit(path: Path, lines: list[str]) -> None:
    """Do by hand what the page tells to: wherever the old words stand, the new ones stand afterwards."""
    old, new = ("\n".join(line[2:] for line in lines if line.startswith(sign)) for sign in "-+")
    text = path.read_text("utf-8")
    assert old in text, (path, old)
    path.write_text(text.replace(old, new), "utf-8")


def numbered(name: str, note: str) -> str:
    """Where the number that a name stands for is told: of a case opened besides, of a row of a list, or as usual."""
    if "新案记作" in note:
        return r"已另立案件：(\w{11})"
    if row := re.match(r"(.+) 那一行记作", note):
        return rf"(\w{{11}}) │ {row[1]}"
    return NUMBER.get(name, r"案件 (\w{11})")


Say = Callable[[str], None]


@pytest.fixture
def read_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    monkeypatch.setenv("BIHUAN_DB", str(tmp_path / "db" / "office.db"))
    monkeypatch.setenv("BIHUAN_KEYS", str(tmp_path / "keys" / "k"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("BIHUAN_AS", raising=False)
    monkeypatch.chdir(tmp_path)
    known: dict[str, str] = {}

    def meant(line: str) -> str:
        return re.sub(r"\$[A-Z]\b", lambda found: known[found[0]], line)

    def run(line: str) -> str:
        command, _, note = line.partition("   # ")
        monkeypatch.setattr("sys.argv", shlex.split(meant(command)))
        ended = 0
        try:
            main()
        except SystemExit as end:
            ended = int(end.code or 0)
        told = "".join(capsys.readouterr())
        assert ended == EXITS.get(note, 0), (line, told)
        if name := re.search(r"记作 (\$[A-Z])", note):
            found = re.search(numbered(name[1], note), told)
            assert found, (line, told)
            known[name[1]] = found[1]
        return told

    def say(text: str) -> None:
        told = ""
        for block in blocks(text):
            if block.kind == "commands":
                told = "".join(map(run, block.lines))
            elif block.kind == "told":
                for line in block.lines:
                    expected = [re.escape(part.strip()) for part in meant(line).split("…")]
                    assert re.search(".*?".join(expected), told), (line, told)
            elif block.edits:
                edit(Path(block.kind), block.lines)
            else:
                Path(block.kind).write_text("\n".join(map(meant, block.lines)) + "\n", "utf-8")

    return say


def test_a_day_of_the_transfer_team_goes_as_its_page_says(read_aloud: Say) -> None:
    read_aloud(PAGE.read_text("utf-8"))


def test_a_page_that_promises_what_is_not_told_is_found(read_aloud: Say) -> None:
    with pytest.raises(AssertionError, match="9 人"):
        read_aloud(PAGE.read_text("utf-8").replace("3 人，待签收", "9 人，待签收"))


def test_a_command_that_is_refused_though_the_page_does_not_say_so_is_found(read_aloud: Say) -> None:
    with pytest.raises(AssertionError, match="release"):
        read_aloud(PAGE.read_text("utf-8").replace("release --as geli   # 被拒绝", "release --as geli"))


def test_a_day_of_the_venues_goes_as_its_page_says(read_aloud: Say) -> None:
    read_aloud(VENUES.read_text("utf-8"))


def test_a_day_of_the_street_goes_as_its_page_says(read_aloud: Say) -> None:
    read_aloud(STREET.read_text("utf-8"))


def test_a_verifier_who_may_after_all_is_found(read_aloud: Say) -> None:
    with pytest.raises(AssertionError, match="verify"):
        read_aloud(VENUES.read_text("utf-8").replace("佐证编号=照-3 --as jigong", "佐证编号=照-3 --as jigong2"))


def test_a_manager_changes_the_rules_as_the_page_says(read_aloud: Say) -> None:
    read_aloud(MANAGERS.read_text("utf-8"))


def test_an_edit_of_words_that_do_not_stand_in_the_rules_is_found(read_aloud: Say) -> None:
    with pytest.raises(AssertionError, match=r"及时\.核对完"):
        read_aloud(MANAGERS.read_text("utf-8").replace("- 及时.核查: {within: 2h,", "- 及时.核对完: {within: 2h,"))


def test_another_closed_loop_is_made_as_its_page_says_in_under_150_lines_of_yaml(read_aloud: Say) -> None:
    read_aloud(DOMAIN.read_text("utf-8"))
    written = list(Path("hazards").rglob("*.yaml"))
    assert len(written) == 9
    text = DOMAIN.read_text("utf-8")
    assert text.count("```yaml hazards/") == 8
    assert "eight files" in text
    assert "八个文件" in text
    assert sum(len(path.read_text("utf-8").splitlines()) for path in written) < 150


def test_a_loop_whose_grade_sets_no_other_deadline_is_found(read_aloud: Say) -> None:
    with pytest.raises(AssertionError, match="定了却没有时限或计划照它办"):
        read_aloud(DOMAIN.read_text("utf-8").replace("within: 限期.重大", "within: 限期.一般"))
