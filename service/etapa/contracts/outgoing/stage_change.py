"""The core's `StageChange` as a record of `stage-changes`, and back. Mirrors `schemas/stage-change.schema.json`.

The JSON has the fields below in this order, none ever missing. The headers follow the CloudEvents binding for Kafka
in binary mode, so that a consumer can route and drop repeats without parsing the value.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.journey.engine.facts.instant import instant_text, ratio
from etapa.journey.engine.facts.stage_change import StageChange

TYPE: Final = "etapa.stage-change"

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(StageChangeMessage).decode
_SPECVERSION: Final = ("ce_specversion", b"1.0")
_TYPE: Final = ("ce_type", TYPE.encode())
_CONTENT_TYPE: Final = ("content-type", b"application/json")


def encode_stage_change(change: StageChange, journey: str, version: int) -> tuple[bytes, bytes, Sequence[tuple[str, bytes]]]:
    """Key, value and headers of the record that announces a change made by this version of this journey."""
    identity = change.customer_id + "/" + str(change.sequence)
    at = instant_text(change.at)
    key = change.customer_id.encode()
    headers = [
        _SPECVERSION,
        ("ce_id", identity.encode()),
        _TYPE,
        ("ce_source", b"etapa/" + journey.encode()),
        ("ce_time", at.encode()),
        ("ce_subject", key),
        _CONTENT_TYPE,
    ]
    return key, _encode(_message(identity, change, at, journey, version)), headers


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
