import hashlib
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.keys import Key

PARTS = st.one_of(st.integers(), st.text(max_size=5))
PATHS = st.lists(PARTS, max_size=4).map(tuple)


def first(key: Key) -> float:
    return float(key.generator().random())


@given(PATHS, PATHS)
def test_streams_agree_only_where_paths_do(
    a: tuple[int | str, ...], b: tuple[int | str, ...]
) -> None:
    assert (first(Key(1, a)) == first(Key(1, b))) == (a == b)


def test_parts_are_not_run_together() -> None:
    assert first(Key(0, ("a", "bc"))) != first(Key(0, ("ab", "c")))
    assert first(Key(0, (1,))) != first(Key(0, ("1",)))


def test_equal_keys_give_equal_numbers_also_of_numpys_integers() -> None:
    seed: Any = np.int64(7)
    number: Any = np.int32(3)
    assert Key(seed) / number == Key(7) / 3
    assert first(Key(seed) / number) == first(Key(7) / 3)
    assert first(Key(1) / np.str_("noise")) == first(Key(1) / "noise")


def test_a_part_is_put_at_the_end_of_the_path() -> None:
    assert Key(7) / "noise" / 17 == Key(7, ("noise", 17))


def test_all_bits_of_the_seed_count() -> None:
    assert first(Key(1)) != first(Key(1 + 2**32))
    assert first(Key(1)) != first(Key(1 + 2**64))
    assert first(Key(1)) != first(Key(-1))


def test_draws_of_different_streams_are_uncorrelated() -> None:
    draws = np.stack([(Key(5) / n).generator().standard_normal(2000) for n in range(20)])
    correlation = np.asarray(np.corrcoef(draws))[~np.eye(20, dtype=bool)]
    # 380 correlations of sd 1/sqrt(2000): a bound of 5 sd fails by chance less than once in 4,000
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_numbered_sub_streams_depend_on_their_number_alone() -> None:
    key = Key(3) / "noise"
    forwards = [g.standard_normal(5).tolist() for g in key.numbered(range(4))]
    backwards = [g.standard_normal(5).tolist() for g in key.numbered([3, 2, 1, 0])]
    assert forwards == backwards[::-1]
    assert len({row[0] for row in forwards}) == 4
    after_odd_use = [g.random(3, dtype=np.float32).tolist() for g in key.numbered([7, 7])]
    assert after_odd_use[0] == after_odd_use[1]


def test_a_stream_is_philox_keyed_with_blake2b_of_lengths_types_and_parts() -> None:
    # 8 bytes of length, least first, then the text of each part
    texts = (b"int:7", b"str:noise", b"int:17")
    message = b"".join(len(text).to_bytes(8, "little") + text for text in texts)
    digest = hashlib.blake2b(message, digest_size=16).digest()
    expected = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    found = Key(7, ("noise", 17)).generator()
    assert found.standard_normal(3).tolist() == expected.standard_normal(3).tolist()


def test_a_numbered_sub_stream_starts_at_its_number_in_the_highest_word_of_the_counter() -> None:
    key = Key(3) / "noise"
    for number, generator in zip((0, 5), key.numbered([0, 5]), strict=True):
        state: Any = key.generator().bit_generator.state
        state["state"]["counter"][3] = number
        expected = np.random.Philox()
        expected.state = state
        assert (generator.bit_generator.random_raw(9) == expected.random_raw(9)).all()
