"""Digests of values, of which those of texts are kept for a while: the same whether one was kept or not."""

from etapa.journey.engine.accumulators.distinct import LONGEST_KNOWN, MOST_KNOWN, value_digest


def test_the_digest_of_a_text_is_the_same_whenever_it_is_asked_for() -> None:
    texts = [f"sku-{number}" for number in range(2 * MOST_KNOWN)] + ["x" * LONGEST_KNOWN, "x" * (LONGEST_KNOWN + 1)]
    first = [value_digest(text) for text in texts]
    assert [value_digest(text) for text in texts] == first
    assert len(set(first)) == len(texts)
    # A list of one text is worked out each time, and differs from the text.
    assert value_digest(["sku-1"]) != value_digest("sku-1")


def test_digests_are_the_same_in_every_version() -> None:
    assert value_digest("sku-1") == 16964913070234072918
    assert value_digest(1) == value_digest(1.0) == 17797172410793473910
    assert value_digest(True) == 17683794913757820479
    assert value_digest("1") == 2111772349312940339
