from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import BadInput, Damaged
from engine.vault import MasterKey, check_outside, mask

KEY = MasterKey(b"k" * 32)
OTHER = MasterKey(b"o" * 32)


@given(st.text(max_size=50), st.text(max_size=10))
def test_what_is_sealed_opens_again_for_its_own_field(text: str, field: str) -> None:
    key = KEY.new_subject("S")
    sealed = key.seal(field, text)
    assert KEY.unwrap("S", key.wrapped).open(field, sealed) == text
    assert key.seal(field, text) != sealed


@given(st.integers(0, 40), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, flip: int) -> None:
    key = KEY.new_subject("S")
    sealed = bytearray(key.seal("name", "李示例李示例"))
    sealed[place % len(sealed)] ^= flip
    with pytest.raises(Damaged, match="VAULT-002 — 对象 S 的 name 打不开"):
        key.open("name", bytes(sealed))


def test_a_value_moved_to_another_field_or_subject_is_refused() -> None:
    key, other = KEY.new_subject("S"), KEY.new_subject("T")
    sealed = key.seal("name", "李示例")
    with pytest.raises(Damaged, match="VAULT-002"):
        key.open("phone", sealed)
    with pytest.raises(Damaged, match="VAULT-002"):
        other.open("name", sealed)
    with pytest.raises(Damaged, match="VAULT-001 — 对象 T"):
        KEY.unwrap("T", key.wrapped)
    with pytest.raises(Damaged, match="VAULT-001"):
        OTHER.unwrap("S", key.wrapped)
    with pytest.raises(Damaged, match="VAULT-002"):
        key.open("name", b"")


def test_equal_values_have_equal_indexes_and_only_under_the_same_key_and_kind() -> None:
    assert KEY.index("id", "34X") == KEY.index("id", " ３４x ")
    assert KEY.index("id", "34X") != KEY.index("phone", "34X")
    assert KEY.index("id", "34X") != OTHER.index("id", "34X")


@pytest.mark.parametrize(
    ("check", "text", "shown"),
    [
        ("name", "张三丰", "张*"),
        ("cn_id", "340102196502162100", "340***********2100"),
        ("phone", "13900001234", "139****1234"),
        ("", "和平路一号", "和平***"),
        ("", "甲", "*"),
        ("phone", "1234567", "*******"),
        ("name", "", ""),
    ],
)
def test_what_may_be_shown_of_a_value(check: str, text: str, shown: str) -> None:
    assert mask(check, text) == shown


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    key = MasterKey.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert MasterKey.load(path).key_id == key.key_id
    with pytest.raises(BadInput, match="KEY-001"):
        MasterKey.create(path)
    path.chmod(0o640)
    with pytest.raises(BadInput, match=r"KEY-004 .* chmod 600"):
        MasterKey.load(path)


@pytest.mark.parametrize("text", ["", "x", "bihuan-key-1 0 00", "bihuan-key-1 00 " + "0" * 64, "bihuan-key-1 a zz"])
def test_a_damaged_key_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadInput, match="KEY-003"):
        MasterKey.load(path)


def test_a_missing_key_says_what_is_lost(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"KEY-002 .*全部个人信息都无法读取"):
        MasterKey.load(tmp_path / "k")
    with pytest.raises(BadInput, match="KEY-003"):
        MasterKey.load(tmp_path)


def test_a_key_beside_its_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="KEY-005"):
        check_outside(tmp_path / "a" / "keys" / "k", tmp_path / "a" / "x.db")
    check_outside(tmp_path / "b" / "k", tmp_path / "a" / "x.db")


def test_keys_do_not_show_themselves() -> None:
    assert repr(KEY) == f"MasterKey({KEY.key_id})"
    assert repr(KEY.new_subject("S")) == "SubjectKey(S)"
