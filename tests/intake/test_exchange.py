"""Lists go to and fro on record, and a source that has gone silent is told once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.errors import BadInput, Refused
from engine.intake.back import export
from engine.intake.exchange import channels, exchanges
from engine.intake.take import take
from engine.proof.audit import verify
from engine.reading.queries import alert_list
from engine.service import Office

Later = Callable[..., int]


def received(office: Office, folder: Path, name: str = "甲示例") -> str:
    path = folder / f"{name}.csv"
    path.write_text(f"姓名,身份证号,手机号,community\n{name},,13900002345,华业社区\n", "utf-8")
    return take(office, path, "派出所", office.actor("shuju")).file


def messages(office: Office) -> list[str]:
    with office.store.reading() as driver:
        rows = driver.execute("SELECT text FROM outbox WHERE text LIKE '来源%' ORDER BY id").fetchall()
    return [text for (text,) in rows]


def test_what_came_in_and_what_went_back_is_listed_the_latest_first(
    office: Office, later: Later, tmp_path: Path
) -> None:
    file = received(office, tmp_path)
    later(hours=1)
    export(office, file, tmp_path / "回.xlsx", office.actor("shuju"))
    told = exchanges(office, office.actor("shuju"), "派出所")
    assert [(each.way, each.file, each.rows, each.who) for each in told] == [
        ("交还", file, 1, "shuju"),
        ("收到", file, 1, "shuju"),
    ]
    assert exchanges(office, office.actor("shuju"), "酒店") == []
    assert len(exchanges(office, office.actor("shuju"), most=1)) == 1
    with pytest.raises(BadInput, match="没有来源 派出索"):
        exchanges(office, office.actor("shuju"), "派出索")
    with pytest.raises(Refused, match="没有权限 intake"):
        exchanges(office, office.actor("huaye"))


def test_a_source_that_sends_nothing_is_silent_and_told_once_for_each_silence(
    office: Office, later: Later, tmp_path: Path
) -> None:
    received(office, tmp_path)
    later(hours=20)
    assert [channel.source for channel in channels(office) if channel.silent] == []
    later(days=1)  # to 04:00 of the second day after
    assert messages(office) == [f"来源 {name} 自 建库以来 没有送来名单，请联系" for name in ("区数据组", "酒店")]
    listed = [row["title"] for row in alert_list(office, office.actor("shuju"))]
    assert listed[-2:] == [f"{name}没有来名单，已断 1 天 20 小时" for name in ("区数据组", "酒店")]
    assert not any("没有来名单" in row["title"] for row in alert_list(office, office.actor("huaye")))
    later(days=2)
    assert messages(office)[2:] == ["来源 派出所 自 05-26 08:00 没有送来名单，请联系"]
    received(office, tmp_path, "乙示例")
    later(days=4)
    assert messages(office)[3:] == ["来源 派出所 自 05-30 04:00 没有送来名单，请联系"]
    assert not verify(office).problems
