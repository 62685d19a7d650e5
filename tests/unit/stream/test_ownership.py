"""Partitions that the group assigned to no worker, and the message about them."""

import pytest

from etapa.stream.protocol.ownership import GroupMember, another_rule_in_words, numbers, owned_by_workers, ownership_in_words

OURS = "etapa-shop"


def is_worker(member: GroupMember) -> bool:
    return member.client == OURS


def worker(*partitions: int) -> GroupMember:
    return GroupMember(OURS, "/10.0.0.1", partitions)


def test_partitions_of_workers_are_owned_however_they_are_shared_out() -> None:
    found = owned_by_workers(4, [worker(0, 2), worker(3), worker(), worker(1)], is_worker)
    assert (found.unowned, found.strangers) == ([], [])
    assert ownership_in_words(found, "shop", "touchpoints") == ""


def test_what_a_stranger_was_given_is_named_with_the_stranger() -> None:
    stranger = GroupMember("reports", "/10.0.0.9", (1, 3))
    found = owned_by_workers(4, [worker(0, 2), stranger], is_worker)
    assert (found.unowned, found.strangers) == ([1, 3], [stranger])
    assert ownership_in_words(found, "shop", "touchpoints") == (
        "partitions 1 and 3 of touchpoints have no worker. Only Etapa workers may be in the group shop, but reports at /10.0.0.9 has"
        " 1 and 3. Stop that program, or give it its own group"
    )


def test_a_stranger_that_was_given_nothing_takes_nothing_away() -> None:
    found = owned_by_workers(1, [worker(0), GroupMember("reports", "/10.0.0.9")], is_worker)
    assert (found.unowned, found.strangers) == ([], [])


def test_what_nobody_was_given_is_told_as_such() -> None:
    found = owned_by_workers(2, [worker(0)], is_worker)
    assert (
        ownership_in_words(found, "shop", "touchpoints")
        == "partition 1 of touchpoints has no worker: the group shop has assigned it to nobody"
    )


@pytest.mark.parametrize(
    ("partitions", "words"),
    [([], "none"), ([7], "7"), ([2, 1], "1 and 2"), ([1, 2, 3], "1, 2 and 3"), (range(12), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more")],
)
def test_of_many_numbers_the_first_are_told(partitions: list[int], words: str) -> None:
    assert numbers(partitions) == words


def test_another_rule_is_told_with_or_without_what_the_brokers_know_of_it() -> None:
    told = another_rule_in_words("shop", "ETAPA_GROUP", "roundrobin", "range", [GroupMember("reports", "/10.0.0.9")])
    assert "divides partitions by range, Etapa does so by roundrobin" in told
    assert "stop reports at /10.0.0.9, or" in told
    untold = another_rule_in_words("shop", "ETAPA_GROUP", "roundrobin", "", [])
    assert "divides partitions in another way" in untold
    assert "stop the other members, or" in untold
