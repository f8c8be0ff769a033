"""A new pack is whole from its first minute, and is written over nobody's work."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main
from engine.core.errors import BadInput
from engine.packs.pack import compile_pack, read_folder
from engine.packs.scaffold import scaffold
from engine.packs.schema import schemas


def test_a_new_pack_has_no_mistakes_and_says_in_chinese_what_each_file_is_for(tmp_path: Path) -> None:
    written = scaffold(tmp_path / "my" / "pack")
    files = read_folder(tmp_path / "my" / "pack")
    assert [name for name in written if name.endswith(".yaml")] == list(files)
    assert {name: (tmp_path / "my" / "pack" / name).read_bytes() for name in schemas()} == schemas()
    book = compile_pack(files)
    assert len(book.workflows) == len(book.tables) == len(book.stories) == 1
    assert {row.id for row in book.tables["items"].rows} == {
        rule for e in book.examples for rule in book.tables[e.table].decide(e.facts, e.as_of).rules
    }
    for name, raw in files.items():
        comments = [line for line in raw.decode().splitlines() if "# " in line]
        assert any("\u4e00" <= letter <= "\u9fff" for line in comments for letter in line), name


def test_the_first_check_of_a_new_pack_has_nothing_to_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scaffold(tmp_path / "pack")
    monkeypatch.setattr("sys.argv", ["bihuan", "check", str(tmp_path / "pack")])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    told = capsys.readouterr().out
    assert "没有错误" in told
    assert "注意" not in told


def test_what_lies_in_a_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="已经有内容"):
        scaffold(tmp_path)
    with pytest.raises(BadInput, match="ARG-006"):
        scaffold(tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_as_good_as_a_new_one(tmp_path: Path) -> None:
    assert scaffold(tmp_path)
