"""The core's `CampaignOutcome` as a record of `campaign-outcomes`. Mirrors `schemas/campaign-outcome.schema.json`.

The JSON has the fields below in this order, none ever missing. The headers follow the CloudEvents binding for Kafka in binary mode.
The trigger has the same `ce_id`, so the source differs: the two together must be unique for every event.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.contracts.outgoing.campaign_outcome_message import CampaignOutcomeMessage
from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.engine.facts.instant import instant_text, ratio
from etapa.journey.units import SECOND

TYPE: Final = "etapa.campaign-outcome"

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(CampaignOutcomeMessage).decode
_SPECVERSION: Final = ("ce_specversion", b"1.0")
_TYPE: Final = ("ce_type", TYPE.encode())
_CONTENT_TYPE: Final = ("content-type", b"application/json")


def outcome_id(outcome: CampaignOutcome) -> str:
    """The id of the trigger: `customer_id/sequence/campaign`. A trigger has at most one outcome."""
    return f"{outcome.under or outcome.customer_id}/{outcome.sequence}/{outcome.campaign}"


def encode_campaign_outcome(outcome: CampaignOutcome, journey: str, version: int) -> tuple[bytes, bytes, Sequence[tuple[str, bytes]]]:
    """Key, value and headers of the record that publishes the outcome of a goal, as found by this version of this journey."""
    at = instant_text(outcome.at)
    key = outcome.customer_id.encode()
    headers = [
        _SPECVERSION,
        ("ce_id", outcome_id(outcome).encode()),
        _TYPE,
        ("ce_source", b"etapa/" + journey.encode() + b"/goals"),
        ("ce_time", at.encode()),
        ("ce_subject", key),
        _CONTENT_TYPE,
    ]
    return key, _encode(_message(outcome, at, journey, version)), headers


def campaign_outcome_json(outcome: CampaignOutcome, journey: str, version: int) -> bytes:
    """The value alone: one line of JSON without a line end."""
    return _encode(_message(outcome, instant_text(outcome.at), journey, version))


def decode_campaign_outcome(value: bytes) -> CampaignOutcomeMessage:
    """A published outcome. Raises `msgspec.DecodeError` if `value` is not one."""
    return read_json(_decode, value)


def _message(outcome: CampaignOutcome, at: Any, journey: str, version: int) -> CampaignOutcomeMessage:
    # The time is already text, which encodes just as the time would.
    return CampaignOutcomeMessage(
        id=outcome_id(outcome),
        campaign=outcome.campaign,
        customer_id=outcome.customer_id,
        holdout=outcome.holdout,
        met=outcome.met,
        at=at,
        seconds=ratio(outcome.elapsed, SECOND),
        value=outcome.value,
        journey=journey,
        version=version,
    )
