"""The feature levels that brokers report for their cluster."""

from etapa.stream.kafka.transactions.features import finalized_features


def test_levels_are_read_from_the_answers_tagged_fields() -> None:
    # Two features: a name's length and one, the name, the highest and the lowest level, no tags.
    told = b"\x03" + b"\x14transaction.version" + b"\x00\x02\x00\x01\x00" + b"\x0egroup.version" + b"\x00\x01\x00\x01\x00"
    assert finalized_features({1: bytes(8), 2: told}) == {"transaction.version": 2, "group.version": 1}


def test_brokers_without_features_tell_none() -> None:
    assert finalized_features({}) == {}
    assert finalized_features({1: bytes(8), 2: b"\x01"}) == {}
