"""Data of a paper → its PDF, set by one layout with Chinese fonts that go into the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from engine.core.errors import Problem, Refused

LAYOUT = Path(__file__).resolve().parent / "layout.typ"


class Press:
    """Prints papers one after another; the fonts are read once."""

    def __init__(self) -> None:
        try:
            import pylopdf_fonts_zh_cn as fonts  # noqa: PLC0415 - an extra: only who prints needs it
            import segno  # noqa: PLC0415 - the same
            import typst  # noqa: PLC0415 - the same
        except ImportError as error:
            lacking = Problem("PAPER-001", f"没有装打印文书的部件（{error.name}）", "pip install 'bihuan[paper]'")
            raise Refused(lacking) from None
        self._code = segno.make_qr
        self._typst = typst.Compiler(
            str(LAYOUT),
            root=str(LAYOUT.parent),
            font_paths=[str(Path(fonts.serif_path()).parent)],
            ignore_system_fonts=True,
        )

    def print(self, data: Mapping[str, Any], at: datetime, form: Literal["pdf", "png"] = "pdf") -> list[bytes]:
        """The paper as a PDF, or its pages as pictures (`png`); the same data give the same bytes."""
        told = dict(data) | {"qr": self._picture(data["code"])}
        inputs = {"data": json.dumps(told, ensure_ascii=False)}
        made = self._typst.compile(format=form, ppi=100, sys_inputs=inputs, timestamp=int(at.timestamp()))
        return [each for each in (made if isinstance(made, list) else [made]) if each is not None]

    def _picture(self, text: str) -> str:
        drawn = BytesIO()
        self._code(text, error="m").save(drawn, kind="svg", border=0, xmldecl=False, svgns=True, omitsize=True)
        return drawn.getvalue().decode()
