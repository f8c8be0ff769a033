from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from engine.cli import main
from engine.core.rulebook import Rulebook
from engine.core.workflows import PREVIOUS, SAME
from engine.reading.graph import WIDTH, Standing, mermaid, standings, svg
from engine.service import Office
from tests.samples import opened

SVG = "{http://www.w3.org/2000/svg}"
Rect = tuple[float, float, float, float]


def boxes(picture: str) -> list[Rect]:
    """The rectangles of the states: x, y, width, height."""
    drawn = ET.fromstring(picture).iter(f"{SVG}rect")
    return [
        (float(r.attrib["x"]), float(r.attrib["y"]), float(r.attrib["width"]), float(r.attrib["height"]))
        for r in drawn
        if "x" in r.attrib
    ]


def texts(picture: str) -> list[str]:
    return [of.text or "" for of in ET.fromstring(picture).iter(f"{SVG}text")]


def apart(one: Rect, other: Rect) -> bool:
    return (
        one[0] + one[2] <= other[0]
        or other[0] + other[2] <= one[0]
        or one[1] + one[3] <= other[1]
        or other[1] + other[3] <= one[1]
    )


def test_every_state_has_a_box_of_its_own_and_every_verb_a_line_in_it(book: Rulebook) -> None:
    for flow in book.workflows.values():
        picture = svg(book, flow)
        drawn = boxes(picture)
        assert len(drawn) == len(flow.states)
        assert all(apart(one, other) for one, other in combinations(drawn, 2))
        told = "\n".join(texts(picture))
        for state in flow.states.values():
            assert state.title in told
        for transition in flow.transitions.values():
            assert sum(transition.title in line for line in told.split("\n")) >= len(transition.sources)
        assert picture.count('class="a') == sum(
            len(t.sources) for t in flow.transitions.values() if t.to not in (SAME, PREVIOUS)
        )


def test_what_leads_on_lies_to_the_right_and_ends_stand_last(book: Rulebook) -> None:
    flow = book.workflows["close_contact"]
    places = dict(zip(flow.states, boxes(svg(book, flow)), strict=True))
    assert places["found"][0] < places["awaiting_transfer"][0] < places["quarantined"][0] < places["released"][0]
    assert {places[name][0] for name, state in flow.states.items() if state.final} == {places["released"][0]}
    assert all(place[2] == WIDTH for place in places.values())


def test_on_a_database_it_tells_how_many_stand_there_and_how_many_are_overdue(office: Office) -> None:
    for n in range(3):
        opened(office, id_number="", name=f"甲{n}", phone=f"1390000000{n}")
    assert standings(office) == {"close_contact": {"found": Standing(3, 0)}}
    office.set_clock(int(office.now().timestamp() + 3 * 3600) * 1_000_000)
    found = standings(office)["close_contact"]
    assert found == {"found": Standing(3, 3)}
    book = office.book()
    assert "在办 3 件，超期 3" in texts(svg(book, book.workflows["close_contact"], found))


def test_mermaid_has_every_transition_from_every_source(book: Rulebook) -> None:
    flow = book.workflows["arrival"]
    lines = mermaid(flow).splitlines()
    assert lines[0] == "stateDiagram-v2"
    for transition in flow.transitions.values():
        for source in transition.sources:
            to = source if transition.to in (SAME, PREVIOUS) else transition.to
            assert any(line.strip().startswith(f"{source} --> {to} : {transition.title}") for line in lines)


def test_titles_are_text_and_never_markup(book: Rulebook) -> None:
    flow = book.workflows["registration"]
    state = flow.states["recorded"]
    bent = replace(flow, states={**flow.states, "recorded": replace(state, title="<script>&")})
    assert "<script>&" in texts(svg(book, bent))


@pytest.mark.parametrize("asked", ["arrival", "来（返）人员管控"])
def test_pictures_are_written_by_command(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bihuan", "rules", "graph", asked, "--out", str(tmp_path / "g")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert "1 张流程图" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "g").iterdir()) == ["arrival.mmd", "arrival.svg"]
    monkeypatch.setattr("sys.argv", ["bihuan", "rules", "graph", "arival"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "是不是 arrival" in capsys.readouterr().err
