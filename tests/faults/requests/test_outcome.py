from collections.abc import Mapping, Sequence

from etapa.contracts.partitioner import partition_of
from tests.faults.requests.outcome import differences

PARTITIONS = 4
ADA = b"ada"
HERE = partition_of(ADA.decode(), PARTITIONS)
EXPECTED: Mapping[bytes, Sequence[bytes]] = {ADA: [b"one", b"two", b"three"]}


def found(*values: bytes, partition: int = HERE) -> list[str]:
    wrong = differences({partition: {ADA: values}}, EXPECTED, PARTITIONS)
    return [problem for problems in wrong.values() for problem in problems]


def test_what_is_as_it_should_be_is_no_difference() -> None:
    assert found(b"one", b"two", b"three") == []


def test_what_is_lost_repeated_or_made_up_is_told_and_counted() -> None:
    assert found(b"one", b"three") == ["ada: of 3, 1 lost, 0 repeated, 0 that should not be"]
    assert found(b"one", b"two", b"two", b"three") == ["ada: of 3, 0 lost, 1 repeated, 0 that should not be"]
    assert found(b"one", b"other", b"three") == ["ada: of 3, 1 lost, 0 repeated, 1 that should not be"]
    assert differences({}, EXPECTED, PARTITIONS) == {HERE: ["ada: of 3, 3 lost, 0 repeated, 0 that should not be"]}


def test_another_order_and_another_partition_are_differences() -> None:
    assert found(b"two", b"one", b"three") == ["ada: 3 published in another order"]
    elsewhere = (HERE + 1) % PARTITIONS
    assert found(b"one", b"two", b"three", partition=elsewhere) == [f"ada is published in partition {elsewhere}"]
