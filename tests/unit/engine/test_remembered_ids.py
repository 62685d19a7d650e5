"""Digests of touchpoint ids: stored, so the same everywhere and always, and different for ids that differ."""

import pytest

from etapa.journey.engine.facts.customer import DIGEST_BYTES
from etapa.journey.engine.judging.repeats import digest_of


@pytest.mark.parametrize(
    ("touchpoint_id", "digest"),
    [("a", "53bf90f170e8"), ("e-1", "08d4f43d5749"), ("é", "4b8e2acc215b"), ("x" * 256, "4386e0f1af0f")],
    ids=["letter", "short", "not-ascii", "longest"],
)
def test_a_digest_is_the_same_in_every_version(touchpoint_id: str, digest: str) -> None:
    assert digest_of(touchpoint_id).hex() == digest


def test_ids_that_differ_little_have_different_digests() -> None:
    ids = [f"{start}{number}" for start in ("", "order-", "0b3c5a1e-7f21-4d21-9f00-") for number in range(20_000)]
    ids += ["0" * length for length in range(1, 257)]
    digests = {digest_of(each) for each in ids}
    assert len(digests) == len(set(ids))
    assert {len(each) for each in digests} == {DIGEST_BYTES}
