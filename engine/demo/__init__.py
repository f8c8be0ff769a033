"""The demonstration: real risk areas, a made-up list, and twenty-one rehearsal days told scene by scene."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from engine.cli.common import console
from engine.core.values import parse_time
from engine.demo.days import Days
from engine.demo.script import AREAS, LATER, LIST, Story
from engine.demo.stage import Stage, lent, width
from engine.packs.pack import read_folder, shipped
from engine.service import Office
from engine.vault import default_key_path

START = "2022-05-26T08:00+08:00"
HERE = Path(__file__).resolve().parent


def run(folder: Path | None = None, papers: Path | None = None) -> None:
    """Play the story; it ends by itself. `papers`: its documents and its report are written there."""
    started = time.monotonic()
    if papers is not None:
        papers = papers.absolute()
        papers.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bihuan-demo-") as scratch:
        keys = default_key_path().absolute() if folder else Path(scratch) / "keys" / "demo.key"
        base = (folder or Path(scratch) / "data").absolute()
        office = Office.create(base / "demo.db", keys, read_folder(shipped()), parse_time(START))
        for name in (LIST, AREAS, LATER):
            shutil.copyfile(HERE / name, base / name)
        settings = {"BIHUAN_DB": str(base / "demo.db"), "BIHUAN_KEYS": str(keys), "COLUMNS": width()}
        try:
            with contextlib.chdir(base), lent(**settings):
                stage = Stage(office, papers)
                Story(stage, Days(stage)).play()
        finally:
            office.close()
    written = f"{len(list(papers.iterdir()))} 份文书和报表在 {papers}。" if papers else ""
    kept = f"演示库在 {base / 'demo.db'}，密钥 {keys}。" if folder else ""
    spent = f"用时 {time.monotonic() - started:.1f} 秒"
    told = f"演示结束，{spent}。{kept}{written}下一步：docs/tutorial.md 用十分钟办第一件案件"
    console().print(f"\n{told}", soft_wrap=True)
