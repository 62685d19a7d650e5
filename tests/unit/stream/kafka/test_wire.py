"""A request to write batches is to the byte what aiokafka's encoding makes of its schema."""

from aiokafka.protocol.struct import Struct
from hypothesis import given
from hypothesis import strategies as st

from etapa.stream.kafka.transactions.wire import ProduceRequest, ProduceRequestV12

batches = st.lists(st.tuples(st.integers(0, 1000), st.binary(max_size=300)), max_size=4)


@given(topics=st.dictionaries(st.text(min_size=1, max_size=200), batches, max_size=4), timeout=st.integers(0, 2**31 - 1))
def test_batches_are_written_as_the_schema_says(topics: dict[str, list[tuple[int, bytes]]], timeout: int) -> None:
    request = ProduceRequest("etapa-0", -1, timeout, topics).build(ProduceRequestV12)
    assert bytes(request.encode()) == Struct.encode(request)


def test_a_batch_that_is_a_bytearray_is_written_alike() -> None:
    built = bytearray(range(256)) * 1000
    request = ProduceRequest("etapa-0", -1, 40_000, {"customer-state": [(3, built)], "stage-changes": [(3, b"1"), (4, b"")]})
    encoded = bytes(request.build(ProduceRequestV12).encode())
    assert encoded == Struct.encode(request.build(ProduceRequestV12))
    assert bytes(built) in encoded
