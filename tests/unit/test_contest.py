"""The contest between Etapa and its peers: what becomes of one whose result is wrong, how much of the stream each gets, and how the page tells it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import contest
from bench.contestants import lineup
from bench.contestants.lineup import ETAPA, Contestant
from bench.contestants.outcomes import must_end_so
from bench.contestants.results import ContestError, Length, RunResult, Topic, WarmSpan
from bench.reporting.time_left import TimeLeft
from bench.servers.place import BenchPlace
from bench.workload.book import Book, decoded
from bench.workload.touchpoints import closed, made_up
from etapa.contracts.partitioner import partition_of
from etapa.journey.units import DAY, SECOND

RESULT = RunResult(WarmSpan(1_000, 0.5, 0.25), 1_000, 0.5, 100)
NOTHING: Any = None
TOPICS: Any = dict.fromkeys(Length)
START = 1_735_689_600 * SECOND
PARTITIONS = 4


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
    contestants = [Contestant("ceiling", right), Contestant("Peer", wrong), Contestant("Other", right)]
    *_, standings = contest.compete(NOTHING, contestants, TOPICS, 2)
    assert standings.runs == {"ceiling": [RESULT, RESULT], "Other": [RESULT, RESULT]}
    assert standings.out == {"Peer": "1 of 3 customers ended elsewhere"}
    assert "round 1 of 2: Peer is out: 1 of 3 customers ended elsewhere" in capsys.readouterr().err
    assert deleted == ["run-1-0", "run-1-1", "run-1-2", "run-2-0", "run-2-2"]


def test_a_wrong_result_of_ours_ends_the_contest() -> None:
    with pytest.raises(ContestError):
        next(contest.compete(NOTHING, [Contestant(ETAPA, wrong)], TOPICS, 1))


def test_what_went_well_is_there_after_each_round() -> None:
    results = iter([RESULT, RESULT])

    def fails_at_last(*_: object) -> RunResult:
        try:
            return next(results)
        except StopIteration:
            raise ContestError("the third") from None

    standings = contest.compete(NOTHING, [Contestant(ETAPA, fails_at_last)], TOPICS, 3)
    assert [len(next(standings).runs[ETAPA]) for _ in range(2)] == [1, 2]
    with pytest.raises(ContestError):
        next(standings)


def test_each_gets_as_much_of_the_stream_as_it_is_made_for() -> None:
    got: dict[str, Any] = {}

    def noting(name: str) -> Contestant:
        def run(_: object, topic: Topic, __: str) -> RunResult:
            got[name] = topic
            return RESULT

        return Contestant(name, run, Length(name))

    topics: Any = {length: f"topic-{length}" for length in Length}
    next(contest.compete(NOTHING, [noting(length) for length in Length], topics, 1))
    assert got == {"long": "topic-long", "middle": "topic-middle", "short": "topic-short"}


def test_a_wrong_end_is_told_with_an_example() -> None:
    with pytest.raises(ContestError, match="2 of 3 customers, such as b: service, not loyalty"):
        must_end_so("Peer", {"a": "purchase", "b": "loyalty", "c": "service"}, {"a": "purchase", "b": "service"})


def test_all_partitions_of_a_closed_stream_end_at_the_same_instant_which_is_later_than_all_before() -> None:
    sent = list(made_up(2_000, 50, START, START + 10 * DAY))
    stream = closed(sent, PARTITIONS)
    assert stream[:-PARTITIONS] == sent[:-PARTITIONS]
    touchpoints = decoded(stream)
    last = touchpoints[-PARTITIONS:]
    assert Counter(partition_of(each.customer_id, PARTITIONS) for each in last) == dict.fromkeys(range(PARTITIONS), 1)
    [end] = {each.at for each in last}
    assert end % SECOND == 0
    assert end > max(each.at for each in touchpoints[:-PARTITIONS])


def test_one_that_hangs_does_not_hold_up_the_contest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lineup, "GIVE_UP_AFTER", 0.5)
    place = BenchPlace("nowhere:1", "redis://nowhere:1", 1, tmp_path)
    topic = Topic("touchpoints", [], [], Book({}, {}, 0))
    with pytest.raises(ContestError, match=r"took longer than 0.5 s \(exit code -9\)"):
        lineup.tells_itself("tests.support.never_tells", place, topic, "run")


def test_results_of_a_core_that_is_not_compiled_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "IS_COMPILED", False)
    told = CliRunner().invoke(contest.main, ["--touchpoints", "10"])
    assert told.exit_code == 2
    assert "the core is not compiled" in told.output


def test_a_contest_of_busy_hours_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "IS_COMPILED", True)
    done = CliRunner().invoke(contest.main, ["--hours", "8"])
    assert done.exit_code == 2
    assert "use --no-save" in done.output


def test_the_time_left_is_that_of_the_runs_to_come() -> None:
    time_left = TimeLeft(["fast", "slow", "out"], 2)
    assert time_left.minutes == 0
    time_left.done("fast", 60)
    assert time_left.minutes == 5, "those that have not run yet are taken to be as fast"
    time_left.done("slow", 180)
    time_left.out("out")
    assert time_left.minutes == 4


def test_the_words_compare_peers_with_us_warm_and_from_cold_where_both_read_equally_much() -> None:
    def runs(warm: float, whole: float, touchpoints: int = 1_000) -> list[RunResult]:
        return [RunResult(WarmSpan(1_000, 1, cpu), touchpoints, whole, 100) for cpu in (9 * warm, warm, 0)]

    said = contest.verdicts({"ceiling": runs(0.1, 0.1), ETAPA: runs(1, 2), "Slow": runs(3, 9, 10), "Fast": runs(0.5, 3)})
    assert said.splitlines() == [
        "- **Fast** needs 0.50 times Etapa's CPU when warm, and 1.50 times from cold.",
        "- **Slow** needs 3.00 times Etapa's CPU when warm.",
    ]
