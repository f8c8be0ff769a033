"""A pack to begin with: whole, small and commented, written into a folder of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.core.errors import BadInput, Problem
from engine.packs.pack import read_folder
from engine.packs.schema import schemas

SKELETON = Path(__file__).resolve().parent / "skeleton"


def scaffold(folder: Path) -> list[str]:
    """Write the files of a new pack and name them."""
    return write_folder(folder, read_folder(SKELETON))


def write_folder(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Write a pack with its schemas for editors, and name the files; a folder with anything in it is left alone."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(Problem("ARG-006", f"{folder} 已经有内容", "写一个新的文件夹，或先清空"))
    files = {**files, **schemas()}
    try:
        for name, raw in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
    except OSError as error:
        raise BadInput(Problem("ARG-006", f"写不进 {folder}：{error.strerror}", "换一个可以写的文件夹")) from None
    return list(files)
