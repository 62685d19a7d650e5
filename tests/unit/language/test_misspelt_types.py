"""Without `types`, a type that is named once and is one slip away from another of the file gives a warning at its place."""

import pytest

from etapa.journey.language.load import load_journey

HEAD = "journey: j\nversion: 1\nstages: [{id: s}, {id: t}, {id: u}]\nrules:\n"


def warned(*conditions: str, rest: str = "") -> list[str]:
    """The warnings about types, with line and column."""
    rules = "".join(f"  - {{id: r{at}, from: s, to: {'tu'[at % 2]}, when: {when}}}\n" for at, when in enumerate(conditions))
    findings = load_journey(HEAD + rules + rest, "j.yaml").findings
    assert not [each for each in findings if each.severity == "error"], findings
    return [f"{each.line}:{each.column}: {each.message}" for each in findings if "named only here" in each.message]


@pytest.mark.parametrize("slip", ["purchse", "purchaase", "purchade", "purhcase", "Purchase", "pur-chase", "urchase", "purchases"])
def test_a_type_one_slip_away_from_another_is_doubted_where_it_stands(slip: str) -> None:
    assert warned(f"{{event: {slip}}}", "{count: purchase, gte: 2}", "{absent: purchase, for: 9d}") == [
        f"5:44: the type `{slip}` is named only here; did you mean `purchase`? If they are two types, list all in `types`"
    ]


def test_of_two_types_named_once_the_one_further_down_is_doubted() -> None:
    assert [each.split(" is ")[0] for each in warned("{event: purchase}", "{event: purchse}")] == ["6:44: the type `purchse`"]


def test_types_in_every_kind_of_condition_count() -> None:
    others = (
        "{sequence: [{event: visit}, {event: order_placed}], within: 2d}",
        "{score: {order_plced: 3, visit: 1}, half_life: 9d, gte: 4}",
    )
    assert [each.split(" is ")[0] for each in warned(*others)] == ["6:45: the type `order_plced`"]
    weighted = "{sum: properties.n, of: {order_placd: 1, refund: -1}, gte: 2, within: 3d}"
    assert [each.split(" is ")[0] for each in warned("{event: order_placed}", weighted)] == ["6:61: the type `order_placd`"]


def test_what_a_test_or_a_stage_names_counts_as_known() -> None:
    of_test = "tests:\n  - {name: x, given: [{at: 0d, type: purchase}], expect: []}\n"
    assert len(warned("{event: purchse}", rest=of_test)) == 1
    assert warned("{event: purchse}", "{event: visit}", rest=of_test.replace("purchase", "purchse")) == []


@pytest.mark.parametrize(
    "conditions",
    [
        ("{event: [review, reviews]}", "{event: visit}"),
        ("{event: step_1}", "{event: step_2}"),
        ("{event: call}", "{event: calls}"),
        ("{event: sign_in}", "{event: sign_up}"),
        ("{event: visit, where: {properties.type: {eq: purchse}}}", "{event: purchase}"),
        ('{event: "*"}', "{event: purchase}"),
    ],
)
def test_types_that_differ_on_purpose_are_not_doubted(conditions: tuple[str, ...]) -> None:
    assert warned(*conditions) == []


def test_a_list_of_types_settles_it() -> None:
    assert warned("{event: purchase}", "{event: purchases}", rest="types: {purchase: , purchases: }\n") == []


def test_many_similar_types_are_compared_in_little_time() -> None:
    names = [f"{'x' * 100}{''.join(chr(97 + int(digit)) for digit in f'{at:04}')}" for at in range(1500)]
    assert len(warned(*(f"{{event: {name}}}" for name in names))) > 450
