"""What the mark says about memories and names, so that states need not repeat it."""

from etapa.contracts.stored.state import decode_state
from etapa.journey.engine.judging.program import Program
from tests.simulation.one_worker.alone import Alone
from tests.simulation.worlds.scenario import PROGRAM
from tests.simulation.worlds.versions import VERSIONS


def first_half(alone: Alone) -> None:
    for customer in "abc":
        alone.touch(customer)
        alone.touch(customer)
    alone.run(alone.drain())


def second_half(alone: Alone, program: Program = PROGRAM) -> None:
    """A worker that starts now. Nothing happens to c."""
    alone.worker(program=program)
    alone.touch("a")
    alone.touch("b", "complaint")
    alone.touch("new")
    alone.run(alone.drain())


def test_the_mark_says_what_the_version_at_work_keeps_and_states_leave_it_out() -> None:
    alone = Alone()
    first_half(alone)
    second_half(alone)
    mark = alone.last_mark()
    assert mark is not None
    assert alone.redis.mark is not None
    assert mark.memories == alone.redis.mark.memories == {PROGRAM.version: PROGRAM.known}
    assert mark.names == alone.redis.mark.names == PROGRAM.names
    states = [one.state or b"" for one in alone.redis.customers.values()]
    assert not any(text in state for state in states for text in (PROGRAM.known, *map(str.encode, PROGRAM.keys)))


def test_the_mark_goes_on_saying_what_earlier_versions_kept() -> None:
    alone = Alone()
    first_half(alone)
    second_half(alone, VERSIONS[2])
    mark = alone.last_mark()
    assert mark is not None
    assert mark.memories == {1: PROGRAM.known, 2: VERSIONS[2].known}
    assert mark.names == tuple(dict.fromkeys((*PROGRAM.names, *VERSIONS[2].names)))
    common = mark.in_common()
    assert {decode_state(one.state or b"", "c", common).version for one in alone.redis.customers.values()} == {1, 2}
