"""How many different customers have been in each stage: counted as they come to it, and known of each customer in a few bits."""

from collections.abc import Mapping

import pytest

from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.deny_list import DenyKey, DenyList
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.judging.visits import stages_visited
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.map.ways import ShownSpan, reached_of
from etapa.journey.units import DAY
from tests.unit.map.test_gone_customers import did, link, of_a_file

KEY = DenyKey(b"a secret")
END = 9 * DAY


def shop(version: int = 1, stages: str = "new buyer regular", *, first: str = "new", best: str = "regular") -> Program:
    """Whoever buys is a buyer, praise makes it the best there is, and a complaint leads back to the beginning."""
    names = stages.split()
    lines = ["journey: shop", f"version: {version}", f"initial: {first}"]
    lines += ["personas: [{id: student, is: {trait: persona, eq: student}}]", f"stages: [{', '.join(f'{{id: {name}}}' for name in names)}]"]
    lines.append("rules:")
    for kind, to in (("purchase", "buyer"), ("praise", best), ("complaint", first)):
        sources = ", ".join(name for name in names if name != to)
        lines.append(f"  - {{id: {kind}, from: [{sources}], to: {to}, when: {{event: {kind}}}}}")
    return compile_journey(journey_or_raise("\n".join(lines), "shop.yaml"))


def reached(ledger: JourneyLedger, persona: str | None = None, since: int | None = None) -> Mapping[str, int]:
    return {
        stage: count for stage, count in reached_of(ledger, ("new", "buyer", "regular"), ShownSpan(since, END, persona)).items() if count
    }


class Shop:
    """A partition that stores and loads its customers after every touchpoint, and the ledger of all that happens."""

    def __init__(self) -> None:
        self.ledger = JourneyLedger()
        self.states: dict[str, bytes] = {}
        self._denied = DenyList(KEY, {})
        self._common = InCommon()
        self.use(shop())

    def use(self, program: Program) -> None:
        """Go on with this version of the journey."""
        self.program = program
        self._common = self._common.with_version(program.version, program.known, program.names)

    def take(self, *touchpoints: Touchpoint) -> None:
        for touchpoint in touchpoints:
            partition = self._holding(touchpoint.customer_id)
            assert partition.take(touchpoint, END)
            self._collect(partition)

    def forget(self, customer_id: str) -> None:
        partition = self._holding(customer_id)
        assert partition.forget_customer(ForgetRequest(customer_id, KEY.digest(customer_id), 6 * DAY, 7 * DAY))
        self._collect(partition)

    def reclassify(self, customer_id: str, *, publish: bool) -> None:
        partition = self._holding(customer_id)
        assert partition.reclassify(customer_id, publish=publish) is not None
        self._collect(partition)

    def customer(self, customer_id: str) -> Customer:
        return decode_state(self.states[customer_id], customer_id, self._common)

    def _holding(self, customer_id: str) -> Partition:
        partition = Partition(self.program, None, denied=self._denied)
        state = self.states.get(customer_id)
        partition.admit(customer_id, None if state is None else decode_state(state, customer_id, self._common))
        return partition

    def _collect(self, partition: Partition) -> None:
        work = partition.collect()
        assert work.tally is not None
        enter(self.ledger, work.tally, END)
        self.states.update({each.id: encode_state(each, self._common) for each in work.changed.values()})
        for customer_id in work.erased:
            self.states.pop(customer_id, None)


def test_a_customer_counts_once_in_each_stage_however_often_it_comes_back() -> None:
    open_shop = Shop()
    open_shop.take(did("ana", "purchase", 0), did("ana", "complaint", 1), did("ana", "purchase", 2), did("ben", "visit", 2))
    assert reached(open_shop.ledger) == {"new": 2, "buyer": 1}
    # What happened on the second day was no first time for anybody but Ben.
    assert reached(open_shop.ledger, since=1 * DAY) == {"new": 1}


def test_who_becomes_another_persona_takes_along_where_it_has_been() -> None:
    open_shop = Shop()
    open_shop.take(did("ana", "purchase", 0), did("ana", "praise", 1, "teacher"))
    assert reached(open_shop.ledger, "student") == {}
    assert reached(open_shop.ledger) == {"new": 1, "buyer": 1, "regular": 1}
    open_shop.take(did("ana", "purchase", 2, "student"))
    assert reached(open_shop.ledger, "student") == {"new": 1, "buyer": 1, "regular": 1}
    # Of a part of the time, first times count for the persona at that moment.
    assert reached(open_shop.ledger, "student", since=0) == {"new": 1, "buyer": 1}


