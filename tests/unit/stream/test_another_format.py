"""Another input format is one class: the worker, simulate and redrive read it without changes."""

import asyncio
import io
from typing import Any

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import DeadLetter
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.rehearsal.readings import readings
from etapa.stream.protocol.batch import decode
from etapa.stream.protocol.records import Record
from etapa.stream.upkeep.dead_letters import Letter
from etapa.stream.upkeep.redrive import RedriveOptions, decided
from etapa.stream.upkeep.sent_back import SentBack

NOON = 1_764_417_600_000_000


class Semicolons(Decoder):
    """`id;customer;type;microseconds` in Latin-1; the customer may be in a header instead."""

    def read(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        fields = (value or b"").decode("latin-1").split(";")
        if len(fields) != 4 or not fields[3].isdecimal():
            return rejected("invalid", "not id;customer;type;microseconds")
        identity, customer_id, type_, at = fields
        return self.untimely(int(at), wall, latest) or Touchpoint(identity, customer_id, type_, int(at))

    def decode(self, key: bytes | None, value: bytes | None, headers: Any, wall: int | None, latest: int) -> Touchpoint | Rejected:
        named = dict(headers).get("customer")
        return super().decode(key, value if named is None or value is None else value.replace(b"?", named), headers, wall, latest)


DECODER = Semicolons(TouchpointLimits(max_bytes=100))


async def no_pause() -> None:
    pass


def test_a_batch_is_read_by_the_decoder_that_it_is_given() -> None:
    records = [
        Record(0, 0, b"ada", b"1;ada;view;%d" % NOON),
        Record(1, 0, b"ada", b"2;?;view;%d" % NOON, [("customer", b"ada")]),
        Record(2, 0, b"eve", b"3;ada;view;%d" % NOON),
        Record(3, 0, b"ada", b'{"id": "4"}'),
        Record(4, 0, b"ada", b"5;ada;view;%d" % (NOON + 10**12)),
    ]
    items = asyncio.run(decode(records, DECODER, NOON, 10, no_pause)).items
    assert items[:2] == [Touchpoint("1", "ada", "view", NOON), Touchpoint("2", "ada", "view", NOON)]
    assert [one.reason for one in items[2:] if isinstance(one, Rejected)] == ["key_mismatch", "invalid", "from_the_future"]


def test_lines_are_read_by_it() -> None:
    found = list(readings(io.BytesIO(b"1;ada;view;%d\n\nnothing\n" % NOON), DECODER))
    assert found == [(1, Touchpoint("1", "ada", "view", NOON)), (3, Rejected("invalid", "not id;customer;type;microseconds"))]


def test_a_dead_letter_is_given_the_key_of_the_customer_that_it_finds() -> None:
    letter = DeadLetter(None, b"1;ada;view;%d" % NOON, (), "key_mismatch", "", "touchpoints", 0, 0)
    decision = decided(Letter(0, 0, 0, letter), SentBack(), RedriveOptions(partitions=2, rekey=True, decoder=DECODER))
    assert decision.key == b"ada"
