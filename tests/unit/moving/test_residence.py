"""What one partition knows of where customers live, and what it sends to the others."""

from collections.abc import Sequence

import pytest

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.denial_transfer import all_denials, denials_of, take_in
from etapa.contracts.stored.forwarding import ForwardingAddress
from etapa.contracts.stored.mark import MovingMark
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    CustomerClaimed,
    CustomerUnknown,
    PlaceFinished,
    Sent,
    SettlingAnswered,
    SettlingAsked,
    TopicLayout,
    Transfer,
    TransferError,
    decode_transfer,
    encode_transfer,
)
from etapa.journey.engine.deny_list import DenyKey, DenyList
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.stream.protocol.forwarded_items import ForgetElsewhere, LivesElsewhere, as_read, elsewhere
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.residence import Moves

LAYOUT = TopicLayout(generation=1, partitions=3, before=2)


def living_at(before: int, after: int) -> str:
    """A customer who has to move so."""
    return next(name for name in map(str, range(1000)) if (partition_of(name, 2), partition_of(name, 3)) == (before, after))


def records(*transfers: Transfer) -> Sequence[Record]:
    return [Record(offset, 0, None, encode_transfer(transfer)) for offset, transfer in enumerate(transfers)]


def sent_by(sender: int, number: int) -> Transfer:
    return Transfer(sender=sender, number=number, sent=CustomerUnknown("ada", LAYOUT))


def test_without_a_layout_everybody_lives_where_they_are_unless_they_left() -> None:
    moves = Moves(1, None)
    assert moves.whereabouts(living_at(0, 2)) == "here"
    moves.note_address("ada", ForwardingAddress(2))
    assert moves.whereabouts("ada") == 2
    assert moves.forget_addresses() == ["ada"]
    assert moves.whereabouts("ada") == "here"


def test_with_a_layout_a_touchpoint_goes_home_or_waits_for_its_customer() -> None:
    moves = Moves(1, None)
    moves.adopt(LAYOUT)
    mover = living_at(0, 1)
    assert [moves.whereabouts(living_at(*homes)) for homes in ((1, 1), (1, 0), (1, 2))] == ["here", 0, 2]
    assert moves.whereabouts(mover) == "maybe on the way"
    moves.hear(Transfer(sender=0, number=1, sent=CustomerUnknown(mover, LAYOUT)))
    assert moves.whereabouts(mover) == "here"
    moves.forget_claims()
    assert moves.whereabouts(mover) == "maybe on the way"
    moves.has_ended(0, LAYOUT)
    assert moves.whereabouts(mover) == "here"


def test_in_a_later_layout_partitions_of_an_earlier_one_ask_the_old_home_which_alone_knows_who_has_left() -> None:
    later = TopicLayout(generation=3, partitions=3, before=2)
    mover = living_at(0, 1)
    by_place = {place: Moves(place, None) for place in (0, 1, 5)}
    for moves in by_place.values():
        moves.adopt(later)
    assert by_place[5].whereabouts(mover) == 0
    assert by_place[0].whereabouts(mover, forwarded_by=5) == 1
    assert by_place[1].whereabouts(mover, forwarded_by=0) == "here"
    assert by_place[1].whereabouts(mover, forwarded_by=5) == 0
    by_place[1].has_ended(0, LAYOUT)
    assert by_place[1].whereabouts(mover, forwarded_by=5) == 0
    by_place[1].has_ended(0, later)
    assert by_place[1].whereabouts(mover, forwarded_by=5) == "here"


def test_a_customer_is_claimed_once_from_its_old_home() -> None:
    moves = Moves(1, None)
    moves.adopt(LAYOUT)
    mover = living_at(0, 1)
    moves.claim(mover)
    moves.claim(mover)
    ((to, outgoing),) = moves.take_sends()
    assert (to, decode_transfer(outgoing.value)) == (0, Transfer(sender=1, number=1, sent=CustomerClaimed(mover, LAYOUT)))
    assert not moves.has_sends


def test_an_older_layout_or_the_same_again_changes_nothing() -> None:
    moves = Moves(0, None)
    moves.adopt(LAYOUT)
    moves.has_ended(0, LAYOUT)
    for layout in (LAYOUT, TopicLayout(generation=0, partitions=9, before=1)):
        moves.adopt(layout)
    assert (moves.layout, moves.someone_may_have_to_leave, moves.others()) == (LAYOUT, False, [1, 2])


