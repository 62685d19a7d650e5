from pathlib import Path

import pytest

from tests.faults.breaking.catalogue import CATALOGUE
from tests.faults.drill import Drill, DrillOutcome
from tests.faults.report import line_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SEED = 7


def test_nothing_is_lost_repeated_or_wrong_whatever_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of fault once, one after the other; `make faults` runs as long as wanted, and also tries two at once."""

    def tell(outcome: DrillOutcome) -> None:
        with capsys.disabled():
            print(line_of(outcome))  # noqa: T201 - a run of minutes should be seen to move

    with Drill(tmp_path, seed=SEED, workers=2) as drill:
        drill.run(CATALOGUE, tell)
        totals = drill.finish()
    assert [outcome.kind for outcome in drill.outcomes] == list(CATALOGUE)
    assert totals["touchpoints"] > 10_000
    assert totals["by_timer"] > 100
    assert totals["campaign_triggers"] > 10
    assert totals["dead_letters"] > 10
