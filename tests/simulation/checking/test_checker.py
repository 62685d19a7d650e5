"""What the checker expects of a touchpoint that cannot be judged, whose customer was forgotten for a while: it was tried only if that time was over."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.units import SECOND
from etapa.stream.protocol.records import Outgoing
from tests.simulation.checking.checker import Expectations, violations
from tests.simulation.checking.joined import KEY
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.forgetting import request_for
from tests.simulation.worlds.scenario import PROGRAM
from tests.support.quiet import quiet_logs

pytestmark = pytest.mark.usefixtures("quiet_logs")

FORGOTTEN_FOR = 30 * SECOND
AHEAD = 60 * SECOND


def after_a_poisonous_touchpoint(worker_is_ahead: int, occurs_at: int, others_at: int = START + SECOND) -> Alone:
    """Ada was forgotten for half a minute, and a touchpoint of hers that raises comes in one batch with one of somebody else."""
    with quiet_logs():
        alone = Alone(msgspec.structs.replace(OPTIONS, forget_key=KEY))
        alone.skew = worker_is_ahead
        request = request_for("ada", START, FORGOTTEN_FOR)
        alone.broker.append(request.key, request.value, request.headers, START)
        alone.touch("bert", "view", others_at)
        alone.touch("ada", "boom", occurs_at)
        alone.run(alone.drain())
    assert len(alone.broker.committed) == 1
    return alone


def found_in(alone: Alone) -> list[str]:
    expected = Expectations(
        PROGRAM, TouchpointLimits(), START + AHEAD, on_time=False, poisonous=lambda each: each.type == "boom", forget_key=KEY
    )
    return violations(alone.broker, alone.redis, expected)


def test_it_was_tried_if_the_wall_clock_that_held_stream_time_back_had_come_far_enough() -> None:
    alone = after_a_poisonous_touchpoint(FORGOTTEN_FOR, START + AHEAD)
    # The batch was judged again without it, and its mark says nothing of how far stream time had come.
    mark = alone.last_mark()
    assert mark is not None
    assert mark.stream_time == START + SECOND
    assert len(alone.broker.dead_letters) == 1
    assert found_in(alone) == []


def test_it_was_not_tried_if_the_wall_clock_held_stream_time_back_further() -> None:
    alone = after_a_poisonous_touchpoint(10 * SECOND, START + AHEAD)
    assert alone.broker.dead_letters == []
    assert found_in(alone) == []


def test_a_lost_letter_is_found_where_the_time_was_over_by_any_clock() -> None:
    alone = after_a_poisonous_touchpoint(AHEAD, START + AHEAD, others_at=START + FORGOTTEN_FOR)
    assert found_in(alone) == []
    put(alone, ())
    assert found_in(alone) == ["dead letters differ: want [(2, 'evaluation_failed')], published []"]


def test_a_letter_too_many_is_found_where_the_time_was_not_over_by_any_clock() -> None:
    alone = after_a_poisonous_touchpoint(AHEAD, START + FORGOTTEN_FOR // 2)
    assert found_in(alone) == []
    put(alone, after_a_poisonous_touchpoint(AHEAD, START + AHEAD).broker.dead_letters)
    assert found_in(alone) == ["dead letters differ: want [], published [(2, 'not the original')]"]


def put(alone: Alone, letters: Sequence[Outgoing]) -> None:
    """Let these be the dead letters of the only batch."""
    [committed] = alone.broker.committed
    alone.broker.committed[0] = replace(committed, transaction=msgspec.structs.replace(committed.transaction, dead_letters=letters))
    alone.broker.dead_letters[:] = letters