def test_numbers_go_on_where_the_mark_ends_and_a_mark_is_read_as_it_was_written() -> None:
    marked = MovingMark(next_transfer=9, sent={0: 4}, taken={2: 6}, layout=LAYOUT, ended=(0, 2))
    moves = Moves(1, marked)
    assert moves.marked() == marked
    moves.send(0, CustomerUnknown("ada", LAYOUT))
    moves.send(2, CustomerUnknown("ada", LAYOUT))
    assert moves.marked().sent == {0: 5, 2: 1}


def test_what_was_taken_in_before_or_was_read_twice_is_passed_over() -> None:
    moves = Moves(1, MovingMark(next_transfer=0, taken={2: 6}))
    read = records(sent_by(2, 6), sent_by(2, 7), sent_by(0, 1), sent_by(2, 7), sent_by(2, 8), sent_by(ANNOUNCER, 0))
    assert [(each.offset, each.transfer.number) for each in moves.new_of(read)] == [(1, 7), (2, 1), (4, 8), (5, 0)]


def test_a_missing_number_is_told() -> None:
    moves = Moves(1, MovingMark(next_transfer=0, taken={2: 6}))
    with pytest.raises(
        TransferError, match="the last transfer from partition 2 was number 6, and the next is number 8: transfers lost records"
    ):
        list(moves.new_of(records(sent_by(2, 8))))


DENY_KEY = DenyKey(b"a long random text")


def denied(*customer_ids: str, until: int = 9) -> DenyList:
    found = DenyList(DENY_KEY, {})
    for customer_id in customer_ids:
        assert found.add(ForgetRequest(customer_id, DENY_KEY.digest(customer_id), 1, until))
    return found


def test_a_deny_list_goes_to_other_partitions_in_pieces_and_the_longer_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etapa.contracts.stored.denial_transfer.ENTRIES_AT_ONCE", 2)
    there = denied("ada", until=99)
    sent = list(all_denials(denied("ada", "bob", "eve")))
    assert [len(one.entries) for one in sent] == [2, 1]
    assert not any(b"ada" in encode_transfer(Transfer(sender=0, number=1, sent=one)) for one in sent)
    there.collect()
    for one in sent:
        take_in(there, one)
    assert there.denies("eve", 8)
    assert there.denies("ada", 98)
    assert there.collect().keys() == {DENY_KEY.digest("bob"), DENY_KEY.digest("eve")}


def test_only_the_entry_of_one_customer_goes_with_its_touchpoint() -> None:
    assert [len(one.entries) for one in denials_of(denied("ada", "bob"), "ada")] == [1]
    assert list(denials_of(denied("bob"), "ada")) == list(denials_of(denied(), "ada")) == list(denials_of(None, "ada")) == []


@pytest.mark.parametrize("other", [None, DenyList(DenyKey(b"another"), {})])
def test_a_deny_list_made_with_another_key_is_refused(other: DenyList | None) -> None:
    [sent] = all_denials(denied("ada"))
    with pytest.raises(TransferError, match="deny list cannot be used: customers were forgotten"):
        take_in(other, sent)


def test_a_request_erases_the_address_only_of_who_has_left_and_only_with_our_key() -> None:
    request = ForgetRequest("ada", DENY_KEY.digest("ada"), 1, 9)
    marked = elsewhere(request, 2, denied(), has_left=True)
    assert isinstance(marked, ForgetElsewhere)
    assert (marked.place, as_read(marked)) == (2, request)
    for each in (elsewhere(request, 2, denied(), has_left=False), elsewhere(request, 2, DenyList(DenyKey(b"another"), {}), has_left=True)):
        assert isinstance(each, LivesElsewhere)
        assert (each.place, as_read(each)) == (2, request)


def test_a_place_has_ended_only_when_it_told_the_last_of_the_others() -> None:
    moves = Moves(1, None)
    moves.adopt(LAYOUT)
    telling = moves.finish([])
    assert next(telling) == 0
    assert next(telling) > 0
    moves.take_sends()
    assert moves.someone_may_have_to_leave
    assert list(telling) == []
    assert [to for to, _ in moves.take_sends()] == [2]
    assert not moves.someone_may_have_to_leave


