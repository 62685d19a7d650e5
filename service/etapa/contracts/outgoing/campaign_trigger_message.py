"""A campaign trigger as published. Mirrors `schemas/campaign-trigger.schema.json`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from etapa.contracts.rfc3339 import OffsetTime, microseconds_of
from etapa.journey.engine.facts.changes import Trigger


class CampaignTriggerMessage(msgspec.Struct, frozen=True, rename={"source": "from"}):
    """A campaign trigger as published. `id` is the same whenever and wherever the trigger is computed; `at` is in UTC."""

    id: str
    campaign: str
    customer_id: str
    stage_change_id: str
    at: OffsetTime
    source: str | None
    to: str
    holdout: bool
    payload: Mapping[str, Any] | None
    journey: str
    version: int
    mixed: bool | msgspec.UnsetType = msgspec.UNSET
    """Present only if true."""

    def trigger(self) -> Trigger:
        """The core's trigger. Raises `ValueError` if `stage_change_id` does not end in a sequence number."""
        under, _, sequence = self.stage_change_id.rpartition("/")
        return Trigger(
            campaign=self.campaign,
            customer_id=self.customer_id,
            sequence=int(sequence),
            at=microseconds_of(self.at),
            source=self.source,
            to=self.to,
            holdout=self.holdout,
            payload=self.payload,
            mixed=self.mixed is True,
            under=None if under == self.customer_id else under,
        )
