import pytest

from etapa.deliver.offsets.progress import LONGEST_MEMO, Kept, PartitionProgress, Skipped, Through, furthest, kept_of, memo_of


def taken(progress: PartitionProgress, *offsets: int) -> None:
    progress.fetched(offsets)
    for offset in offsets:
        assert progress.take(offset)


def test_before_anything_was_taken_reading_begins_where_it_began() -> None:
    progress = PartitionProgress(10, 3)
    assert progress.committable() == 3
    progress.fetched([3, 4])
    assert progress.committable() == 3


def test_the_offset_after_the_last_is_committed_when_all_is_through() -> None:
    progress = PartitionProgress(10, 0)
    taken(progress, 3, 4, 9)
    assert progress.committable() == 10


def test_an_open_record_holds_the_commit_whatever_ends_after_it() -> None:
    progress = PartitionProgress(10, 0)
    for offset in (3, 4, 5):
        taken(progress, offset)
        assert progress.admit("a", offset) == "open"
    progress.settle("a", 5)
    progress.settle("a", 4)
    assert progress.committable() == 3
    progress.settle("a", 3)
    assert progress.committable() == 6


def test_what_is_fetched_is_not_passed_before_it_is_taken() -> None:
    progress = PartitionProgress(10, 0)
    progress.fetched(range(5))
    progress.take(0)
    assert progress.committable() == 1
    with pytest.raises(Skipped):
        progress.take(2)
    assert progress.committable() == 1


def test_what_comes_again_after_a_seek_is_taken_once() -> None:
    progress = PartitionProgress(10, 0)
    taken(progress, 0, 1)
    progress.fetched([0, 1, 2])
    assert [progress.take(offset) for offset in (0, 1, 2)] == [False, False, True]


def test_a_full_lane_falls_behind_and_holds_up_no_other() -> None:
    progress = PartitionProgress(2, 0)
    for offset in range(6):
        taken(progress, offset)
    assert [progress.admit("slow", offset) for offset in (0, 1, 2)] == ["open", "open", "later"]
    assert progress.admit("well", 3) == "open"
    assert progress.admit("slow", 4) == "later"
    assert progress.behind == {"slow": 2}
    progress.settle("well", 3)
    progress.settle("slow", 0)
    progress.settle("slow", 1)
    assert progress.committable() == 2


def test_a_lane_that_caught_up_goes_on_with_the_others() -> None:
    progress = PartitionProgress(1, 0)
    for offset in range(4):
        taken(progress, offset)
    assert [progress.admit("slow", offset) for offset in (0, 1, 3)] == ["open", "later", "later"]
    assert progress.look("slow", 1, mine=True) == "later"
    progress.settle("slow", 0)
    assert progress.look("slow", 1, mine=True) == "open"
    assert progress.look("slow", 2, mine=False) == "through"
    assert progress.look("slow", 3, mine=True) == "later"
    progress.settle("slow", 1)
    assert progress.look("slow", 3, mine=True) == "open"
    assert progress.behind == {}
    taken(progress, 4)
    progress.settle("slow", 3)
    assert progress.admit("slow", 4) == "open"
    assert progress.committable() == 4


def test_records_that_retention_removed_hold_nothing_up() -> None:
    progress = PartitionProgress(1, 0)
    for offset in range(5):
        taken(progress, offset)
    assert [progress.admit("slow", offset) for offset in (0, 1)] == ["open", "later"]
    progress.gone("slow", 3)
    assert progress.behind == {"slow": 3}
    progress.gone("slow", 9)
    assert progress.behind == {}


def test_a_commit_remembers_what_is_through_beyond_it_and_of_which_topic_that_is() -> None:
    through = Through(40, frozenset({10, 12}), {"slow": 20})
    kept = Kept(10, through, "a-topic")
    assert kept_of(memo_of(kept, "routing"), 10, "routing") == kept
    assert [through.holds("well", offset) for offset in (9, 10, 11, 12, 39, 40)] == [True, False, True, False, True, False]
    assert [through.holds("slow", offset) for offset in (9, 10, 19, 20, 39)] == [True, False, True, False, False]


@pytest.mark.parametrize("memo", ["", "x", "{}", "[2]", '[1,null,"routing",4,[],{}]', '[2,null,"routing",4,[],{}', "null"])
def test_a_memo_of_somebody_else_is_not_relied_on(memo: str) -> None:
    assert kept_of(memo, 10, "routing") == Kept(10)


def test_a_memo_made_for_other_routes_tells_the_topic_alone() -> None:
    assert kept_of(memo_of(Kept(10, Through(40), "a-topic"), "before"), 10, "after") == Kept(10, None, "a-topic")


def test_a_memo_that_would_be_too_long_tells_the_topic_alone() -> None:
    long = Kept(0, Through(10_000, frozenset(range(0, 9_000, 2))), "a-topic")
    assert kept_of(memo_of(long, "routing"), 0, "routing") == Kept(0, Through(0), "a-topic")
    fitting = Kept(0, Through(10_000, frozenset(range(0, 1_000, 2))), "a-topic")
    assert len(memo_of(fitting, "routing")) <= LONGEST_MEMO
    assert kept_of(memo_of(fitting, "routing"), 0, "routing") == fitting


def test_of_what_owners_kept_the_one_that_says_more_counts() -> None:
    told = [
        Kept(5),
        Kept(5, Through(9, frozenset({5, 6}), {"slow": 6})),
        Kept(5, Through(9, frozenset({5, 6}), {"slow": 8})),
        Kept(5, Through(9, frozenset({5}))),
        Kept(5, Through(12, frozenset({5, 9}))),
        Kept(6),
        Kept(12, Through(12)),
    ]
    for number, least in enumerate(told):
        for more in told[number:]:
            assert furthest([least, more]) == furthest([more, least]) == more
    assert furthest([]) is None


def test_what_retention_may_have_taken_is_what_was_not_through() -> None:
    through = Through(40, frozenset({10, 12}), {"slow": 20})
    for start, missing in ((10, 0), (11, 1), (13, 2), (20, 2), (25, 7), (50, 32)):
        assert Kept(10, through).may_miss(start) == missing
    assert Kept(10).may_miss(15) == 5
    assert Kept(10).may_miss(3) == 0


def test_a_lane_that_falls_behind_among_what_is_through_keeps_what_was_through_beyond() -> None:
    progress = PartitionProgress(window=1, begin=2, before=Through(10, frozenset({2, 5})))
    progress.fetched(range(2, 10))
    for offset in range(2, 10):
        assert progress.take(offset)
        progress.admit("a", offset)
    kept = progress.through()
    assert [offset for offset in range(2, 10) if not kept.holds("a", offset)] == [2, 5]
    progress.settle("a", 2)
    assert progress.look("a", 5, mine=True) == "open"
    assert [offset for offset in range(2, 10) if not progress.through().holds("a", offset)] == [5]


def test_of_two_that_were_kept_the_one_whose_lane_has_caught_up_says_more() -> None:
    behind, caught_up = Kept(3, Through(10, behind={"a": 3})), Kept(3, Through(10, frozenset({3})))
    assert furthest([behind, caught_up]) == furthest([caught_up, behind]) == caught_up
