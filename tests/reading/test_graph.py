from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from engine.cli import main
from engine.core.case import micros
from engine.core.rulebook import Rulebook
from engine.core.values import duration_words
from engine.core.workflows import PREVIOUS, SAME
from engine.packs.pack import bundle, compile_pack
from engine.reading.drawing import WIDTH, svg
from engine.reading.graph import Standing, mermaid, picture, standings
from engine.releases import publish
from engine.service import Office
from tests.samples import opened

DAY = datetime(2022, 5, 26, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
Files = dict[str, bytes]
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
        made = picture(book, flow.name, DAY)
        drawn = boxes(svg(made))
        assert len(drawn) == len(flow.states)
        assert all(apart(one, other) for one, other in combinations(drawn, 2))
        told = "".join(texts(svg(made)))
        for state in flow.states.values():
            assert state.title in told
        for transition in flow.transitions.values():
            assert told.count(transition.title) >= len(transition.sources)
        arrows = sum(len(verb.to) for box in made.boxes.values() for verb in box.verbs)
        assert svg(made).count('class="a') == arrows
        led = sum(len(t.sources) for t in flow.transitions.values() if t.to not in (SAME, PREVIOUS))
        back = sum(len(t.sources) for t in flow.transitions.values() if t.to == PREVIOUS)
        assert arrows >= led + back, "what leads back leads somewhere"


def test_what_leads_on_lies_to_the_right_and_ends_stand_last(book: Rulebook) -> None:
    flow = book.workflows["close_contact"]
    places = dict(zip(flow.states, boxes(svg(picture(book, flow.name, DAY))), strict=True))
    assert places["found"][0] < places["awaiting_transfer"][0] < places["quarantined"][0] < places["released"][0]
    assert {places[name][0] for name, state in flow.states.items() if state.final} == {places["released"][0]}
    assert all(place[2] == WIDTH for place in places.values())


def test_what_leads_back_does_so_on_the_near_side_of_both_boxes(book: Rulebook) -> None:
    made = svg(picture(book, "venue", DAY))
    places = dict(zip(book.workflows["venue"].states, boxes(made), strict=True))
    back = [of.attrib["d"] for of in ET.fromstring(made).iter(f"{SVG}path") if of.attrib.get("class") == "a back"]
    assert len(back) == 3
    for path in back:
        start, end = (float(point.split()[0]) for point in (path[1:], path.rsplit(" ", 2)[1]))
        assert start == places["sealed"][0]
        assert end == places["active"][0] + WIDTH


def test_every_line_fits_its_box_and_nothing_is_cut(book: Rulebook) -> None:
    for flow in book.workflows.values():
        drawn = svg(picture(book, flow.name, DAY))
        assert "…" not in drawn
        told = "".join(text.replace(" ", "") for text in texts(drawn))
        for state in flow.states.values():
            for of in state.deadlines:
                length = book.within(of.within, {}, DAY)
                assert f"时限{of.title}：".replace(" ", "") in told
                assert length is None or duration_words(length) in told
        for text in texts(drawn)[1:]:
            assert sum(1 if ord(letter) > 0x2000 else 0.5 for letter in text) * 12 <= WIDTH - 20, text


def test_a_parameter_is_told_with_what_it_is_on_the_day(book: Rulebook) -> None:
    told = picture(book, "close_contact", DAY).boxes["in_transit"].deadlines
    assert told == ("时限 转运到位：立案起 发现后转运到位时限 12小时",)
    early = picture(book, "close_contact", datetime(1990, 1, 1, tzinfo=UTC)).boxes["in_transit"].deadlines
    assert early == ("时限 转运到位：立案起 发现后转运到位时限 没有值",)


def test_on_a_database_it_tells_how_many_stand_there_and_how_many_are_overdue(office: Office) -> None:
    for n in range(3):
        opened(office, id_number="", name=f"甲{n}", phone=f"1390000000{n}")
    assert standings(office) == {"close_contact": {"found": Standing(3, 0, 1)}}
    office.set_clock(int(office.now().timestamp() + 3 * 3600) * 1_000_000)
    found = standings(office)["close_contact"]
    assert found == {"found": Standing(3, 3, 1)}
    made = picture(office.book(), "close_contact", office.now(), found)
    assert "在办 3 件，超期 3" in texts(svg(made))
    lines = mermaid(made).splitlines()
    assert "  found : 在办 3 件，超期 3" in lines
    assert "  class found late" in lines
    assert "  quarantined : 在办 0 件" in lines
    assert not any(line.startswith("  released : 在办") for line in lines)


def test_what_a_case_of_an_earlier_release_stands_in_is_pictured_too(office: Office, pack_files: Files) -> None:
    case = opened(office)
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    office.advance(case, "keep_at_home", office.actor("shenpi"), {"home_reason": "示例"})
    office.advance(case, "collect", office.actor("huaye"), {"proof": "P1"})
    name = "workflows/close_contact.yaml"
    text = pack_files[name].decode()
    state = text[text.index("  awaiting_collection:") : text.index("  in_transit:")]
    verb = text[text.index("  - collect:") : text.index("  - depart:")]
    text = text.replace(state, "").replace(verb, "").replace("awaiting_collection, ", "")
    files = pack_files | {name: text.encode()}
    with office.store.writing(micros(office.now())) as writer:
        publish(writer, bundle(files), compile_pack(files, stored=True).digest, "a", "b", office.now(), 0)
    book, found = office.book(), standings(office)["close_contact"]
    assert book.release == 2
    assert "awaiting_collection" not in book.workflows["close_contact"].states
    made = picture(book, "close_contact", office.now(), found, office.releases.book)
    told = texts(svg(made))
    assert "居家转集中，待接走（旧版）" in told
    assert "在办 1 件" in told
    assert all(apart(one, other) for one, other in combinations(boxes(svg(made)), 2))
    lines = mermaid(made).splitlines()
    assert "  awaiting_collection --> quarantined : 送隔离点" in lines
    assert "  class awaiting_collection gone" in lines
    assert "awaiting_collection" not in picture(book, "close_contact", office.now(), {}).boxes, "nobody stands there"


def test_a_workflow_that_is_gone_is_pictured_while_cases_are_in_it(office: Office) -> None:
    opened(office)
    book = office.book()
    rest = replace(book, workflows={name: flow for name, flow in book.workflows.items() if name != "close_contact"})
    found = standings(office)["close_contact"]
    made = picture(rest, "close_contact", office.now(), found, office.releases.book)
    assert made.title == "密切接触者集中隔离（旧版）"
    assert "在办 1 件" in texts(svg(made))


def test_mermaid_has_every_transition_from_every_source(book: Rulebook) -> None:
    for flow in book.workflows.values():
        lines = mermaid(picture(book, flow.name, DAY)).splitlines()
        assert lines[0] == "stateDiagram-v2"
        for transition in flow.transitions.values():
            for source in transition.sources:
                to = {SAME: source, PREVIOUS: ""}.get(transition.to, transition.to)
                mark = "↩ " if transition.to == PREVIOUS else ""
                start, end = f"  {source} --> {to}", f" : {mark}{transition.title}"
                assert any(line.startswith(start) and line.endswith(end) for line in lines)


def test_mermaid_tells_owners_and_deadlines_in_words_and_what_leads_back_where_it_leads(book: Rulebook) -> None:
    lines = mermaid(picture(book, "close_contact", DAY)).splitlines()
    assert "  quarantined : 集中隔离医学观察（“隔离点”所写的单位）" in lines
    assert "  found : 时限 核查：立案起 2小时" in lines
    back = [line for line in lines if line.startswith("  rechecking --> ") and "↩" in line]
    assert back == [
        "  rechecking --> quarantined : ↩ 复核阴性，回到原处",
        "  rechecking --> monitored : ↩ 复核阴性，回到原处",
    ]
    assert not any("fact " in line for line in lines)


def test_titles_are_text_and_never_markup(book: Rulebook) -> None:
    flow = book.workflows["registration"]
    state = replace(flow.states["recorded"], title="<script>&: ;")
    bent = replace(flow, states={**flow.states, "recorded": state})
    made = picture(replace(book, workflows={**book.workflows, "registration": bent}), "registration", DAY)
    assert "<script>&: ;" in texts(svg(made))
    assert any("<script>&： ；" in line for line in mermaid(made).splitlines())


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
