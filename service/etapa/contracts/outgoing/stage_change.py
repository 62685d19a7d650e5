"""The core's `StageChange` as a record of `stage-changes`, and back. Mirrors `schemas/stage-change.schema.json`.

The JSON has the fields below in this order, none ever missing. The headers follow the CloudEvents binding for Kafka
in binary mode, so that a consumer can route and drop repeats without parsing the value.
"""

from collections.abc import Sequence
from typing import Any, Final, final

import msgspec
from mypy_extensions import mypyc_attr

from etapa.contracts.json_reading import read_json
from etapa.contracts.outgoing.quick_change_writer import quick_change_writer
from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.contracts.record_body import length_of, name_of, pairs_of
from etapa.journey.engine.facts.instant import instant_text, ratio
from etapa.journey.engine.facts.stage_change import StageChange

TYPE: Final = "etapa.stage-change"

Headers = Sequence[tuple[str, bytes]]
"""Names and values, in the order in which they are published."""

_QUICK: Final = quick_change_writer
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(StageChangeMessage).decode
SPECVERSION: Final = ("ce_specversion", b"1.0")
TYPE_HEADER: Final = ("ce_type", TYPE.encode())
CONTENT_TYPE: Final = ("content-type", b"application/json")


_MOST_KEPT: Final = 1024
_moves: Final[dict[tuple[str | None, str, str | None, str, str | None], tuple[bytes, bytes]]] = {}
_channels: Final[dict[str, bytes]] = {}
"""What is written again and again, as it is written: two pieces for each move, and channels."""

_NUMBERS: Final = [b"%d" % number for number in range(_MOST_KEPT)]
_NULL: Final = b"null"


def encode_stage_change(change: StageChange, journey: str, version: int) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of the record that announces a change made by this version of this journey."""
    return ChangeWriter(journey, version).record(change)


@final
@mypyc_attr(acyclic=True)
class ChangeWriter:
    """Writes the changes that this version of this journey makes, many at a time.

    A value is that of `stage_change_json`, put together from pieces, most of which were written before: that takes a fraction of the time.
    """

    __slots__ = ("_around", "_end", "_pieces_of_move", "_source")

    def __init__(self, journey: str, version: int) -> None:
        self._end: Final = b',"journey":%b,"version":%b}' % (_encode(journey), str(version).encode())
        self._source: Final = b"etapa/" + journey.encode()
        before_identity = length_of(7) + pairs_of([SPECVERSION]) + name_of("ce_id")
        before_time = pairs_of([TYPE_HEADER, ("ce_source", self._source)]) + name_of("ce_time")
        # Of any type: compiled code would make the tuple again for each change, and look the function up.
        self._around: Final[Any] = (before_identity, before_time, name_of("ce_subject"), pairs_of([CONTENT_TYPE]))
        """What stands in the headers before the change's id, before its time, before the customer's id, and after that."""
        self._pieces_of_move: Final[Any] = _pieces_of_move

    def append_to(self, bodies: bytearray, change: StageChange) -> int:
        """Append the body of the record that announces the change. Returns where it ends."""
        channel = _channel_json(change.channel)
        quick = _QUICK
        if quick is not None:
            end = quick(
                bodies,
                change.customer_id,
                change.sequence,
                change.at,
                change.touchpoint_id,
                change.dwell,
                change.because,
                channel,
                self._end,
                self._around,
                self._pieces_of_move,
                change.source,
                change.to,
                change.phase,
                change.cause,
                change.rule,
            )
            if end >= 0:
                return end
        key, value, identity, at = self._parts(change, channel)
        before_identity, before_time, before_subject, after_subject = self._around
        subject = length_of(len(key)) + key
        bodies += b"".join(
            (
                *(subject, length_of(len(value)), value, before_identity, length_of(len(identity)), identity),
                *(before_time, length_of(len(at)), at, before_subject, subject, after_subject),
            )
        )
        return len(bodies)

    def record(self, change: StageChange) -> tuple[bytes, bytes, Headers]:
        """Key, value and headers of that record."""
        key, value, identity, at = self._parts(change, _channel_json(change.channel))
        headers = [
            SPECVERSION,
            ("ce_id", identity),
            TYPE_HEADER,
            ("ce_source", self._source),
            ("ce_time", at),
            ("ce_subject", key),
            CONTENT_TYPE,
        ]
        return key, value, headers

    def _parts(self, change: StageChange, channel: bytes) -> tuple[bytes, bytes, bytes, bytes]:
        """Key, value, the change's id, and its time."""
        number = change.sequence
        sequence = _NUMBERS[number] if 0 <= number < _MOST_KEPT else str(number).encode()
        key = change.customer_id.encode()
        quoted: bytes = _encode(change.customer_id)
        # Most ids stand in JSON as they are.
        customer = key if len(quoted) == len(key) + 2 else quoted[1:-1]
        at = instant_text(change.at).encode()
        before_time, after_time = _pieces_of_move(change.source, change.to, change.phase, change.cause, change.rule)
        because: bytes = _encode(change.because)
        touchpoint_id: bytes = _NULL if change.touchpoint_id is None else _encode(change.touchpoint_id)
        dwell: bytes = _NULL if change.dwell is None else _encode(ratio(change.dwell, 1_000_000))
        value = b'{"id":"%b/%b","customer_id":"%b","sequence":%b%b%b%b%b,"touchpoint_id":%b,"channel":%b,"dwell_seconds":%b%b' % (
            customer,
            sequence,
            customer,
            sequence,
            before_time,
            at,
            after_time,
            because,
            touchpoint_id,
            channel,
            dwell,
            self._end,
        )
        return key, value, b"%b/%b" % (key, sequence), at


def _channel_json(channel: str | None) -> bytes:
    if channel is None:
        return _NULL
    written = _channels.get(channel)
    if written is None:
        written = _encode(channel)
        _keep(_channels, channel, written)
    return written


def _pieces_of_move(source: str | None, to: str, phase: str | None, cause: str, rule: str | None) -> tuple[bytes, bytes]:
    """What stands in the value between the sequence number and the time, and between the time and the reasons."""
    move = (source, to, phase, cause, rule)
    found = _moves.get(move)
    if found is None:
        found = (
            b',"from":%b,"to":%b,"phase":%b,"at":"' % (_encode(source), _encode(to), _encode(phase)),
            b'","cause":%b,"rule":%b,"because":' % (_encode(cause), _encode(rule)),
        )
        _keep(_moves, move, found)
    return found


def _keep(kept: dict[Any, Any], key: object, written: object) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = written


def stage_change_json(change: StageChange, journey: str, version: int) -> bytes:
    """The value alone: one line of JSON without a line end."""
    return _encode(_message(f"{change.customer_id}/{change.sequence}", change, instant_text(change.at), journey, version))


def decode_stage_change(value: bytes) -> StageChangeMessage:
    """A published stage change. Raises `msgspec.DecodeError` if `value` is not one."""
    return read_json(_decode, value)


def _message(identity: str, change: StageChange, at: Any, journey: str, version: int) -> StageChangeMessage:
    # The time is already text, which encodes just as the time would.
    return StageChangeMessage(
        id=identity,
        customer_id=change.customer_id,
        sequence=change.sequence,
        source=change.source,
        to=change.to,
        phase=change.phase,
        at=at,
        cause=change.cause,
        rule=change.rule,
        because=change.because,
        touchpoint_id=change.touchpoint_id,
        channel=change.channel,
        dwell_seconds=None if change.dwell is None else ratio(change.dwell, 1_000_000),
        journey=journey,
        version=version,
    )
