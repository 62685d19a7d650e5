"""What loading says about a customer's own pace, and `first`."""

import pytest

from etapa.journey.language.load import load_journey


def found(condition: str) -> list[str]:
    text = f"journey: j\nversion: 1\nstages: [{{id: one}}, {{id: two}}]\nrules:\n  - {{id: on, from: one, to: two, when: {condition}}}\n"
    return [each.message for each in load_journey(text, "j.yaml").findings if each.severity != "info"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{absent: buy, for: {gaps: 2}}", "`for` needs `at_least`"),
        ("{absent: buy, for: {gaps: 0, at_least: 1d}}", "expected more than 0 gaps, found 0"),
        ("{absent: buy, for: {gaps: 2, at_least: 2d, at_most: 1d}}", "`at_most` (1d) is less than `at_least` (2d)"),
        ("{absent: buy, for: {gaps: two, at_least: 2d}}", 'expected a number, found text "two"'),
        ("{absent: buy, for: {gap: 2, at_least: 2d}}", "did you mean `gaps`?"),
        ("{first: amount, of: buy, gt: 1}", "write `properties.amount` if it is a property"),
        ("{first: channel, of: buy}", "`first` needs a comparison"),
        ("{first: properties.x, of: buy, within: 3d, eq: 1}", "unknown key `within` in `first`"),
        ("{all: [{first: channel, of: buy, eq: a}, {first: channel, of: buy, eq: b}]}", "these conditions can never be true together"),
    ],
)
def test_what_cannot_be_meant_is_told(condition: str, message: str) -> None:
    assert any(message in each for each in found(condition)), found(condition)


def test_a_decimal_number_of_gaps_is_exact() -> None:
    assert found("{absent: buy, for: {gaps: 1.1, at_least: 1s}}") == []
