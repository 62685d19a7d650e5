"""Two rules that chase each other by time, and one touchpoint after a quiet year."""

import io
import json
import tracemalloc

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time, parse_time
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import Touched
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.model import GivenTouchpoint, Scenario
from etapa.rehearsal.diff import Diff
from etapa.rehearsal.replay import AT_ONCE, Replay
from etapa.rehearsal.scenarios import MOST_UNEXPECTED, rehearse

CHASE = """
journey: cyc
version: 1
stages: [{{id: waiting}}, {{id: reminded}}]
rules:
  - {{id: remind, from: waiting, to: reminded, when: {{in_stage: {span}}}}}
  - {{id: wait, from: reminded, to: waiting, when: {{in_stage: {span}}}}}
"""
HOURS = 2 * 365 * 24


def seen(at: str) -> Touchpoint:
    return Touchpoint(f"x-{at}", "c", "x", parse_time(at), None, {}, {})


def test_a_second_to_and_fro_is_refused() -> None:
    (found,) = [each for each in load_journey(CHASE.format(span="1s"), "journey.yaml").findings if each.severity == "error"]
    assert str(found).startswith(
        "journey.yaml:6:10: error: time alone moves customers in a circle through the rules `remind` and `wait`, 2s per round"
    )


def test_what_a_long_quiet_time_did_is_given_away_in_portions() -> None:
    replay = Replay(compile_journey(journey_or_raise(CHASE.format(span="30m"), "journey.yaml")))
    list(replay.take(seen("2026-01-01T00:00:00Z")))
    portions = [touched for touched in replay.take(seen("2028-01-01T00:00:00Z")) if isinstance(touched, Touched)]
    assert [len(touched.changes) for touched in portions] == [AT_ONCE, AT_ONCE, AT_ONCE, 2 * HOURS - 3 * AT_ONCE]
    assert [touched.cut for touched in portions] == [True, True, True, False]
    changes = [change for touched in portions for change in touched.changes]
    assert [change.sequence for change in changes] == list(range(2, 2 + 2 * HOURS))


def test_two_journeys_are_compared_as_their_timers_fire_and_nothing_is_gathered() -> None:
    old, new = (journey_or_raise(CHASE.format(span=span), "journey.yaml") for span in ("30m", "31m"))
    begin = parse_time("2026-01-01T00:00:00Z")
    ends = [begin + hours * 3_600_000_000 for hours in (0, HOURS)]
    lines = [json.dumps({"id": f"{at}", "customer_id": "c", "type": "x", "occurred_at": format_time(at)}) for at in ends]
    found = Diff.between(old, new)
    tracemalloc.start()
    found.read(io.BytesIO("\n".join(lines).encode()), ends[-1] + HOURS * 3_600_000_000, decoder=decoder_within(TouchpointLimits()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    minutes = 2 * HOURS * 60
    # The first, and every second of those in which both reach the same minute; in the others they go opposite ways.
    same = 1 + minutes // (30 * 31) // 2
    assert (found.old.changes, found.new.changes) == (1 + minutes // 30, 1 + minutes // 31)
    assert (found.old.only_here, found.new.only_here) == (found.old.changes - same, found.new.changes - same)
    assert {customer: parting.at for customer, parting in found.parted.items()} == {"c": begin + 30 * 60_000_000}
    # Two portions; all of them take 34 MiB, and more the longer it goes on.
    assert peak < 14 * 1024 * 1024


def test_a_test_whose_timers_do_not_come_to_an_end_is_stopped_and_fails() -> None:
    program = compile_journey(journey_or_raise(CHASE.format(span="30m"), "journey.yaml"))
    outcome = rehearse(program, Scenario("for ever", (GivenTouchpoint(0, "x"),), (), until=500 * 365 * 86_400_000_000))
    assert not outcome.passed
    assert len(outcome.run.moves) == MOST_UNEXPECTED
    assert outcome.problems == (f"stopped after {MOST_UNEXPECTED:,} stage changes, because there were more",)
