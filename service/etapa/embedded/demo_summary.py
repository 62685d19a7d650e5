"""What a demo did, as data. The first four fields are the contract of `etapa demo --json`."""

import msgspec


class DemoSummary(msgspec.Struct, frozen=True):
    """What happened, in the end. `touchpoints` is `applied` and `duplicates` and `dead_letters` together."""

    touchpoints: int
    stage_changes: int
    customers: dict[str, int]
    """Customers in each stage, in the journey's order."""
    dead_letters: int
    dead_letters_by_reason: dict[str, int]
    applied: int
    duplicates: int
    unread: int
    """Records that were sent but not processed when patience ended; 0 unless something is wrong."""
    seconds: float
    """How long touchpoints were sent."""
    touchpoints_per_second: float
    campaigns: dict[str, dict[str, int]]
    """Stage changes offered to each campaign, by outcome."""
    median_delay_seconds: float | None
    """From sending a touchpoint to reading the stage change that it caused."""
    journey: str
    version: int
