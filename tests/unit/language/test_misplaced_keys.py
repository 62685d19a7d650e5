"""Whoever writes a condition as a call, or puts keys into the types that stand beside them, is shown how it is written."""

import pytest

from etapa.journey.language.load import load_journey

JOURNEY = """
journey: a
version: 1
stages: [{id: s}, {id: t}]
rules:
  - id: r
    to: t
    from: [s]
    when: """


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (
            "count(purchase) >= 2",
            (
                '1: error: expected a condition (a map), found text "count(purchase) >= 2": write it as a map, such as {event: purchase} or'
                " {count: purchase, within: 30d, gte: 2}"
            ),
        ),
        ("{event: {type: x}}", "9: error: expected a touchpoint type, found a map: write the type itself, and `where`, `within`"),
        ("{event: {x: 1}}", "9: error: expected a touchpoint type, found a map: write the type itself, and `where`, `within`"),
        (
            "{count: {type: x, within: 30d, gte: 2}}",
            "9: error: expected a touchpoint type, or a map of types to weights, found a map: write the type itself, and `where`, `within`",
        ),
        (
            "{sum: properties.a, of: {x: 1, within: 30d}, gt: 1}",
            "25: error: expected a touchpoint type, or a map of types to weights, found a map",
        ),
        ("{count: {x: many}, gte: 2}", '13: error: expected a number, found text "many"'),
    ],
)
def test_it_shows_how_the_condition_is_written(condition: str, expected: str) -> None:
    found = [str(finding) for finding in load_journey(JOURNEY + condition, "j.yaml").findings if finding.severity == "error"]
    column, _, message = expected.partition(":")
    assert len(found) == 1
    assert found[0].startswith(f"j.yaml:9:{int(column) + len('    when: ')}:{message}")
