"""A checker that cannot fail proves nothing."""

from collections.abc import Sequence

import msgspec
import pytest

from etapa.contracts.incoming.rejected import rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import encode_dead_letter
from etapa.contracts.stored.mark import MARK_KEY, Mark, encode_mark
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import Touched
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import DAY
from etapa.rehearsal.replay import Replay
from tests.faults.checking.books import Books
from tests.integration.outcome import Message, message_of

JOURNEY = journey_or_raise(
    """
journey: short
version: 1
grace: 1d
stages: [{id: looks}, {id: buys}, {id: sleeps}]
rules:
  - {id: buys, to: buys, when: {event: purchase}}
  - {id: sleeps, from: buys, to: sleeps, when: {idle: 10d}}
""",
    "short.yaml",
)
CUSTOMER = b"c-1"
FIRST_DAY = 1_735_689_600_000_000
UNTIL = FIRST_DAY + 30 * DAY


def touchpoint(number: int, type_: str) -> bytes:
    fields = {"id": f"t-{number}", "customer_id": "c-1", "type": type_, "occurred_at": f"2025-01-0{number}T00:00:00Z"}
    return msgspec.json.encode(fields)


TOUCHPOINTS = [touchpoint(1, "visit"), touchpoint(2, "purchase")]


class Worker:
    """What a correct worker publishes for `TOUCHPOINTS`."""

    def __init__(self) -> None:
        replay = Replay(compile_journey(JOURNEY))
        self.changes: list[Message] = []
        for value in TOUCHPOINTS:
            found = decode_touchpoint(CUSTOMER, value, TouchpointLimits(), None)
            assert isinstance(found, Touchpoint)
            for touched in replay.take(found):
                assert isinstance(touched, Touched)
                self.changes += [message_of(change, JOURNEY) for change in touched.changes]
        self.changes += [message_of(change, JOURNEY) for change in replay.run_timers(UNTIL, lambda failure: None)]
        customer = replay.customers["c-1"]
        self.state = encode_state(customer)


@pytest.fixture
def books() -> Books:
    books = Books(JOURNEY, 1)
    for offset, value in enumerate(TOUCHPOINTS):
        books.touchpoint(0, offset, CUSTOMER, value)
    books.state(0, 0, CUSTOMER, Worker().state)
    return books


def publish(books: Books, messages: Sequence[Message]) -> None:
    for key, value, headers in messages:
        books.stage_change(0, key or b"", value or b"", headers)


def mark(through: int) -> bytes:
    return encode_mark(Mark(group="g", partitions=1, through=through, stream_time=None, journey="short", version=1))


def test_what_the_core_says_is_right(books: Books) -> None:
    changes = Worker().changes
    assert len(changes) == 3
    publish(books, changes)
    assert books.behind() == []
    assert books.close(UNTIL) == []


def test_a_missing_change_is_found(books: Books) -> None:
    publish(books, Worker().changes[:1])
    assert books.behind() == ["c-1: 1 stage change(s) are missing"]


def test_a_timer_that_never_fired_is_found_at_the_end(books: Books) -> None:
    publish(books, Worker().changes[:2])
    assert books.behind() == []
    assert books.close(UNTIL) == ["c-1: 1 stage change(s) are missing"]


def test_a_repeated_change_is_found(books: Books) -> None:
    publish(books, [*Worker().changes[:2], Worker().changes[1]])
    assert books.violations[0] == "c-1: change 2 follows change 2"


def test_a_gap_is_found(books: Books) -> None:
    publish(books, [Worker().changes[0], Worker().changes[2]])
    assert books.violations[:2] == [
        "c-1: change 3 follows change 1",
        "c-1: change 3 leaves buys, but the customer was in looks",
    ]


def test_a_change_with_another_reason_is_found(books: Books) -> None:
    [(key, value, headers), *_] = Worker().changes
    assert value is not None
    publish(books, [(key, value.replace(b'"t-1"', b'"t-9"'), headers)])
    assert len(books.violations) == 1


def test_a_change_too_many_is_found_at_the_end(books: Books) -> None:
    publish(books, Worker().changes)
    assert "c-1: 1 stage change(s) too many" in books.close(FIRST_DAY + 5 * DAY)


def test_a_state_that_is_not_the_cores_is_found_at_the_end(books: Books) -> None:
    publish(books, Worker().changes)
    books.state(0, 1, CUSTOMER, Worker().state.replace(b"sleeps", b"wakes!"))
    assert books.close(UNTIL) == ["c-1: the state in customer-state is not the core's"]


def test_a_mark_that_goes_back_is_found(books: Books) -> None:
    books.state(0, 1, MARK_KEY, mark(1))
    books.state(0, 2, MARK_KEY, mark(0))
    assert books.violations == ["partition 0: the mark went back from 1 to 0"]


def test_dead_letters_are_expected_once_each_and_for_their_reason(books: Books) -> None:
    books.touchpoint(0, 2, CUSTOMER, b"{")
    assert books.behind()[-1] == "the touchpoint at (0, 2) became no dead letter"
    letter = encode_dead_letter(CUSTOMER, b"{", (), rejected("not_json", "cut off"), "touchpoints", 0, 2)
    books.dead_letter(*letter)
    assert books.violations == []
    books.dead_letter(*letter)
    assert books.violations == ["the touchpoint at 0/2 became a dead letter twice"]
    books.touchpoint(0, 3, CUSTOMER, b"{")
    books.dead_letter(*encode_dead_letter(CUSTOMER, b"{", (), rejected("invalid", "no"), "touchpoints", 0, 3))
    assert books.violations[1] == "the touchpoint at 0/3 became a dead letter as invalid, the core says not_json"


def test_a_dead_letter_with_other_bytes_is_found(books: Books) -> None:
    books.touchpoint(0, 2, CUSTOMER, b"{")
    books.dead_letter(*encode_dead_letter(CUSTOMER, b"[", (), rejected("not_json", "cut off"), "touchpoints", 0, 2))
    assert books.violations == ["the dead letter of the touchpoint at 0/2 does not hold the bytes that were sent"]


def test_what_the_workers_cannot_judge_is_expected_as_a_dead_letter() -> None:
    books = Books(JOURNEY, 1, spoils=lambda touchpoint: touchpoint.type == "purchase")
    for offset, value in enumerate(TOUCHPOINTS):
        books.touchpoint(0, offset, CUSTOMER, value)
    assert books.behind() == ["c-1: 1 stage change(s) are missing", "the touchpoint at (0, 1) became no dead letter"]
    letter = encode_dead_letter(CUSTOMER, TOUCHPOINTS[1], (), rejected("evaluation_failed", "bug"), "touchpoints", 0, 1)
    books.dead_letter(*letter)
    assert books.behind() == ["c-1: 1 stage change(s) are missing"]
