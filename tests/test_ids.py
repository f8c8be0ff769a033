from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import ids
from engine.ids import ALPHABET, Drawn, new_id, read_id


@given(st.binary(min_size=7, max_size=7))
def test_a_number_read_back_is_itself_however_it_is_written(drawn: bytes) -> None:
    number = new_id(lambda _: drawn)
    assert len(number) == 11
    assert read_id(number) == number
    assert read_id(f" {number[:4].lower()}-{number[4:]} ") == number
    assert read_id(number.replace("0", "O").replace("1", "l")) == number


@given(st.binary(min_size=7, max_size=7), st.integers(0, 9), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(drawn: bytes, place: int, letter: str) -> None:
    number = new_id(lambda _: drawn)
    wrong = number[:place] + letter + number[place + 1 :]
    same = ALPHABET.index(letter) % 31 == ALPHABET.index(number[place]) % 31
    assert (read_id(wrong) is None) is not same


@pytest.mark.parametrize("text", ["", "1", "X" * 10, "X" * 12, "案件号", "0A2G4XM0Y5!"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_id(text) is None


@given(st.lists(st.integers(1, 100), max_size=200))
def test_random_bytes_drawn_in_pieces_are_never_given_twice(sizes: list[int]) -> None:
    counter = itertools.count()
    asked: list[int] = []

    def urandom(count: int) -> bytes:
        asked.append(count)
        return b"".join(next(counter).to_bytes(8) for _ in range(count // 8 + 1))[:count]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "_PIECE", 256)
        patch.setattr("os.urandom", urandom)
        draw = Drawn()
        given_out = [draw(8 * size) for size in sizes]
    words = [piece[at : at + 8] for piece in given_out for at in range(0, len(piece), 8)]
    assert [len(piece) for piece in given_out] == [8 * size for size in sizes]
    assert len(set(words)) == len(words)
