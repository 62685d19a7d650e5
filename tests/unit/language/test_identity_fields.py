"""`identity`, the traits that only known people have, and links in tests."""

import pytest

from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import load_journey
from etapa.journey.language.model import Identity

HEAD = "journey: x\nversion: 1\nstages: [{id: a}, {id: b}]\nrules: [{id: r, to: b, when: {event: buy}}, {id: s, from: b, to: a, when: {event: leave}}]\n"
GIVEN = "tests: [{name: t, given: [{at: 0d, type: buy}, TOUCHPOINT], expect: [{at: 0d, to: a}]}]\n"


def findings(more: str) -> list[str]:
    return [f"{each.severity}: {each.message}" for each in load_journey(HEAD + more, "x.yaml").findings]


def identity_of(more: str) -> Identity | None:
    journey = load_journey(HEAD + more, "x.yaml").journey
    assert journey is not None
    return journey.identity


def test_without_it_no_ids_are_united() -> None:
    assert identity_of("") is None


def test_its_fields_have_defaults() -> None:
    assert identity_of("identity: {}\n") == Identity("replay", merge_known=False)
    assert identity_of("identity: {stage: keep, merge_known: true}\n") == Identity("keep", merge_known=True)


def test_known_traits_are_kept_even_if_no_rule_names_them() -> None:
    more = "identity: {stage: keep}\ntraits: {phone: {known: true}, plan: {label: Plan}, email: {known: true}, city: }\n"
    identity = identity_of(more)
    assert identity is not None
    assert identity.known == ("email", "phone")
    journey = load_journey(HEAD + more, "x.yaml").journey
    assert journey is not None
    assert compile_journey(journey).traits == ["email", "phone"]
    assert findings(more) == []


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("identity: {stage: best}\n", 'error: expected `replay` or `furthest` or `keep`, found text "best"'),
        ("identity: replay\n", 'error: expected `identity` (a map with `stage` and `merge_known`), found text "replay"'),
        (
            "identity: {stagee: keep}\n",
            "error: unknown key `stagee` in `identity`; did you mean `stage`? allowed: `stage` and `merge_known`",
        ),
        ("traits: {email: {known: yes please}}\n", 'error: expected true or false, found text "yes please"'),
        ("traits: {email: {known: true}}\n", "info: `known: true` changes nothing here: the file has no `identity`, so no ids are united"),
        (
            "identity: {stage: keep, merge_known: true}\ntraits: {email: {known: true}}\n",
            "info: `known: true` changes nothing here: the file says `merge_known: true`",
        ),
        (
            "identity: {}\n",
            "info: `stage: replay`: workers keep no touchpoints to judge again, so they find the stage as `furthest` does; commands on files replay",
        ),
        (
            "identity: {}\n" + GIVEN.replace("TOUCHPOINT", "{at: 1d, type: $link}"),
            "error: a `$link` needs `same_as`: the id that is kept",
        ),
        (
            "identity: {}\n" + GIVEN.replace("TOUCHPOINT", "{at: 1d, type: buy, same_as: ada}"),
            "error: only a touchpoint of the type `$link` can have `same_as`",
        ),
        (
            "identity: {}\n" + GIVEN.replace("TOUCHPOINT", "{at: 1d, type: $link, same_as: customer}"),
            "error: a `$link` joins two different ids; without `customer` the other is `customer`",
        ),
        (
            GIVEN.replace("TOUCHPOINT", "{at: 1d, type: $link, customer: anon, same_as: customer}"),
            "error: this file joins no ids: `identity: {stage: replay}` says how",
        ),
    ],
)
def test_what_cannot_be_meant_is_found(more: str, found: str) -> None:
    assert findings(more) == [found]
