"""Stage changes for tests: each says only what it is about."""

from typing import Any

from etapa.journey.engine.facts.stage_change import StageChange


def stage_change(source: str | None, to: str, **fields: Any) -> StageChange:
    """The first change of customer `c-1`, made by a touchpoint at time 0; `fields` replace what is left out here."""
    usual: dict[str, Any] = {
        "customer_id": "c-1",
        "sequence": 1,
        "phase": None,
        "at": 0,
        "cause": "touchpoint",
        "rule": None,
        "because": (),
        "touchpoint_id": None,
        "channel": None,
        "dwell": None,
    }
    return StageChange(source=source, to=to, **{**usual, **fields})
