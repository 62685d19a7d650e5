"""The pure parts of a batch."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger
from etapa.journey.engine.facts.change_counts import Move, counts_of
from etapa.journey.engine.facts.changes import Offer, Trigger
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.batch import PAUSE_BYTES, decode, stage_deltas
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.tenures.announced import Announced
from etapa.stream.protocol.waiting import Item, Traces, Waiting
from tests.support.stage_changes import stage_change


def change(source: str | None, to: str, offers: Sequence[Offer] = (), sequence: int = 1, touchpoint_id: str | None = None) -> StageChange:
    return stage_change(source, to, customer_id="c", sequence=sequence, touchpoint_id=touchpoint_id, offers=offers)


def moves(*changes: StageChange) -> Mapping[Move, int]:
    return counts_of(changes).moves


def announced(changes: Sequence[StageChange], traces: Traces | None = None) -> Announced:
    told = Announced("shop", 3)
    told.traces = traces
    for each in changes:
        told.add([each])
    return told


def test_stages_that_neither_grew_nor_shrank_are_left_out() -> None:
    assert stage_deltas(moves(change(None, "new"), change("new", "active"), change("gone", "active"))) == {"active": 2, "gone": -1}
    assert stage_deltas(moves(change("new", "active"), change("active", "new"))) == {}


def test_what_was_not_taken_keeps_waiting_in_order() -> None:
    records = [Record(offset, 0, None, None) for offset in range(3)]
    items: list[Item] = [Touchpoint(str(offset), "c", "view", offset) for offset in range(3)]
    rest = Waiting(records, items).without_first(2)
    assert (list(rest.records), list(rest.items)) == (records[2:], items[2:])
    assert not Waiting(records, items).without_first(3).records


def test_a_record_that_cannot_be_judged_waits_on_as_one_that_cannot_be_used() -> None:
    items: list[Item] = [Touchpoint(str(offset), "c", "view", offset) for offset in range(3)]
    reason = Rejected("evaluation_failed", "")
    assert Waiting([], items).with_rejected(1, reason).items == [items[0], reason, items[2]]


@pytest.mark.parametrize(
    ("sizes", "pauses"),
    [
        ([], 0),
        ([10] * 9, 3),
        ([PAUSE_BYTES], 1),
        ([PAUSE_BYTES] * 3, 3),
        ([PAUSE_BYTES // 2, PAUSE_BYTES // 2, PAUSE_BYTES // 2], 2),
        ([PAUSE_BYTES, 10, 10, 10, 10, 10, PAUSE_BYTES], 3),
        ([0, 5 * PAUSE_BYTES, 0, 0], 2),
    ],
)
def test_reading_pauses_after_some_records_and_after_some_bytes(sizes: list[int], pauses: int) -> None:
    records = [Record(offset, 0, b"c", b"x" * size if size else None) for offset, size in enumerate(sizes)]
    paused = 0

    async def pause() -> None:
        nonlocal paused
        paused += 1

    waiting = asyncio.run(decode(records, decoder_within(TouchpointLimits()), 0, 3, pause))
    assert len(waiting.items) == len(records)
    assert list(waiting.records) == records
    assert paused == pauses


def test_triggers_are_encoded_beside_the_changes_that_they_follow_from_and_held_back_ones_are_not() -> None:
    hello = Trigger("hello", "c", 2, 0, "new", "active", holdout=False, payload={"template": "hi"})
    offers = (Offer("thanks", "cap", None), Offer("hello", "published", hello))
    changes = [change(None, "new"), change("new", "active", offers)]

    told = announced(changes)
    assert len(told.stage_changes) == 2
    (trigger,) = told.campaign_triggers
    assert trigger.key == b"c"
    assert decode_campaign_trigger(trigger.value or b"").trigger() == hello
    assert decode_campaign_trigger(trigger.value or b"").stage_change_id == "c/2"


def test_a_trigger_belongs_to_the_trace_of_the_touchpoint_behind_its_change() -> None:
    hello = Trigger("hello", "c", 2, 0, "new", "active", holdout=False, payload=None)
    changes = [change(None, "new"), change("new", "active", (Offer("hello", "published", hello),), 2, "t-1")]
    trace = [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]

    for known, expected in (({("c", "t-1"): trace}, trace), ({("c", "t-2"): trace}, []), ({}, [])):
        told = announced(changes, known)
        for record in (told.stage_changes[1], told.campaign_triggers[0]):
            assert list(record.headers)[7:] == expected
        assert len(told.stage_changes[0].headers) == 7