def test_who_comes_back_is_claimed_although_an_address_is_left() -> None:
    returning = living_at(0, 1)
    moves = Moves(1, None)
    moves.adopt(LAYOUT)
    moves.note_address(returning, ForwardingAddress(0))
    assert moves.whereabouts(returning) == "maybe on the way"
    assert moves.whereabouts(returning, forwarded_by=5) == 0
    assert moves.whereabouts(returning, forwarded_by=0) == "here"
    moves.has_ended(0, LAYOUT)
    # Who has not come by then was forgotten there: following the address, touchpoints would go to and fro for ever.
    assert moves.whereabouts(returning) == "here"


def answers(moves: Moves, questions: list[tuple[int, Sent]]) -> None:
    """Have every place that was asked answer."""
    for place, sent in questions:
        assert isinstance(sent, SettlingAsked)
        moves.hear(Transfer(sender=place, number=9, sent=SettlingAnswered(sent.layout, sent.round)))


def sends_of(moves: Moves) -> list[tuple[int, Sent]]:
    """What is to be sent, and to where."""
    return [(place, decode_transfer(outgoing.value).sent) for place, outgoing in moves.take_sends()]


def test_in_a_later_layout_a_place_waits_until_what_it_forwarded_has_arrived_by_way_of_two_others() -> None:
    later = TopicLayout(generation=2, partitions=4, before=3)
    moves = Moves(1, MovingMark(next_transfer=0, sent={0: 3}, layout=LAYOUT, settled=1))
    assert not moves.are_settling()
    moves.adopt(later)
    for turn in (1, 2):
        assert moves.are_settling()
        questions = sends_of(moves)
        # Place 3 is new, so nothing has passed it, and it may have no owner yet. Those who leave for it now do not change that.
        assert questions == [(place, SettlingAsked(later, turn)) for place in (0, 2)]
        moves.send(3, PlaceFinished(later))
        assert moves.are_settling()
        assert [type(sent) for _, sent in sends_of(moves)] == [PlaceFinished]
        answers(moves, questions[:1])
        assert moves.are_settling()
        answers(moves, questions[1:])
    assert not moves.are_settling()
    assert moves.marked().settled == 2
    assert not Moves(1, moves.marked()).are_settling()


@pytest.mark.parametrize(
    ("sent", "settled"), [({0: 3, 3: 1}, 1), ({0: 3}, 0)], ids=["sent to it in an earlier layout", "not settled in the one before"]
)
def test_a_place_that_something_may_have_passed_is_waited_for(sent: dict[int, int], settled: int) -> None:
    later = TopicLayout(generation=2, partitions=4, before=3)
    moves = Moves(1, MovingMark(next_transfer=0, sent=sent, layout=LAYOUT, settled=settled))
    moves.adopt(later)
    assert moves.are_settling()
    assert sends_of(moves) == [(place, SettlingAsked(later, 1)) for place in (0, 2, 3)]


def test_who_takes_over_while_a_place_settles_asks_again_and_one_that_never_forwarded_asks_nobody() -> None:
    later = TopicLayout(generation=2, partitions=4, before=3)
    moves = Moves(1, MovingMark(next_transfer=0, sent={0: 3}, layout=LAYOUT, settled=1))
    moves.adopt(later)
    assert moves.are_settling()
    successor = Moves(1, moves.marked())
    assert successor.are_settling()
    answers(successor, [(0, SettlingAsked(LAYOUT, 1)), (0, SettlingAsked(later, 2))])
    assert sends_of(successor) == [(place, SettlingAsked(later, 1)) for place in (0, 2, 3)]
    new = Moves(3, None)
    new.adopt(later)
    assert not new.are_settling()
    assert sends_of(new) == []


def test_what_a_place_sends_after_its_first_change_does_not_have_it_wait_for_places_without_an_owner() -> None:
    moves = Moves(1, None)
    assert moves.adopt(LAYOUT)
    moves.send(0, PlaceFinished(LAYOUT))
    assert not moves.are_settling()
    assert [type(sent) for _, sent in sends_of(moves)] == [PlaceFinished]
    assert not Moves(1, moves.marked()).are_settling()
    assert not moves.adopt(LAYOUT)
