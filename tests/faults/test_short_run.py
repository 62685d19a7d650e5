from pathlib import Path

import pytest

from tests.faults.drill import Drill, Outcome
from tests.faults.report import line_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SEED = 7
KINDS = [
    "worker-kill",
    "redis-kill-empty",
    "network-hold-from",
    "broker-kill-transactions",
    "redis-promote",
    "worker-freeze",
    "redis-full",
    "redis-disk-full",
]


def test_nothing_is_lost_repeated_or_wrong_whatever_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A few faults of the most important kinds, one after the other; `make faults` injects all there are, for as long as one likes."""

    def tell(outcome: Outcome) -> None:
        with capsys.disabled():
            print(line_of(outcome))  # noqa: T201 - a run of minutes should be seen to move

    with Drill(tmp_path, seed=SEED, workers=2) as drill:
        drill.run(KINDS, tell)
        totals = drill.finish()
    assert [outcome.kind for outcome in drill.outcomes] == KINDS
    assert totals["touchpoints"] > 10_000
    assert totals["by_timer"] > 100
    assert totals["campaign_triggers"] > 10
    assert totals["dead_letters"] > 10
