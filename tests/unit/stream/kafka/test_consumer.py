from aiokafka import TopicPartition

from etapa.stream.kafka.clients.consumer import HoleAtEnd, is_caught_up

PLACE = TopicPartition("customer-state", 0)


class Answers:
    """What a consumer says about the broker's last response."""

    def __init__(self, stable_end: int | None = None, at: int | None = None) -> None:
        self.stable_end = stable_end
        self.at = at

    def last_stable_offset(self, place: TopicPartition) -> int | None:
        return self.stable_end

    def last_poll_timestamp(self, place: TopicPartition) -> int | None:
        return self.at


def test_caught_up_is_who_stands_at_the_end_of_a_recent_answer() -> None:
    assert is_caught_up(Answers(7, 1000), PLACE, 7, 1500)
    assert not is_caught_up(Answers(8, 1000), PLACE, 7, 1500)


def test_an_answer_of_long_ago_and_no_answer_at_all_say_nothing_of_now() -> None:
    assert not is_caught_up(Answers(7, 1000), PLACE, 7, 60_000)
    assert not is_caught_up(Answers(), PLACE, 7, 1500)


def test_a_position_that_answers_without_records_do_not_move_stands_before_a_hole() -> None:
    answers = Answers(20, 1)
    hole = HoleAtEnd(answers, PLACE, 20)
    assert not hole.is_at(15)
    assert not hole.is_at(15), "it is the same answer still"
    answers.at = 2
    assert not hole.is_at(15)
    answers.at = 3
    assert hole.is_at(15)


def test_a_position_that_moves_begins_again() -> None:
    answers = Answers(20, 1)
    hole = HoleAtEnd(answers, PLACE, 20)
    for answers.at in (1, 2):
        assert not hole.is_at(15)
    for answers.at in (3, 4):
        assert not hole.is_at(16)


def test_a_broker_that_does_not_know_of_the_end_yet_proves_no_hole() -> None:
    answers = Answers(15, 1)
    hole = HoleAtEnd(answers, PLACE, 20)
    for answers.at in range(10):
        assert not hole.is_at(15)
