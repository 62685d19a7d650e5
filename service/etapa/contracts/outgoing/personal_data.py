"""A customer's state and records as parts of the document that `etapa export` writes."""

import base64
from collections.abc import Sequence
from contextlib import suppress
from math import fsum
from typing import Any

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.contracts.outgoing.personal_data_message import (
    AwaitedGoalMessage,
    CampaignMessage,
    EnteredMessage,
    HeaderMessage,
    HeldTriggerMessage,
    KeptRecordMessage,
    KeptStateMessage,
    MemoryMessage,
    SightMessage,
    TraitMessage,
)
from etapa.contracts.rfc3339 import moment_of
from etapa.contracts.stored.transfer import decode_transfer
from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.judging.recollection import Recollection

_decode = msgspec.json.Decoder().decode


def kept_record(
    topic: str, partition: int, offset: int, at: int, value: bytes | None, headers: Sequence[tuple[str, bytes]]
) -> KeptRecordMessage:
    """A record; `at` is its timestamp in microseconds since 1970."""
    told = [HeaderMessage(name=name, value=(text or b"").decode(errors="replace")) for name, text in headers]
    content: Any = None
    content_base64: str | msgspec.UnsetType = msgspec.UNSET
    if value is not None:
        try:
            content = read_json(_decode, value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            content, content_base64 = msgspec.UNSET, base64.b64encode(value).decode()
    return KeptRecordMessage(
        topic=topic,
        partition=partition,
        offset=offset,
        recorded_at=moment_of(at),
        headers=told,
        content=content,
        content_base64=content_base64,
    )


def kept_transfer(topic: str, partition: int, offset: int, at: int, value: bytes | None) -> KeptRecordMessage:
    """A record of `transfers`, as a JSON object; `at` as above. Raises `TransferError`."""
    content = msgspec.to_builtins(decode_transfer(value))
    sent = content["sent"]
    if sent["type"] == "touchpoint" and sent["value"] is not None:
        # Other bytes stay in base64.
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            sent["value"] = read_json(_decode, base64.b64decode(sent["value"]))
    return KeptRecordMessage(topic=topic, partition=partition, offset=offset, recorded_at=moment_of(at), headers=[], content=content)


def kept_state(
    customer: Customer,
    memories: Sequence[Recollection],
    topic: str,
    partition: int,
    offset: int,
    at: int,
    *,
    visited: Sequence[str],
    earlier: int,
) -> KeptStateMessage:
    """The state that was read at `offset`. `at`: the record's timestamp; `visited`: stages where the customer has been; `earlier`: how many earlier states the topic has."""
    outreach = customer.outreach
    recent = customer.recent
    return KeptStateMessage(
        topic=topic,
        partition=partition,
        offset=offset,
        recorded_at=moment_of(at),
        journey_version=customer.version,
        now_in=EnteredMessage(stage=customer.stage, since=moment_of(customer.entered_at), rule=customer.rule),
        before=None
        if customer.before is None
        else EnteredMessage(stage=customer.before[0], since=moment_of(customer.before[1]), rule=customer.before[2]),
        first_touchpoint=moment_of(customer.first_at),
        last_touchpoint=moment_of(customer.clock),
        next_timer=None if customer.due is None else moment_of(customer.due),
        stage_changes=customer.sequence,
        stages_visited=visited,
        traits=[TraitMessage(name=name, value=value, told_at=moment_of(told_at)) for name, (told_at, value) in customer.traits.items()],
        memories=[
            MemoryMessage(
                needed_by=[SightMessage(condition=sight.condition, observed=sight.observed) for sight in memory.needed_by],
                kept=memory.kept,
            )
            for memory in memories
        ],
        campaigns=[]
        if outreach is None
        else [CampaignMessage(campaign=name, triggered_at=moment_of(last)) for name, last in outreach.last.items()],
        trigger_times=[] if outreach is None else [moment_of(each) for each in outreach.times],
        held_triggers=[]
        if outreach is None
        else [
            HeldTriggerMessage(campaign=held.campaign, source=held.source, to=held.to, until=moment_of(held.ends)) for held in outreach.held
        ],
        open_goals=[]
        if outreach is None
        else [
            AwaitedGoalMessage(
                campaign=goal.campaign,
                since=moment_of(goal.at),
                until=moment_of(goal.ends),
                holdout=goal.holdout,
                value=fsum(goal.total) if goal.total else None,
                persona=goal.persona,
            )
            for goal in outreach.goals
        ],
        remembered_touchpoints=[recent[start : start + DIGEST_BYTES].hex() for start in range(0, len(recent), DIGEST_BYTES)],
        earlier_states=earlier,
    )
