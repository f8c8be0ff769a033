"""A pack's demonstration is read as strictly as its rules, and a name that stands for nothing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.demo.days import Days
from engine.demo.memory import Memory
from engine.demo.models import StoryFile, WorkFile, folder, read
from engine.demo.stage import Stage
from engine.demo.story import Story
from engine.ids import new_id
from engine.packs.pack import digest_of, read_folder
from engine.service import Office


@pytest.fixture
def story(office: Office) -> Story:
    memory = Memory(office, "")
    return Story(Stage(office), Days(memory, read(folder() / "work.yaml", WorkFile)), memory)


def told(tmp_path: Path, lines: str) -> StoryFile:
    path = tmp_path / "story.yaml"
    path.write_text(f"schema: 1\nopening: x\nscenes:\n  - {{title: a, why: b, lines: [{lines}]}}\n", "utf-8")
    return read(path, StoryFile)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("{bihuan: loop, shown: 1}", "RULE-020"),
        ("{until: tomorrow}", "RULE-036"),
        ("{bihuan: 'case show \"X'}", "RULE-029"),
        ("{count: [colour]}", "RULE-022"),
    ],
)
def test_a_line_that_is_none_is_refused(tmp_path: Path, lines: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        told(tmp_path, lines)
    assert code in {problem.code for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("'{her}'", "剧本里没有记下 her"),
        ("'{her'", "花括号没有写对"),
        ("{hold: [her]}", "剧本里没有记下 her"),
        ("{find: {her: arrival.quarantined}}", "没有案件在 arrival.quarantined"),
        ("{bihuan: sweep, name: her, show: 0}", "的回答里没有新的编号"),
        ("{bihuan: 'case show 00000000000 --as shuju', show: 0}", "没有案件"),
    ],
)
def test_a_line_that_cannot_be_played_ends_the_story(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    monkeypatch.setenv("BIHUAN_DB", str(story.stage.office.store.path))
    monkeypatch.setenv("BIHUAN_KEYS", str(tmp_path / "keys" / "master.key"))
    with pytest.raises(BadInput, match=words):
        story.play(told(tmp_path, line))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("arrival.found", "arrival.fond"),
        ("do: inform", "do: inflorm"),
        ("accept: true, by: zhuanyun,", "accept: true,"),
    ],
)
def test_work_that_nobody_could_do_is_refused(office: Office, tmp_path: Path, right: str, wrong: str) -> None:
    text = (folder() / "work.yaml").read_text("utf-8")
    assert right in text
    (tmp_path / "work.yaml").write_text(text.replace(right, wrong), "utf-8")
    with pytest.raises(BadInput):
        Days(Memory(office, ""), read(tmp_path / "work.yaml", WorkFile))


def test_a_number_is_new_to_the_story_once(office: Office) -> None:
    memory, first, second = Memory(office, ""), new_id(), new_id()
    memory["her"] = first
    assert memory.hear(f"案件 {first}：已另立案件：{second[:4]}\n{second[4:]}，ABCDEFGHJK0") == [second]
    assert memory.hear(f"案件 {second}") == []
    assert memory.said("{her} {nth:03}", nth=7) == f"{first} 007"


def test_the_demonstration_is_no_part_of_a_release(tmp_path: Path, pack_files: dict[str, bytes]) -> None:
    for name, raw in {**pack_files, "docs/demo/story.yaml": b"schema: 2"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    assert digest_of(read_folder(tmp_path)) == digest_of(pack_files)
