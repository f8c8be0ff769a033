from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.core.conditions import (
    ConditionError,
    Fact,
    Field,
    from_json,
    holds,
    label,
    parse_cell,
    parse_value,
    to_json,
    words,
)

LEVEL = Field("level", "等级", "enum", ("high", "low"), {"high": "高风险", "low": "低风险"})
AGE = Field("age", "年龄", "integer", low=0, high=150)
DAY = Field("day", "日期", "date")
YES = Field("inbound", "入境", "yes_no")
AT = Field("at", "时间", "time")
NAME = Field("name", "姓名", "text", pii=True)


@pytest.mark.parametrize(
    ("of", "raw", "value", "met"),
    [
        pytest.param(LEVEL, "high", "high", True, id="one value"),
        pytest.param(LEVEL, ["high", "低风险"], "low", True, id="any of a list, by title too"),
        pytest.param(LEVEL, {"not": ["low"]}, "high", True, id="none of these"),
        pytest.param(LEVEL, {"not": ["low"]}, None, False, id="unknown never matches not"),
        pytest.param(LEVEL, "known", "low", True, id="known"),
        pytest.param(LEVEL, "known", None, False, id="known but it is not"),
        pytest.param(LEVEL, "unknown", None, True, id="unknown"),
        pytest.param(LEVEL, None, None, True, id="an empty cell is met by unknown"),
        pytest.param(LEVEL, "high", None, False, id="unknown meets no value"),
        pytest.param(AGE, ">= 14", 14, True, id="at least"),
        pytest.param(AGE, "> 14", 14, False, id="more than"),
        pytest.param(AGE, "< 14", 13, True, id="less than"),
        pytest.param(AGE, "<= 14", 15, False, id="at most"),
        pytest.param(AGE, "3..7", 7, True, id="both ends are in"),
        pytest.param(AGE, 5, 5, True, id="a number"),
        pytest.param(DAY, "< 2022-06-28", date(2022, 6, 27), True, id="a date before"),
        pytest.param(DAY, "2022-06-28", date(2022, 6, 28), True, id="a date"),
        pytest.param(YES, True, True, True, id="yes"),
        pytest.param(YES, False, True, False, id="no"),
    ],
)
def test_a_cell_holds(of: Field, raw: Any, value: Fact, met: bool) -> None:
    assert holds(parse_cell(of, raw), value) is met


@pytest.mark.parametrize(
    ("of", "raw", "code", "word"),
    [
        pytest.param(LEVEL, "hihg", "RULE-022", "did you mean high", id="misspelt option"),
        pytest.param(LEVEL, {"is": "high"}, "RULE-030", "映射只能写", id="another mapping"),
        pytest.param(LEVEL, [["high"]], "RULE-030", "不在条件语言里", id="a list in a list"),
        pytest.param(LEVEL, ">= 3", "RULE-031", "不能比大小", id="text compared"),
        pytest.param(LEVEL, 3, "RULE-031", "不能与 3 比较", id="text with a number"),
        pytest.param(AGE, "__import__('os')", "RULE-030", "不在条件语言里", id="code"),
        pytest.param(AGE, "a.b.__class__", "RULE-030", "不在条件语言里", id="attributes"),
        pytest.param(AGE, "十四", "RULE-031", "不能与年龄", id="words for a number"),
        pytest.param(AGE, ["14"], "RULE-031", "是数字", id="text for a number in a list"),
        pytest.param(AGE, "7..3", "RULE-031", "起点大于终点", id="a range backwards"),
        pytest.param(YES, "maybe", "RULE-031", "是 或 否", id="neither yes nor no"),
    ],
)
def test_what_is_not_in_the_language_is_refused(of: Field, raw: Any, code: str, word: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse_cell(of, raw)
    assert refused.value.code == code
    assert word in str(refused.value)


@pytest.mark.parametrize(
    ("of", "raw", "value"),
    [
        (LEVEL, "高风险", "high"),
        (YES, "是", True),
        (YES, "no", False),
        (AGE, "14", 14),
        (DAY, "2022-05-26", date(2022, 5, 26)),
        (AT, "2022-05-26T08:00+08:00", datetime(2022, 5, 26, tzinfo=UTC)),
        (AT, datetime(2022, 5, 26, tzinfo=UTC), datetime(2022, 5, 26, tzinfo=UTC)),
        (NAME, " 张三 ", "张三"),
        (NAME, None, None),
    ],
)
def test_values_are_read_as_their_type(of: Field, raw: Any, value: Fact) -> None:
    assert parse_value(of, raw) == value


@pytest.mark.parametrize(
    ("of", "raw", "word"),
    [(AGE, "x", "整数"), (AGE, True, "整数"), (AGE, 200, "之间"), (NAME, "  ", "文字"), (YES, "x", "是 或 否")],
)
def test_values_of_another_type_are_refused(of: Field, raw: Any, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        parse_value(of, raw)


@pytest.mark.parametrize(
    ("of", "value"), [(DAY, date(2022, 5, 26)), (AT, datetime(2022, 5, 26, tzinfo=UTC)), (AGE, 3), (YES, None)]
)
def test_json_and_back(of: Field, value: Fact) -> None:
    assert from_json(of, to_json(value)) == value


@pytest.mark.parametrize(
    ("of", "raw", "told"),
    [
        (LEVEL, ["low", "high"], "等级为 低风险 或 高风险"),
        (LEVEL, {"not": ["low"]}, "等级不为 低风险"),
        (LEVEL, "known", "等级已填写"),
        (LEVEL, "unknown", "等级未知"),
        (AGE, "3..7", "年龄不小于 3且不大于 7"),
        (AGE, "> 3", "年龄大于 3"),
        (AGE, "< 3", "年龄小于 3"),
    ],
)
def test_cells_are_told_in_words(of: Field, raw: Any, told: str) -> None:
    cell = parse_cell(of, raw)
    assert cell is not None
    assert words(of, cell) == told


def test_values_are_shown_as_people_say_them() -> None:
    assert [label(LEVEL, "high"), label(YES, False), label(DAY, date(2022, 5, 26)), label(AGE, None)] == [
        "高风险",
        "否",
        "2022-05-26",
        "未知",
    ]
