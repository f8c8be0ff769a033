"""The demonstration of a pack, told by files beside its rules: working days, and scenes of commands."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from engine.cli.common import console
from engine.demo.days import Days
from engine.demo.memory import Memory
from engine.demo.models import StoryFile, WorkFile, folder, read
from engine.demo.stage import Stage, lent, width
from engine.demo.story import Story
from engine.packs.pack import compile_pack, read_folder, shipped
from engine.service import Office
from engine.vault import default_key_path


def run(keep: Path | None = None, papers: Path | None = None) -> None:
    """Play the story; it ends by itself. `keep`: where its database stays; `papers`: where its documents go."""
    started = time.monotonic()
    work, told = read(folder() / "work.yaml", WorkFile), read(folder() / "story.yaml", StoryFile)
    files = read_folder(shipped())
    start = work.start.replace(tzinfo=compile_pack(files).zone)
    if papers is not None:
        papers = papers.absolute()
        papers.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bihuan-demo-") as scratch:
        keys = default_key_path().absolute() if keep else Path(scratch) / "keys" / "demo.key"
        base = (keep or Path(scratch) / "data").absolute()
        office = Office.create(base / "demo.db", keys, files, start)
        for path in folder().iterdir():
            if path.suffix != ".yaml":
                shutil.copyfile(path, base / path.name)
        settings = {"BIHUAN_DB": str(base / "demo.db"), "BIHUAN_KEYS": str(keys), "COLUMNS": width()}
        try:
            with contextlib.chdir(base), lent(**settings):
                memory = Memory(office, f"{papers}/" if papers else "")
                Story(Stage(office), Days(memory, work), memory).play(told)
        finally:
            office.close()
    written = f"{len(list(papers.iterdir()))} 份文书和报表在 {papers}。" if papers else ""
    kept = f"演示库在 {base / 'demo.db'}，密钥 {keys}。" if keep else ""
    spent = f"用时 {time.monotonic() - started:.1f} 秒"
    tail = f"演示结束，{spent}。{kept}{written}下一步：docs/tutorial.md 用十分钟办第一件案件"
    console().print(f"\n{tail}", soft_wrap=True)
