"""Everything that is kept of one customer, as `etapa export` writes it. Mirrors `schemas/personal-data.schema.json`."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from etapa.contracts.rfc3339 import OffsetTime

Place = Annotated[int, msgspec.Meta(ge=0)]


class PlacedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Something at a place in Kafka."""

    topic: str
    partition: Place
    offset: Place
    recorded_at: Annotated[OffsetTime, msgspec.Meta(description="The timestamp that Kafka has for the record.")]


class HeaderMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A header of a record."""

    name: str
    value: Annotated[str, msgspec.Meta(description="Bytes that are not UTF-8 appear as replacement characters.")]


class KeptRecordMessage(PlacedMessage, frozen=True, kw_only=True):
    """A record about the customer."""

    headers: Sequence[HeaderMessage]
    content: Annotated[Any, msgspec.Meta(description="The record's value, if it is JSON.")] = msgspec.UNSET
    content_base64: Annotated[str, msgspec.Meta(description="The record's value, if it is not JSON.")] | msgspec.UnsetType = msgspec.UNSET


class EnteredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage, and how the customer got there."""

    stage: str
    since: OffsetTime
    rule: Annotated[str | None, msgspec.Meta(description="Null: the customer was new, or its stage no longer existed.")]


class TraitMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A trait that the journey names."""

    name: str
    value: Any
    told_at: OffsetTime


class SightMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of the journey, and what it sees in a memory."""

    condition: str
    observed: str | int | float | bool | None


class MemoryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of the customer's touchpoints because conditions ask for it."""

    needed_by: Annotated[
        Sequence[SightMessage], msgspec.Meta(description="Empty: only another version of the journey, or only a score, needs it.")
    ]
    kept: Annotated[
        Any,
        msgspec.Meta(
            description="As stored. Times are microseconds since 1970; values that are only compared are kept as numbers made from them."
        ),
    ]


class CampaignMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The last trigger of a campaign."""

    campaign: str
    triggered_at: OffsetTime


class HeldTriggerMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign trigger that waits for a quiet time to end."""

    campaign: str
    source: str | None = msgspec.field(name="from")
    to: str
    until: OffsetTime


class AwaitedGoalMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign's goal that is neither met nor missed yet."""

    campaign: str
    since: OffsetTime
    until: OffsetTime
    holdout: Annotated[bool, msgspec.Meta(description="The customer is in the campaign's control group.")]
    value: Annotated[float | None, msgspec.Meta(description="What has been added up so far; null: nothing.")]
    persona: str | None


class KeptStateMessage(PlacedMessage, frozen=True, kw_only=True):
    """The customer's state."""

    journey_version: Annotated[int, msgspec.Meta(description="The version of the journey that last judged the customer.")]
    now_in: EnteredMessage
    before: EnteredMessage | None
    first_touchpoint: OffsetTime
    last_touchpoint: Annotated[OffsetTime, msgspec.Meta(description="Or the last timer that moved the customer.")]
    next_timer: OffsetTime | None
    stage_changes: Annotated[Place, msgspec.Meta(description="How many were published so far.")]
    stages_visited: Annotated[
        Sequence[str], msgspec.Meta(description="Stages that a published change has entered, as far as the journey file has them.")
    ]
    traits: Sequence[TraitMessage]
    memories: Sequence[MemoryMessage]
    campaigns: Sequence[CampaignMessage]
    trigger_times: Annotated[Sequence[OffsetTime], msgspec.Meta(description="Of all campaigns, as many as their caps need.")]
    held_triggers: Sequence[HeldTriggerMessage]
    open_goals: Sequence[AwaitedGoalMessage]
    remembered_touchpoints: Annotated[
        Sequence[str], msgspec.Meta(description="Digests of the ids by which repeated touchpoints are recognised, oldest first.")
    ]
    earlier_states: Annotated[Place, msgspec.Meta(description="Earlier states in the topic, which compaction has not removed yet.")]


class PersonalDataMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. Records are in the order of their partition."""

    customer_id: str
    customer_ids: Annotated[
        Sequence[str], msgspec.Meta(description="All ids that links have joined to this person, the one that is kept first.")
    ]
    exported_at: OffsetTime
    journey: str
    journey_version: int
    state: KeptStateMessage | None
    forwarded_from: Annotated[
        Sequence[Place],
        msgspec.Meta(description="Partitions in which the customer lived before; each says where the customer went from there."),
    ]
    touchpoints: Sequence[KeptRecordMessage]
    stage_changes: Sequence[KeptRecordMessage]
    campaign_triggers: Sequence[KeptRecordMessage]
    campaign_outcomes: Sequence[KeptRecordMessage]
    dead_letters: Annotated[
        Sequence[KeptRecordMessage],
        msgspec.Meta(description="Records that could not be used and whose key, or a text in them, is this id."),
    ]
    undelivered_triggers: Sequence[KeptRecordMessage]
    transfers: Annotated[
        Sequence[KeptRecordMessage],
        msgspec.Meta(description="What one partition sent to another about the customer. Bytes in it, such as a state, are in base64."),
    ]
    not_read: Annotated[
        Sequence[str], msgspec.Meta(description="Topics that do not exist, or that access control hides, such as those of delivery.")
    ]
