from pathlib import Path
from random import Random

import pytest

from tests.faults.requests.acts import every_act
from tests.faults.requests.report import line_of
from tests.faults.requests.rounds import RequestTrial, Rounds
from tests.faults.requests.site import Site

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SEED = 7


@pytest.mark.parametrize("transactions", [1], ids=lambda level: f"transaction.version={level}")
def test_no_request_that_is_late_lost_or_doubled_tears_a_transaction(
    transactions: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of request once in every way; `make faults ARGS="--requests"` tries each often and at every moment."""
    tried: list[RequestTrial] = []

    def tell(trial: RequestTrial) -> None:
        tried.append(trial)
        with capsys.disabled():
            print(line_of(trial))  # noqa: T201 - what takes this long should be seen to move

    with Site(tmp_path, workers=2, partitions=18, transactions=transactions) as site:
        site.start_workers()
        chosen = every_act(transactions, Random(SEED))
        with Rounds(site, SEED) as rounds:
            rounds.run(chosen, tell)
    assert [(trial.kind, trial.problems) for trial in tried if trial.problems] == []
    assert len(tried) == len(chosen)
    assert rounds.changes > 500
    assert rounds.triggers > 50
