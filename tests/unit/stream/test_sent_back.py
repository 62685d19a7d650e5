"""Redriven records are remembered exactly, in a few ranges, as long as there is room."""

import random

import pytest

from etapa.contracts.incoming.rejected import REASONS
from etapa.stream.upkeep.sent_back import LONGEST, SentBack, SentBackError, read_sent_back


def test_a_whole_reason_is_one_range_whatever_lies_between() -> None:
    sent = SentBack()
    previous = None
    for offset in (3, 4, 9, 17):
        sent = sent.plus("invalid", offset, previous)
        previous = offset
    assert sent.text() == "1 invalid=3-17"
    assert sent.holds("invalid", 9)
    assert not sent.holds("not_json", 9)
    assert not sent.holds("invalid", 18)


def test_a_letter_that_was_left_out_is_never_taken_for_sent_back() -> None:
    sent = SentBack().plus("invalid", 3, None).plus("invalid", 9, 7)
    assert sent.text() == "1 invalid=3,9"
    assert not sent.holds("invalid", 7)
    filled = sent.plus("invalid", 7, 3)
    assert filled.text() == "1 invalid=3-7,9"
    assert filled.plus("invalid", 9, 7).text() == "1 invalid=3-9"


def test_single_letters_stay_single_when_nothing_is_known_of_their_neighbours() -> None:
    sent = SentBack().plus("invalid", 3, None).plus("invalid", 4, None).plus("invalid", 3, None)
    assert sent.text() == "1 invalid=3,4"


def test_any_order_of_any_selection_remembers_exactly_what_was_sent() -> None:
    chance = random.Random(4)
    for _ in range(200):
        letters = sorted(chance.sample(range(60), 25))
        reasons = {offset: chance.choice(REASONS) for offset in letters}
        sent, truth = SentBack(), set()
        for _ in range(4):
            start = chance.randrange(60)
            last: dict[str, int] = {}
            wanted = chance.choice(REASONS)
            for offset in (one for one in letters if one >= start):
                if reasons[offset] == wanted or chance.random() < 0.3:
                    sent = sent.plus(reasons[offset], offset, last.get(reasons[offset]))
                    truth.add(offset)
                last[reasons[offset]] = offset
        assert {offset for offset in letters if sent.holds(reasons[offset], offset)} == truth
        assert read_sent_back(sent.text(), REASONS) == sent


def test_what_retention_removed_is_forgotten() -> None:
    sent = SentBack({"invalid": [(3, 7), (9, 20)], "not_json": [(1, 2)]})
    assert sent.without_before(8).text() == "1 invalid=9-20"


def test_the_oldest_single_letters_make_room_for_new_ones() -> None:
    sent = SentBack({"invalid": [(2 * number, 2 * number) for number in range(2_000)], "not_json": [(3_995, 3_999)]})
    kept = sent.shortened()
    assert LONGEST - 10 < len(kept.text()) <= LONGEST
    assert not kept.holds("invalid", 0)
    assert kept.holds("invalid", 3_998)
    assert kept.holds("not_json", 3_996)
    few = SentBack({"invalid": [(1, 1)]})
    assert few.shortened() is few


@pytest.mark.parametrize("text", ["hello world", "2 invalid=3", "1 bored=3", "1 bored.0a=3", "1 invalid=", "1 invalid=x-3", "1 invalid"])
def test_a_text_of_somebody_else_is_told(text: str) -> None:
    with pytest.raises(SentBackError, match="does not say"):
        read_sent_back(text, REASONS)


def test_nothing_stored_is_nothing_sent() -> None:
    assert read_sent_back("", REASONS) == SentBack()


def test_a_kind_may_be_finer_than_a_reason() -> None:
    sent = SentBack().plus("invalid.0a", 3, None).plus("invalid.0b", 4, None).plus("invalid.0a", 5, 3)
    assert sent.text() == "1 invalid.0a=3-5 invalid.0b=4"
    assert read_sent_back(sent.text(), REASONS) == sent
