"""The outcome of a campaign's goal, as published. Mirrors `schemas/campaign-outcome.schema.json`."""

import msgspec

from etapa.contracts.rfc3339 import OffsetTime


class CampaignOutcomeMessage(msgspec.Struct, frozen=True):
    """One outcome for each trigger that opened a goal. `id` is the trigger's; `at` is in UTC."""

    id: str
    campaign: str
    customer_id: str
    holdout: bool
    met: bool
    at: OffsetTime
    seconds: float
    value: float | None
    journey: str
    version: int
