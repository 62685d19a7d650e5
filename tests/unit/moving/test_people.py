"""People with several ids who live at a place, and what a link makes of them."""

import pytest

from etapa.contracts.stored.ledger_page import page_key_of
from etapa.contracts.stored.linked_ids import decode_linked_ids, encode_linked_ids, linked_fields, read_linked_ids
from etapa.contracts.stored.state import StateError
from etapa.journey.identity.links import IdLink, Refusal
from etapa.journey.identity.people import JudgedLink, LinkedIds, People, alone, judge_link
from etapa.journey.identity.unite import Published

LINK = IdLink(5, "anon", "ada")


def united() -> LinkedIds:
    judged = judge_link(LINK, alone("ada"), alone("anon"))
    assert isinstance(judged, JudgedLink)
    assert (judged.gone, judged.kept) == ("anon", "ada")
    return judged.person


def test_two_people_become_one_under_the_id_that_is_kept_and_are_stored_as_that() -> None:
    person = LinkedIds(united().ids, united().tree, "ada", {"anon": Published("new", 3, 1)})
    assert (sorted(person.ids), person.least) == (["ada", "anon"], "ada")
    value = encode_linked_ids(person)
    assert linked_fields({"ada": person, "bert": None}) == {b"linked ada": value, b"linked bert": None}
    assert read_linked_ids({b"linked ada": value, b"moves 2026-11-21T10": b""}) == [person]
    # The ledger leaves it alone.
    assert page_key_of(b"linked ada") is None
    with pytest.raises(StateError, match="not the ids of a person"):
        decode_linked_ids(b"\x01")


def test_an_earlier_link_changes_who_is_kept_and_one_that_says_the_reverse_is_refused() -> None:
    person = united()
    assert judge_link(LINK, person) is None
    assert judge_link(IdLink(9, "ada", "anon"), person) is Refusal.CYCLE
    judged = judge_link(IdLink(1, "ada", "anon"), person)
    assert isinstance(judged, JudgedLink)
    assert (judged.gone, judged.kept) == ("ada", "anon")


def test_who_has_one_id_needs_no_entry() -> None:
    people = People()
    people.settle(alone("ada"))
    assert (people.is_changed("ada"), dict(people.take_changed())) == (False, {})
    people.settle(united())
    assert dict(people.take_changed()) == {"ada": united()}
    assert (people.kept_of("anon"), people.kept_of("ada")) == ("ada", None)
    people.leave(united())
    assert (people.kept_of("anon"), people.take_changed()) == (None, {"ada": None})
    people.leave(alone("carla"))
    assert people.take_changed() == {}


def test_what_the_next_batch_stores_counts_more_than_what_an_id_led_to_before() -> None:
    people = People()
    people.settle(united())
    people.note("ada", "anon")
    assert people.kept_of("ada") is None
    people.take_changed()
    people.note("ada", "anon")
    assert people.kept_of("ada") == "anon"


def test_no_more_ids_are_kept_in_memory_than_asked_for() -> None:
    people = People()
    for number in range(5):
        people.note(f"anon-{number}", "ada")
    people.keep_at_most(2)
    assert (len(people), people.kept_of("anon-2"), people.kept_of("anon-3")) == (2, None, "ada")
    people.keep_at_most(2)
    assert len(people) == 2
