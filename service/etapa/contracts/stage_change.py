"""The core's `StageChange` as a record of `stage-changes`, and back. Mirrors `schemas/stage-change.schema.json`.

The JSON has the fields below in this order, none ever missing. The headers follow the CloudEvents binding for Kafka
in binary mode, so that a consumer can route and drop repeats without parsing the value.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from etapa.contracts.rfc3339 import OffsetTime, microseconds_of, moment_of, time_bytes
from etapa.journey.engine.touchpoint import Cause, Clause, StageChange

TYPE: Final = "etapa.stage-change"


class StageChangeMessage(msgspec.Struct, frozen=True, gc=False, rename={"source": "from"}):
    """A stage change as it is published. `at` is in UTC, `dwell_seconds` the time spent in the stage that was left."""

    id: str
    customer_id: str
    sequence: int
    source: str | None
    to: str
    phase: str | None
    at: OffsetTime
    cause: Cause
    rule: str | None
    because: Sequence[Clause]
    touchpoint_id: str | None
    channel: str | None
    dwell_seconds: float | None
    journey: str
    version: int

    def change(self) -> StageChange:
        """What the core said."""
        return StageChange(
            customer_id=self.customer_id,
            sequence=self.sequence,
            source=self.source,
            to=self.to,
            phase=self.phase,
            at=microseconds_of(self.at),
            cause=self.cause,
            rule=self.rule,
            because=self.because,
            touchpoint_id=self.touchpoint_id,
            channel=self.channel,
            dwell=None if self.dwell_seconds is None else _microseconds(self.dwell_seconds),
        )


def _microseconds(seconds: float) -> int:
    """Seconds as microseconds. Exact up to 272 years; past that a double does not hold every microsecond."""
    whole = int(seconds)
    return whole * 1_000_000 + round((seconds - whole) * 1_000_000)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StageChangeMessage).decode
_SPECVERSION: Final = ("ce_specversion", b"1.0")
_TYPE: Final = ("ce_type", TYPE.encode())
_CONTENT_TYPE: Final = ("content-type", b"application/json")


def encode_stage_change(change: StageChange, journey: str, version: int) -> tuple[bytes, bytes, Sequence[tuple[str, bytes]]]:
    """Key, value and headers of the record that announces a change made by this version of this journey."""
    identity = f"{change.customer_id}/{change.sequence}"
    moment = moment_of(change.at)
    key = change.customer_id.encode()
    headers = (
        _SPECVERSION,
        ("ce_id", identity.encode()),
        _TYPE,
        ("ce_source", b"etapa/" + journey.encode()),
        ("ce_time", time_bytes(moment)),
        ("ce_subject", key),
        _CONTENT_TYPE,
    )
    return key, _encode(_message(identity, change, moment, journey, version)), headers


def stage_change_json(change: StageChange, journey: str, version: int) -> bytes:
    """The value alone: one line of JSON without a line end."""
    return _encode(_message(f"{change.customer_id}/{change.sequence}", change, moment_of(change.at), journey, version))


def decode_stage_change(value: bytes) -> StageChangeMessage:
    """A published stage change. Raises `msgspec.DecodeError` when `value` is not one."""
    return _decode(value)


def _message(identity: str, change: StageChange, moment: datetime, journey: str, version: int) -> StageChangeMessage:
    return StageChangeMessage(
        identity,
        change.customer_id,
        change.sequence,
        change.source,
        change.to,
        change.phase,
        moment,
        change.cause,
        change.rule,
        change.because,
        change.touchpoint_id,
        change.channel,
        None if change.dwell is None else change.dwell / 1_000_000,
        journey,
        version,
    )
