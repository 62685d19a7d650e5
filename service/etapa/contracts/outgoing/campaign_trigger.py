"""The core's `Trigger` as a record of `campaign-triggers`, and back. Mirrors `schemas/campaign-trigger.schema.json`.

The JSON has the fields below in this order, none ever missing but `mixed`. The headers follow the CloudEvents binding for Kafka
in binary mode, so that a consumer can route and drop repeats without parsing the value.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.contracts.outgoing.campaign_trigger_message import CampaignTriggerMessage
from etapa.journey.engine.facts.changes import Trigger
from etapa.journey.engine.facts.instant import instant_text

TYPE: Final = "etapa.campaign-trigger"


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(CampaignTriggerMessage).decode
_SPECVERSION: Final = ("ce_specversion", b"1.0")
_TYPE: Final = ("ce_type", TYPE.encode())
_CONTENT_TYPE: Final = ("content-type", b"application/json")


def trigger_id(trigger: Trigger) -> str:
    """`customer_id/sequence/campaign`: the idempotency key. Neither a sequence nor a campaign's id contains a slash.

    The customer's id is that under which the stage change was published.
    """
    return f"{trigger.under or trigger.customer_id}/{trigger.sequence}/{trigger.campaign}"


def encode_campaign_trigger(trigger: Trigger, journey: str, version: int) -> tuple[bytes, bytes, Sequence[tuple[str, bytes]]]:
    """Key, value and headers of the record that announces a trigger of this version of this journey."""
    at = instant_text(trigger.at)
    key = trigger.customer_id.encode()
    headers = [
        _SPECVERSION,
        ("ce_id", trigger_id(trigger).encode()),
        _TYPE,
        ("ce_source", b"etapa/" + journey.encode()),
        ("ce_time", at.encode()),
        ("ce_subject", key),
        _CONTENT_TYPE,
    ]
    return key, _encode(_message(trigger, at, journey, version)), headers


def campaign_trigger_json(trigger: Trigger, journey: str, version: int) -> bytes:
    """The value alone: one line of JSON without a line end."""
    return _encode(_message(trigger, instant_text(trigger.at), journey, version))


def decode_campaign_trigger(value: bytes) -> CampaignTriggerMessage:
    """A published trigger. Raises `msgspec.DecodeError` if `value` is not one."""
    return read_json(_decode, value)


def _message(trigger: Trigger, at: Any, journey: str, version: int) -> CampaignTriggerMessage:
    # The time is already text, which encodes just as the time would.
    return CampaignTriggerMessage(
        id=trigger_id(trigger),
        campaign=trigger.campaign,
        customer_id=trigger.customer_id,
        stage_change_id=f"{trigger.under or trigger.customer_id}/{trigger.sequence}",
        at=at,
        source=trigger.source,
        to=trigger.to,
        holdout=trigger.holdout,
        payload=trigger.payload,
        journey=journey,
        version=version,
        mixed=True if trigger.mixed else msgspec.UNSET,
    )
