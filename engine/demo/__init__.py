"""The demonstration: real risk areas, a made-up list, and twenty-one rehearsal days told scene by scene."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from engine.cli.common import console
from engine.core.values import parse_time
from engine.packs.pack import read_folder, shipped
from engine.service import Office

START = "2022-05-26T08:00+08:00"
HERE = Path(__file__).resolve().parent


def run(folder: Path | None = None) -> None:
    """Play the story; it ends by itself."""
    from engine.demo.days import Days
    from engine.demo.script import AREAS, LATER, LIST, Story
    from engine.demo.stage import Stage, lent, width

    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bihuan-demo-") as scratch:
        keys = Path(os.environ.get("BIHUAN_KEYS") or Path(scratch) / "keys" / "demo.key").absolute()
        base = (folder or Path(scratch) / "data").absolute()
        office = Office.create(base / "demo.db", keys, read_folder(shipped()), parse_time(START))
        for name in (LIST, AREAS, LATER):
            shutil.copyfile(HERE / name, base / name)
        settings = {"BIHUAN_DB": str(base / "demo.db"), "BIHUAN_KEYS": str(keys), "COLUMNS": width()}
        try:
            with contextlib.chdir(base), lent(**settings):
                stage = Stage(office)
                Story(stage, Days(stage)).play()
        finally:
            office.close()
    console().print(
        f"\n演示结束，用时 {time.monotonic() - started:.1f} 秒。下一步：docs/tutorial.md 用十分钟办第一件案件"
    )
