"""Rules become the next release."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.errors import Problem, Refused
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.packs.pack import compile_pack
from engine.service import Office


def publish(office: Office, files: Mapping[str, bytes], actor: Actor) -> Rulebook:
    """Store a checked pack as the next release; cases already open keep theirs."""
    office.require(actor, "publish")
    latest = office.book()
    book = compile_pack(files)
    if book.digest == latest.digest:
        raise Refused(Problem("RULE-037", f"与第 {latest.release} 版内容相同", f"摘要 {book.digest[:12]}"))
    return office.releases.add(files, book, actor.user, office.account, office.now())
