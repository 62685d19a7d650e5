"""A touchpoint may know its customer by the place that it has in memory. Its id is then read only for those who ask."""

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.partition import Partition
from etapa.journey.localtime.zones import UTC
from tests.unit.engine.partitions.test_nearness import Ids
from tests.unit.engine.shops import program_of

TIME = 1_700_000_000_000_001
RULES = "- {id: warms, from: new, to: warm, when: {event: view}}"


class Place:
    """Has the id of a customer, and counts how often it was read."""

    def __init__(self) -> None:
        self.read = 0

    @property
    def id(self) -> str:
        self.read += 1
        return "c-1"


def test_a_touchpoint_of_a_place_is_that_of_the_customer_there() -> None:
    place = Place()
    touchpoint = Touchpoint("e-1", place, "view", TIME)
    there = touchpoint.arriving_in(UTC)
    assert place.read == 0
    same = Touchpoint("e-1", "c-1", "view", TIME)
    assert (touchpoint.customer_id, there.customer_id) == ("c-1", "c-1")
    assert touchpoint == there == same
    assert (hash(touchpoint), repr(touchpoint)) == (hash(same), repr(same))
    assert (touchpoint.at, touchpoint.when) == (TIME, TIME)


def test_judging_a_customer_whose_place_is_known_does_not_read_its_id() -> None:
    partition, place = Partition(program_of(RULES), None), Place()
    partition.admit("c-1", None)
    found, missing = partition.find(Ids("c-1"), 0, 1)
    assert (len(found.places), missing) == (1, [])
    assert partition.take(Touchpoint("e-1", place, "ad", TIME), TIME, found.place(0))
    assert place.read == 1, "a new customer is given its id"
    assert partition.take(Touchpoint("e-2", place, "view", TIME), TIME, found.place(0))
    assert place.read == 1
    assert partition.take(Touchpoint("e-2", place, "view", TIME), TIME, None)
    assert place.read == 2, "without a place, the customer is looked up"
    assert found.place(1) is None, "nobody was looked up there"
    work = partition.collect()
    assert [(change.customer_id, change.to) for change in work.changes] == [("c-1", "new"), ("c-1", "warm")]
    assert (work.applied, work.duplicates) == (2, 1)
