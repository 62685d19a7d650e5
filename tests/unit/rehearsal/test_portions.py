"""Two rules that chase each other by time, and one touchpoint after a quiet year."""

from etapa.contracts.rfc3339 import parse_time
from etapa.journey.engine.classify import Touched
from etapa.journey.engine.program import compile_journey
from etapa.journey.engine.touchpoint import Touchpoint
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.rehearsal.replay import AT_ONCE, Replay

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
        "journey.yaml:6:10: error: time alone drives customers round by the rules `remind` and `wait`, 2s for each round"
    )


def test_what_a_long_quiet_time_did_is_given_away_in_portions() -> None:
    replay = Replay(compile_journey(journey_or_raise(CHASE.format(span="30m"), "journey.yaml")))
    list(replay.take(seen("2026-01-01T00:00:00Z")))
    portions = [touched for touched in replay.take(seen("2028-01-01T00:00:00Z")) if isinstance(touched, Touched)]
    assert [len(touched.changes) for touched in portions] == [AT_ONCE, AT_ONCE, AT_ONCE, 2 * HOURS - 3 * AT_ONCE]
    assert [touched.cut for touched in portions] == [True, True, True, False]
    changes = [change for touched in portions for change in touched.changes]
    assert [change.sequence for change in changes] == list(range(2, 2 + 2 * HOURS))
