import pytest

from etapa.deliver.offsets.beginning import AnotherTopic, Beginning, DeliveryRefused, LogRange, beginning, read_on_at
from etapa.deliver.offsets.progress import Kept, Through

LOG = LogRange(10, 100)
HALF = Kept(50, Through(60, frozenset({50})))


@pytest.mark.parametrize(("from_end", "begin"), [(False, 10), (True, 100)])
def test_where_nothing_was_kept_it_begins_as_set(from_end: bool, begin: int) -> None:
    assert beginning(LOG, None, [], from_end=from_end) == Beginning(begin, None)


@pytest.mark.parametrize("from_end", [False, True])
def test_what_the_group_committed_before_there_was_a_topic_is_taken_over(from_end: bool) -> None:
    assert beginning(LOG, HALF, [], from_end=from_end) == Beginning(50, HALF)


@pytest.mark.parametrize("from_end", [False, True])
def test_what_the_topic_holds_counts_when_the_group_has_forgotten(from_end: bool) -> None:
    assert beginning(LOG, None, [HALF, Kept(40)], from_end=from_end) == Beginning(50, HALF)


def test_what_says_more_counts_wherever_it_is() -> None:
    further = Kept(55, Through(60))
    assert beginning(LOG, further, [HALF], from_end=False) == Beginning(55, further)
    assert beginning(LOG, HALF, [further], from_end=False) == Beginning(55, further)
    assert beginning(LOG, HALF, [HALF], from_end=False) == Beginning(50, HALF, everywhere=True)


def test_what_retention_took_is_counted_and_delivery_begins_after_it() -> None:
    assert beginning(LogRange(70, 100), None, [HALF], from_end=False) == Beginning(70, HALF, gone=11)
    assert beginning(LogRange(50, 100), None, [HALF], from_end=False) == Beginning(50, HALF)


@pytest.mark.parametrize("kept", [Kept(101), Kept(50, Through(101, frozenset({50})))])
def test_what_is_delivered_beyond_the_end_is_of_another_log(kept: Kept) -> None:
    with pytest.raises(DeliveryRefused, match="delivered up to offset 101, but ends at 100"):
        beginning(LOG, kept, [], from_end=False)
    with pytest.raises(DeliveryRefused):
        beginning(LOG, None, [kept], from_end=False)


OLD, NEW = Kept(50, Through(60), "old"), Kept(20, Through(20), "new")


@pytest.mark.parametrize(("by_group", "by_topic"), [(None, [OLD]), (OLD, []), (Kept(50, topic_id="old"), [Kept(40)])])
def test_what_was_delivered_of_a_topic_with_another_id_is_refused(by_group: Kept | None, by_topic: list[Kept]) -> None:
    with pytest.raises(AnotherTopic, match=r"deleted and recreated, or is another one \(its id was old and is new\)"):
        beginning(LOG, by_group, by_topic, from_end=False, topic_id="new")


def test_once_something_was_kept_of_the_new_topic_the_old_one_says_nothing() -> None:
    assert beginning(LOG, OLD, [OLD, NEW], from_end=False, topic_id="new") == Beginning(20, NEW)
    assert beginning(LOG, NEW, [OLD, NEW], from_end=False, topic_id="new") == Beginning(20, NEW, everywhere=True)


@pytest.mark.parametrize("now", [None, "old"])
def test_where_ids_are_alike_or_not_told_nothing_is_refused(now: str | None) -> None:
    assert beginning(LOG, None, [OLD], from_end=False, topic_id=now) == Beginning(50, OLD)
    assert beginning(LOG, None, [Kept(50)], from_end=False, topic_id="new") == Beginning(50, Kept(50))


def test_reading_goes_on_where_the_log_begins_and_not_in_one_that_ends_before() -> None:
    assert [read_on_at(position, LOG) for position in (0, 10, 50, 100)] == [10, 10, 50, 100]
    with pytest.raises(DeliveryRefused, match="read up to offset 101, but ends at 100"):
        read_on_at(101, LOG)
