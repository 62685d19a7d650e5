"""A worker of this version of Etapa where one of the version before was at work: customers go on as if it had been one version."""

from collections.abc import Iterator, Mapping

import msgspec
import pytest

from etapa.contracts import mark as marks
from etapa.contracts.state import decode_state
from etapa.journey.engine.customer import FORMAT, Customer
from etapa.journey.engine.program import Program
from etapa.stream import batch, tenure
from etapa.stream.takeover import view_mark
from tests.simulation.alone import Alone
from tests.simulation.scenario import PROGRAM
from tests.simulation.versions import VERSIONS


def written_before(customer: Customer, memories: Mapping[int, bytes]) -> bytes:
    """A state in format 2, as the version before wrote it: everything in every state, whatever the mark says."""
    one = customer
    times = one.entered_at, one.clock, one.first_at
    fields = (2, one.version, one.id, one.stage, *times, one.due, one.sequence, one.recent, one.traits, one.memory, one.changes)
    return msgspec.msgpack.encode([*fields, one.known, one.began, one.outreach])


def mark_before(mark: marks.Mark) -> bytes:
    """A mark that says nothing of memories."""
    fields = msgspec.to_builtins(mark)
    del fields["memories"]
    return msgspec.json.encode(fields)


@pytest.fixture
def before() -> Iterator[pytest.MonkeyPatch]:
    """Until it is undone, workers write as the version before did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "encode_state", written_before)
        patch.setattr(tenure, "encode_mark", mark_before)
        patch.setattr(tenure, "view_mark", lambda mark, offset: view_mark(msgspec.structs.replace(mark, memories={}), offset))
        yield patch


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


def formats(alone: Alone) -> dict[str, object]:
    return {customer_id: msgspec.msgpack.decode(one.state or b"")[0] for customer_id, one in alone.redis.customers.items()}


def customers(alone: Alone) -> dict[str, Customer]:
    mark = alone.last_mark()
    assert mark is not None
    return {customer_id: decode_state(one.state or b"", customer_id, mark.memories) for customer_id, one in alone.redis.customers.items()}


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("program", [PROGRAM, VERSIONS[2]])
def test_customers_go_on_as_if_there_had_been_one_version(before: pytest.MonkeyPatch, program: Program, *, flushed: bool) -> None:
    upgraded, always = Alone(), Alone()
    first_half(upgraded)
    assert set(formats(upgraded).values()) == {2}
    if flushed:
        upgraded.redis.mark, upgraded.redis.customers = None, {}
    before.undo()
    second_half(upgraded, program)
    first_half(always)
    second_half(always, program)

    assert formats(upgraded) == {"a": FORMAT, "b": FORMAT, "c": 2, "new": FORMAT}
    assert upgraded.changes() == always.changes()
    assert upgraded.stages() == always.stages()
    assert customers(upgraded) == customers(always)


def test_the_mark_says_what_the_version_at_work_keeps_and_states_leave_it_out(before: pytest.MonkeyPatch) -> None:
    alone = Alone()
    first_half(alone)
    assert alone.last_mark() is not None
    before.undo()
    second_half(alone)
    mark = alone.last_mark()
    assert mark is not None
    assert alone.redis.mark is not None
    assert mark.memories == alone.redis.mark.memories == {PROGRAM.version: PROGRAM.known}
    assert PROGRAM.known not in (alone.redis.customers["a"].state or b"")
    assert PROGRAM.known in (alone.redis.customers["c"].state or b"")


def test_the_mark_goes_on_saying_what_earlier_versions_kept() -> None:
    alone = Alone()
    first_half(alone)
    second_half(alone, VERSIONS[2])
    mark = alone.last_mark()
    assert mark is not None
    assert mark.memories == {1: PROGRAM.known, 2: VERSIONS[2].known}
    assert customers(alone)["c"].known == PROGRAM.known
