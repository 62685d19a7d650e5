"""Triggers held over a quiet time, by workers on in-memory ports: the worker that owns the partition afterwards publishes them, once."""

import pytest

from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger
from etapa.contracts.rfc3339 import parse_time
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import SECOND
from tests.simulation.one_worker.alone import START, Alone

JOURNEY = """
journey: quiet
version: {version}
grace: 2s
quiet: {{hours: "11:07-11:08", then: hold}}
stages: [{{id: new}}, {{id: active}}]
rules:
  - {{id: buys, from: new, to: active, when: {{event: purchase}}}}
campaigns:
  - {{id: {campaign}, on: {{enter: active}}}}
"""
QUIET_SINCE = parse_time("2026-11-18T11:07:00Z")
QUIET_UNTIL = parse_time("2026-11-18T11:08:00Z")


def program(version: int = 1, campaign: str = "thanks") -> Program:
    return compile_journey(journey_or_raise(JOURNEY.format(version=version, campaign=campaign), "quiet.yaml"))


def published(alone: Alone) -> list[tuple[str, int]]:
    outgoing = [one for committed in alone.broker.committed for one in committed.transaction.campaign_triggers]
    triggers = [decode_campaign_trigger(one.value or b"").trigger() for one in outgoing]
    return [(f"{trigger.customer_id}/{trigger.sequence}/{trigger.campaign}", trigger.at) for trigger in triggers]


def outcomes(alone: Alone) -> list[str]:
    """Outcomes of held triggers, once for each, batch by batch."""
    counted = [each for batch in alone.told.batches for each in batch.changes.offers.items()]
    return [outcome for (_, outcome), number in counted for _ in range(number) if outcome != "held"]


@pytest.mark.parametrize(
    ("successor", "found"),
    [(program(), "published"), (program(version=2), "published"), (program(version=2, campaign="other"), "withdrawn")],
    ids=["the same version", "a newer version", "a newer version without the campaign"],
)
def test_what_one_worker_held_the_next_one_publishes_at_the_end_of_the_quiet_time(successor: Program, found: str) -> None:
    assert START < QUIET_SINCE
    alone = Alone()
    alone.worker(program=program())
    alone.touch("a", at=QUIET_SINCE + 5 * SECOND)
    alone.touch("b", "visit", at=QUIET_SINCE + 5 * SECOND)
    alone.run(alone.drain())
    assert alone.stages() == {"a": "active", "b": "new"}
    assert alone.redis.customers["a"].due == QUIET_UNTIL
    assert published(alone) == []
    alone.worker(program=successor)

    async def steps() -> None:
        await alone.work_until(lambda: outcomes(alone))

    alone.run(steps())
    assert outcomes(alone) == [found]
    assert published(alone) == ([("a/2/thanks", QUIET_UNTIL)] if found == "published" else [])
    assert alone.redis.customers["a"].due is None
    alone.worker(program=successor)
    alone.touch("b", at=QUIET_UNTIL + 60 * SECOND)
    alone.run(alone.drain())
    assert [each for each, _ in published(alone) if each.startswith("a/")] == (["a/2/thanks"] if found == "published" else [])
    assert [each for each, _ in published(alone) if each.startswith("b/")] == [f"b/2/{successor.journey.campaigns[0].id}"]
