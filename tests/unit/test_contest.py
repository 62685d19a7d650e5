"""The contest between Etapa and its peers: what becomes of one whose result is wrong."""

from typing import Any

import pytest

from bench import contest
from bench.contestants.lineup import Contestant
from bench.contestants.results import ContestError, RunResult, WarmSpan

RESULT = RunResult(WarmSpan(1_000, 0.5, 0.25), 1_000, 0.5, 100)
NOTHING: Any = None


def right(*_: object) -> RunResult:
    return RESULT


def wrong(*_: object) -> RunResult:
    raise ContestError("1 of 3 customers ended elsewhere")


@pytest.fixture(autouse=True)
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(contest, "delete_outputs", lambda _, name: names.append(name))
    return names


def test_a_peer_whose_result_is_wrong_is_out_and_takes_nothing_from_the_others(
    deleted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = contest.compete(
        NOTHING, [Contestant("ceiling", right), Contestant("Peer", wrong), Contestant("Other", right)], NOTHING, NOTHING, 2
    )
    assert runs == {"ceiling": [RESULT, RESULT], "Other": [RESULT, RESULT]}
    assert "round 1: Peer is out: 1 of 3 customers ended elsewhere" in capsys.readouterr().err
    assert deleted == ["run-1-0", "run-1-1", "run-1-2", "run-2-0", "run-2-2"]


def test_a_wrong_result_of_ours_ends_the_contest() -> None:
    with pytest.raises(ContestError):
        contest.compete(NOTHING, [Contestant("Etapa, exactly once", wrong)], NOTHING, NOTHING, 1)
