"""The mark record of customer-state."""

import json

import msgspec
import pytest

from etapa.contracts.stored.mark import MARK_KEY, Begun, Mark, MarkError, MovingMark, decode_mark, encode_mark
from etapa.contracts.stored.transfer import TopicLayout

MARK = Mark(
    group="etapa",
    partitions=12,
    through=41,
    stream_time=1_795_255_200_000_000,
    journey="retail",
    version=3,
    zones="2026f",
    memories={2: b"abc", 3: b"abcxyz"},
    names=("discovery", "buys"),
    topics={"touchpoints": "dG91Y2hwb2ludHMtaWQtMQ", "customer-state": "Y3VzdG9tZXItc3RhdGUtMQ"},
    last_change="c-42/3",
    begun=Begun(taken=2, of=5, dead=True),
    replaced=("dead-letters",),
)
MOVING = MovingMark(next_transfer=7, sent={1: 40, 2: 2}, taken={2: 9}, layout=TopicLayout(1, 3, 2), ended=(2,))


def test_the_key_can_be_no_customer() -> None:
    with pytest.raises(UnicodeDecodeError):
        MARK_KEY.decode()


@pytest.mark.parametrize(
    "mark", [MARK, msgspec.structs.replace(MARK, stream_time=None, through=-1), msgspec.structs.replace(MARK, moving=MOVING)]
)
def test_a_mark_is_written_and_read_back(mark: Mark) -> None:
    assert decode_mark(encode_mark(mark)) == mark


def test_the_value_is_plain_json() -> None:
    assert json.loads(encode_mark(MARK)) == {
        "format": 1,
        "group": "etapa",
        "partitions": 12,
        "through": 41,
        "begun": {"taken": 2, "of": 5, "dead": True, "touched": False},
        "stream_time": 1_795_255_200_000_000,
        "journey": "retail",
        "version": 3,
        "zones": "2026f",
        "memories": {"2": "YWJj", "3": "YWJjeHl6"},
        "names": ["discovery", "buys"],
        "topics": {"touchpoints": "dG91Y2hwb2ludHMtaWQtMQ", "customer-state": "Y3VzdG9tZXItc3RhdGUtMQ"},
        "last_change": "c-42/3",
        "replaced": ["dead-letters"],
        "moving": None,
    }


@pytest.mark.parametrize(
    ("missing", "default"), [("memories", {}), ("names", ()), ("topics", {}), ("last_change", None), ("replaced", ()), ("moving", None)]
)
def test_a_mark_from_before_something_was_written_in_it_is_read(missing: str, default: object) -> None:
    fields = {name: value for name, value in json.loads(encode_mark(MARK)).items() if name != missing}
    assert decode_mark(msgspec.json.encode(fields)) == msgspec.structs.replace(MARK, **{missing: default})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "has no value"),
        (b"", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"format": 1}', "missing required field `group`"),
        (b'{"format": 2, "anything": "else"}', "has format 2; this version reads format 1"),
    ],
)
def test_what_is_no_mark_of_ours_is_told_so(value: bytes | None, says: str) -> None:
    with pytest.raises(MarkError, match=says):
        decode_mark(value)
