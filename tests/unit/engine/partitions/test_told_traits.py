"""What is kept of traits: times and values side by side, under names that customers share."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.stored.state import StateError, decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.told_traits import places_of
from etapa.journey.engine.queries.kept_trait import KeptTrait

names = st.sampled_from(["email", "persona", "plan", "zone"])


def someone(traits: dict[str, list[Any]] | None = None) -> Customer:
    return Customer(version=1, stage="new", due=None, entered_at=5, clock=5, first_at=0, sequence=1, traits=traits)


@given(
    st.dictionaries(names, st.tuples(st.integers(0, 9), st.integers()).map(list)), st.lists(st.tuples(names, st.integers(0, 9), st.text()))
)
def test_what_is_told_is_known_as_by_a_dictionary(first: dict[str, list[Any]], more: list[tuple[str, int, str]]) -> None:
    customer, known = someone(first), dict(first)
    for name, when, value in more:
        customer.tell(name, when, value)
        known[name] = [when, value]
        assert customer.traits == known
        assert list(customer.traits) == sorted(known)
    for name in ("email", "persona", "plan", "zone"):
        entry = known.get(name)
        assert customer.trait(name, "never told") == ("never told" if entry is None else entry[1])
        assert customer.trait_told_at(name) == (None if entry is None else entry[0])


def test_whoever_has_the_same_traits_shares_their_names() -> None:
    one, other = someone({"plan": [1, "large"], "zone": [2, "UTC"]}), someone({"zone": [3, "UTC"]})
    other.tell("plan", 4, "small")
    assert one.trait_places is other.trait_places
    assert one.trait_places == {"plan": 0, "zone": 2}


def test_names_that_are_shared_are_bounded() -> None:
    sets = [(f"trait-{number}",) for number in range(2_000)]
    shared = [places_of(names) is places_of(names) for names in sets]
    assert 0 < sum(shared) <= 1_000
    assert all(places_of(names) == {names[0]: 0} for names in sets)


def test_what_a_copy_is_told_the_customer_is_not() -> None:
    customer = someone({"plan": [1, "large"]})
    for copied in (deepcopy(customer), customer.copied()):
        copied.tell("plan", 2, "small")
        copied.tell("zone", 2, "UTC")
        assert customer.traits == {"plan": [1, "large"]}


def test_texts_are_shared_as_long_as_there_are_few() -> None:
    trait = KeptTrait("plan", [], [])
    texts = [trait.shared("".join(["plan ", str(number)])) for number in range(2_000)]
    again = [trait.shared("".join(["plan ", str(number)])) for number in range(2_000)]
    assert texts == again
    assert sum(one is other for one, other in zip(texts, again, strict=True)) == 1_000
    assert trait.shared(1.0) == 1.0
    assert trait.shared([1]) == [1]


@pytest.mark.parametrize("entry", [[], [7], [7, "large", 8], ["7", "large"]])
def test_a_stored_trait_that_is_no_time_and_value_is_refused(entry: list[Any]) -> None:
    fields = msgspec.msgpack.decode(encode_state(someone({"plan": [1, "large"]})))
    assert fields[-1] == {"plan": [4, "large"]}
    fields[-1] = {"plan": entry}
    with pytest.raises(StateError, match="which is not a time and a value"):
        decode_state(msgspec.msgpack.encode(fields), "c-1")
