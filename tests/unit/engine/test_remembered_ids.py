"""Digests of touchpoint ids: stored, so the same everywhere and always, different for ids that differ, and found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.judging.repeats import add_digest, digest_of, is_repeat, place_among, worked_out

ARRIVALS = st.lists(st.integers(0, 120), max_size=300)


@pytest.mark.parametrize(
    ("touchpoint_id", "digest"),
    [("a", "53bf90f170e8"), ("e-1", "08d4f43d5749"), ("é", "4b8e2acc215b"), ("x" * 256, "4386e0f1af0f"), ("é" * 200, "b85f8c7d4237")],
    ids=["letter", "short", "not-ascii", "longest", "in-two-portions"],
)
def test_a_digest_is_the_same_in_every_version(touchpoint_id: str, digest: str) -> None:
    assert digest_of(touchpoint_id).hex() == digest


def test_ids_that_differ_little_have_different_digests() -> None:
    ids = [f"{start}{number}" for start in ("", "order-", "0b3c5a1e-7f21-4d21-9f00-") for number in range(20_000)]
    ids += ["0" * length for length in range(1, 257)]
    digests = {digest_of(each) for each in ids}
    assert len(digests) == len(set(ids))
    assert {len(each) for each in digests} == {DIGEST_BYTES}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_digest_is_the_same_however_it_is_worked_out(touchpoint_id: str) -> None:
    assert digest_of(touchpoint_id) == worked_out(touchpoint_id)


def newcomer() -> Customer:
    return Customer(version=1, stage="new", due=None, entered_at=0, clock=0, first_at=0, sequence=0)


@given(ARRIVALS, st.sampled_from([1, 3, 16, 64]), st.sets(st.integers(0, 40), max_size=5))
def test_a_repeat_is_what_is_among_the_last_ids(arrivals: list[int], kept: int, replaced: set[int]) -> None:
    customer = newcomer()
    last: list[bytes] = []
    for place, number in enumerate(arrivals):
        digest = digest_of(f"touchpoint-{number}")
        assert is_repeat(customer, digest) is (digest in last)
        if place in replaced:
            # As when a customer is loaded, carried over or united with another.
            last = [*last[1:], digest_of(f"elsewhere-{place}")][-kept:]
            customer.recent = b"".join(last)
            assert is_repeat(customer, digest) is (digest in last)
            assert is_repeat(customer, last[-1])
        if digest not in last:
            add_digest(customer, digest, kept * DIGEST_BYTES)
            last = [*last, digest][-kept:]
        assert customer.recent == b"".join(last)


@given(st.lists(st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES), max_size=80), st.data())
def test_a_sieve_never_hides_a_digest(digests: list[bytes], data: st.DataObject) -> None:
    customer = newcomer()
    customer.recent = b"".join(digests)
    asked = data.draw(st.sampled_from(digests)) if digests else bytes(DIGEST_BYTES)
    assert is_repeat(customer, asked) is (place_among(customer.recent, asked) >= 0)
