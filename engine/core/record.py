"""A case as JSON: the row that saves replaying its events; what it never had is left out."""

from __future__ import annotations

from msgspec import DecodeError, structs
from msgspec.json import Decoder, Encoder

from engine.core.case import Case
from engine.core.errors import Damaged, Problem

_encode, _decode = Encoder().encode, Decoder(Case).decode


def to_json(case: Case) -> bytes:
    """The case as JSON; `seq` and `id` are columns of their own."""
    return _encode(structs.replace(case, id="", seq=1))


def from_json(snapshot: bytes | str, case_id: str, seq: int) -> Case:
    """The case that `to_json` wrote down; raises `Damaged` for what it cannot have written."""
    try:
        return structs.replace(_decode(snapshot), id=case_id, seq=seq)
    except DecodeError:
        raise Damaged(Problem("STORE-004", f"案件 {case_id} 的记录已损坏", "请从备份恢复")) from None
