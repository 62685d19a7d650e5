"""A worker of this version of Etapa where one of a version before was at work: customers go on as if it had been one version."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest

from etapa.contracts import mark as marks
from etapa.contracts.state import decode_state, encode_state
from etapa.journey.engine.customer import FORMAT, Customer
from etapa.journey.engine.memory import Latest, time_in
from etapa.journey.engine.program import Program
from etapa.journey.engine.window import CountWindow, has_buckets
from etapa.stream.protocol import tenure
from etapa.stream.protocol.batch import Encoded, encode
from etapa.stream.protocol.records import Applied
from etapa.stream.protocol.takeover import view_mark
from tests.simulation.alone import Alone
from tests.simulation.scenario import PROGRAM
from tests.simulation.versions import VERSIONS


def memory_before(customer: Customer) -> dict[str, Any]:
    """Memories as they were laid out before format 4."""

    def nested(key: str, entry: Any) -> Any:
        kept = PROGRAM.accumulators[key]
        if isinstance(kept, CountWindow):
            return entry if has_buckets(entry) else [entry, [], []]
        return [entry] if isinstance(kept, Latest) else entry

    return {key: nested(key, entry) for key, entry in customer.remembered().items()}


def in_format_2(customer: Customer, memories: Mapping[int, bytes]) -> bytes:
    """Everything is in every state, whatever the mark says."""
    one = customer
    times = one.entered_at, one.clock, one.first_at
    fields = (2, one.version, one.id, one.stage, *times, one.due, one.sequence, one.recent, one.traits, memory_before(one), one.changes)
    return msgspec.msgpack.encode([*fields, one.known, one.began, one.outreach])


def in_format_3(customer: Customer, memories: Mapping[int, bytes]) -> bytes:
    """As now, but that most times are written as they are."""
    fields = msgspec.msgpack.decode(encode_state(customer, memories))
    now = [3, *fields[1:6], customer.first_at, *fields[7:9], memory_before(customer), customer.rule, customer.before, *fields[12:]]
    return msgspec.msgpack.encode(now)


Writer = Callable[[Customer, Mapping[int, bytes]], bytes]
WRITERS: Mapping[int, Writer] = {2: in_format_2, 3: in_format_3}


def mark_before(mark: marks.Mark) -> bytes:
    """A mark that says nothing of memories."""
    fields = msgspec.to_builtins(mark)
    del fields["memories"]
    return msgspec.json.encode(fields)


def with_states_by(write: Writer) -> Callable[..., Awaitable[Encoded]]:
    """What encodes a batch, with its states as a version before wrote them."""

    async def encoded_before(changes: Any, changed: Mapping[str, Customer], *others: Any) -> Encoded:
        memories = others[-1]
        encoded = await encode(changes, {}, *others)
        for customer in changed.values():
            state = write(customer, memories)
            encoded.states.append((customer.id.encode(), state))
            encoded.applied.append(Applied(customer.id, customer.stage, customer.due, state))
        return encoded

    return encoded_before


@pytest.fixture
def before(request: pytest.FixtureRequest) -> Iterator[pytest.MonkeyPatch]:
    """Until it is undone, workers write as the version before did whose format is the parameter (2 unless there is one)."""
    number = getattr(request, "param", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenure, "encode", with_states_by(WRITERS[number]))
        if number == 2:
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
    found = {customer_id: decode_state(one.state or b"", customer_id, mark.memories) for customer_id, one in alone.redis.customers.items()}
    latest = {key for program in VERSIONS.values() for key, kept in program.accumulators.items() if isinstance(kept, Latest)}
    for customer in found.values():
        # As it was written before, it stays in a list until the next touchpoint, and means the same.
        customer.remember({key: time_in(entry) if key in latest else entry for key, entry in customer.remembered().items()})
    return found


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("program", [PROGRAM, VERSIONS[2]])
@pytest.mark.parametrize(("before", "number"), [(2, 2), (3, 3)], indirect=["before"])
def test_customers_go_on_as_if_there_had_been_one_version(
    before: pytest.MonkeyPatch, number: int, program: Program, *, flushed: bool
) -> None:
    upgraded, always = Alone(), Alone()
    first_half(upgraded)
    assert set(formats(upgraded).values()) == {number}
    if flushed:
        upgraded.redis.mark, upgraded.redis.customers = None, {}
    before.undo()
    second_half(upgraded, program)
    first_half(always)
    second_half(always, program)

    assert formats(upgraded) == {"a": FORMAT, "b": FORMAT, "c": number, "new": FORMAT}
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
