"""How many workers a group has, from what its brokers answer."""

import pytest
from aiokafka.errors import GroupLoadInProgressError, NotCoordinatorForGroupError
from aiokafka.protocol.admin import DescribeGroupsResponse_v0

from etapa.stream.kafka.groups.workers import members_in


def answer(code: int, *members: str) -> DescribeGroupsResponse_v0:
    return DescribeGroupsResponse_v0(
        [(code, "shop", "Stable", "consumer", "range", [(each, "w", "/127.0.0.1", b"", b"") for each in members])]
    )


def test_members_are_counted_and_an_unknown_group_has_none() -> None:
    assert [members_in(answer(0, "a", "b")), members_in(answer(0)), members_in(answer(69))] == [2, 0, 0]


@pytest.mark.parametrize(("code", "error"), [(14, GroupLoadInProgressError), (16, NotCoordinatorForGroupError)])
def test_a_broker_that_does_not_know_yet_is_not_taken_for_one_that_knows_of_no_members(code: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        members_in(answer(code))