def test_who_is_forgotten_is_counted_no_longer_and_anew_when_it_comes_again() -> None:
    open_shop = Shop()
    open_shop.take(did("ana", "purchase", 0), did("ben", "purchase", 0))
    open_shop.forget("ana")
    assert reached(open_shop.ledger) == reached(open_shop.ledger, "student") == {"new": 1, "buyer": 1}
    open_shop.take(did("ana", "visit", 8))
    assert reached(open_shop.ledger) == {"new": 2, "buyer": 1}


@pytest.mark.parametrize("by", ["keep", "furthest", "replay"])
def test_a_person_with_two_ids_counts_once_and_has_been_where_either_id_was(by: str) -> None:
    ledger = of_a_file(
        by,
        *(did("anon", "purchase", 0), did("anon", "complaint", 1)),
        *(did("ada", "purchase", 2, "nobody in particular"), did("ada", "praise", 3, None), link("anon", "ada", 4)),
        did("bob", "visit", 5),
    )
    assert reached(ledger) == {"new": 2, "buyer": 1, "regular": 1}
    students = reached(ledger, "student")
    assert sum(students.values()) in (1, 4)


def test_an_id_that_nobody_had_takes_over_where_the_other_has_been() -> None:
    assert reached(of_a_file("keep", did("anon", "purchase", 0), link("anon", "ada", 4))) == {"new": 1, "buyer": 1}
    linked = (did("ada", "purchase", 0), did("bea", "visit", 1), link("ada", "bea", 5))
    assert reached(of_a_file("keep", *linked)) == {"new": 1, "buyer": 1}
    # An earlier link says the opposite, so from now on the other id is the one that is kept.
    again = of_a_file("keep", *linked, link("bea", "ada", 3))
    assert reached(again) == reached(again, "student") == {"new": 1, "buyer": 1}


@pytest.mark.parametrize("publish", [True, False])
def test_another_version_finds_the_stages_wherever_they_are_in_its_file(publish: bool) -> None:
    open_shop = Shop()
    open_shop.take(did("ana", "purchase", 0), did("ana", "praise", 1))
    open_shop.use(shop(2, "fan buyer new", best="fan"))
    open_shop.reclassify("ana", publish=publish)
    # The stage that is gone is forgotten; the initial stage is no news.
    assert stages_visited(open_shop.customer("ana"), open_shop.program.stages_by_digest) == ["buyer", "new"]
    open_shop.take(did("ana", "purchase", 3), did("ana", "praise", 4))
    assert reached(open_shop.ledger) == {"new": 1, "buyer": 1, "regular": 1}
    assert reached_of(open_shop.ledger, ("fan",), ShownSpan(None, END, None)) == {"fan": 1}
    open_shop.forget("ana")
    assert reached(open_shop.ledger) == {"regular": 1}


def test_moves_that_nobody_published_lead_nowhere() -> None:
    open_shop = Shop()
    open_shop.take(did("ana", "visit", 0))
    # The new version moves her at once, because it has no stage where she is.
    open_shop.use(shop(2, "begin buyer", first="begin", best="buyer"))
    open_shop.reclassify("ana", publish=False)
    assert open_shop.customer("ana").stage == "begin"
    assert open_shop.customer("ana").visited == 0
    open_shop.take(did("ana", "purchase", 3))
    assert reached(open_shop.ledger) == {"new": 1, "buyer": 1}
    assert reached_of(open_shop.ledger, ("begin",), ShownSpan(None, END, None)) == {"begin": 0}


def test_a_version_that_is_rolled_back_keeps_what_both_know() -> None:
    open_shop = Shop()
    open_shop.use(shop(2))
    open_shop.take(did("ana", "purchase", 0))
    open_shop.use(shop(1, "regular buyer new"))
    open_shop.take(did("ana", "complaint", 1), did("ana", "purchase", 2))
    assert reached(open_shop.ledger) == {"new": 1, "buyer": 1}


def test_it_takes_one_byte_of_a_state_and_any_number_of_stages_has_room() -> None:
    customer = touch(shop(), None, Touchpoint("t", "ana", "purchase", 0, properties={SAME_AS: "x"})).customer
    assert customer.visited == 0b11
    nobody = customer.copied()
    nobody.visited = 0
    assert len(encode_state(customer)) == len(encode_state(nobody))
    for stage in (62, 63, 64, 200):
        customer.visited = 1 << stage | 1
        assert decode_state(encode_state(customer), customer.id) == customer
