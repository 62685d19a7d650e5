"""What the author of a valid journey may not have meant gives a warning, which never prevents its use."""

import pytest

from etapa.journey.language.load import load_journey


def remarks(stages: str, *rules: str, rest: str = "") -> list[str]:
    """Warnings and remarks about a journey whose rules begin in line 5, without those about stages that cannot be left."""
    lines = "".join(f"  - {rule}\n" for rule in rules)
    text = f"journey: a\nversion: 1\nstages: [{', '.join(f'{{id: {stage}}}' for stage in stages.split())}]\nrules:\n{lines}{rest}"
    loaded = load_journey(text, "j.yaml")
    assert loaded.journey is not None, loaded.findings
    return [str(finding).removeprefix("j.yaml:") for finding in loaded.findings if "can never be left" not in finding.message]


def test_a_stage_that_no_rules_lead_to_is_told() -> None:
    found = remarks("s t u v", "{id: a, from: s, to: t, when: {event: x}}", "{id: b, from: u, to: v, when: {event: x}}")
    assert found == [
        "3:33: warning: stage `u` cannot be reached: no rules lead from `s` to it",
        "3:42: warning: stage `v` cannot be reached: no rules lead from `s` to it",
    ]


def test_a_stage_that_can_never_be_left_is_remarked() -> None:
    text = "journey: a\nversion: 1\nstages: [{id: s}, {id: t}]\nrules: [{id: a, to: t, when: {event: x}}]\n"
    assert [str(each) for each in load_journey(text, "j.yaml").findings] == [
        "j.yaml:3:24: info: stage `t` can never be left: no rule leads out of it"
    ]


BEATEN = [
    ("{event: x}", "{event: x}"),
    ("{event: [x, y]}", "{event: x}"),
    ('{event: "*"}', "{event: x, where: {channel: web}}"),
    ("{event: x, where: {properties.a: {gte: 3}}}", "{event: x, where: {properties.a: {gte: 5}, channel: web}}"),
    ("{event: x, where: {channel: {exists: true}}}", "{event: x, where: {channel: {in: [web, app]}}}"),
    ("{event: x}", "{all: [{event: x}, {count: x, gte: 3}]}"),
    ("{any: [{event: x}, {event: y}]}", "{event: y}"),
    ("{any: [{event: x}, {event: y}]}", "{any: [{event: y}, {all: [{event: x}, {in_stage: 3d}]}]}"),
    ("{count: x, gte: 3}", "{count: x, gte: 5, lt: 9}"),
    ("{count: [x, y], within: 90d, gte: 3}", "{count: x, within: 30d, gt: 3}"),
    ("{idle: 3d}", "{idle: 4d}"),
    ("{absent: x, for: 3d}", "{absent: [x, y], for: 3d}"),
    ("{in_stage: 1d}", "{in_stage: 2d}"),
    ("{trait: a, ne: x}", "{trait: a, in: [y, z]}"),
    ("{not: {trait: a, in: [y, z]}}", "{not: {trait: a, exists: true}}"),
    ("{sequence: [{event: x}, {event: y}], within: 2d}", "{sequence: [{event: x}, {event: y}], within: 1d}"),
]


@pytest.mark.parametrize(("above", "below"), BEATEN, ids=[f"{below} below {above}" for above, below in BEATEN])
def test_a_rule_that_a_rule_above_always_beats_is_told(above: str, below: str) -> None:
    assert remarks("s t", f"{{id: a, to: t, when: {above}}}", f"{{id: b, to: t, when: {below}}}") == [
        "6:10: warning: rule `b` never wins: whenever it holds, `a` above it holds too"
    ]


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("{event: x}", "{event: [x, y]}"),
        ("{event: x, where: {channel: web}}", "{event: x}"),
        ("{all: [{event: x}, {count: x, gte: 3}]}", "{event: x}"),
        ("{count: x, gte: 5}", "{count: x, gte: 3}"),
        ("{count: x, within: 30d, gte: 3}", "{count: x, within: 90d, gte: 3}"),
        ("{count: x, within: 90d, eq: 3}", "{count: x, within: 30d, eq: 3}"),
        ("{idle: 4d}", "{idle: 3d}"),
        ("{trait: a, eq: 1}", "{trait: a, eq: true}"),
        ("{trait: a, exists: true}", "{trait: a, ne: x}"),
        ("{not: {event: x}}", "{idle: 3d}"),
    ],
)
def test_a_rule_that_can_win_is_not_told(above: str, below: str) -> None:
    assert remarks("s t", f"{{id: a, to: t, when: {above}}}", f"{{id: b, to: t, when: {below}}}") == []


def test_rules_above_may_beat_a_rule_each_in_its_stage() -> None:
    assert remarks(
        "s t u",
        "{id: a, from: s, to: u, when: {event: x}}",
        "{id: b, from: t, to: u, when: {event: [x, y]}}",
        "{id: c, from: [s, t], to: u, when: {event: x}}",
        "{id: d, from: s, to: t, when: {event: z}}",
    ) == ["7:10: warning: rule `c` never wins: whenever it holds, `a` and `b` above it holds too"]


def test_a_rule_wins_where_the_one_above_leads_back_and_is_passed_over() -> None:
    # Coming from t, a chain of moves may reach s; there `back` is skipped, and `on` gets its turn.
    rules = (
        "{id: back, from: s, to: t, when: {count: x, gte: 1}}",
        "{id: on, from: s, to: u, when: {count: x, gte: 2}}",
        "{id: again, from: t, to: s, when: {event: y}}",
    )
    assert remarks("s t u", *rules) == []
    assert remarks("s t u", *rules[:2]) == ["6:10: warning: rule `on` never wins: whenever it holds, `back` above it holds too"]


def test_rules_that_chase_each_other_are_told() -> None:
    assert remarks(
        "s t",
        "{id: a, to: t, when: {count: x, gte: 3}}",
        "{id: b, from: t, to: s, when: {idle: 30d}}",
    ) == [
        "5:10: warning: rules `a` and `b` can chase each other: they can hold at the same time without a touchpoint, so customers may move back and forth"
    ]


def test_rules_that_chase_in_a_wider_circle_are_told() -> None:
    (found,) = remarks(
        "s t u",
        "{id: a, from: s, to: t, when: {in_stage: 1d}}",
        "{id: b, from: t, to: u, when: {in_stage: 1d}}",
        "{id: c, from: u, to: s, when: {in_stage: 1d}}",
    )
    assert found.startswith("5:10: warning: rules `a`, `b` and `c` can chase each other")


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("{event: x}", "{idle: 30d}"),
        ("{count: x, within: 30d, gte: 3}", "{absent: x, for: 30d}"),
        ("{count: x, within: 30d, gte: 3}", "{idle: 30d}"),
        ("{sum: properties.a, of: x, within: 30d, gt: 5}", "{sum: properties.a, of: x, within: 30d, lt: 2}"),
        ("{trait: vip, eq: true}", "{not: {trait: vip, eq: true}}"),
        ("{all: [{event: x}, {count: x, gte: 2}]}", "{in_stage: 1d}"),
    ],
)
def test_rules_that_cannot_hold_at_the_same_time_do_not_chase(there: str, back: str) -> None:
    assert remarks("s t", f"{{id: a, to: t, when: {there}}}", f"{{id: b, from: t, to: s, when: {back}}}") == []


def test_a_touchpoint_that_is_to_be_absent_itself_is_told() -> None:
    (found,) = remarks("s t", "{id: a, to: t, when: {all: [{event: x}, {absent: [x, y], for: 30d}]}}")
    assert found.startswith("5:26: warning: `event(x)` and `absent(x | y, 30d)` hold together only for a touchpoint that arrives very late")


def test_a_campaign_that_waits_for_nothing_is_told() -> None:
    campaigns = "campaigns:\n  - {id: c, on: {from: t, to: s}}\n  - {id: d, on: {enter: s}}\n"
    assert remarks("s t", "{id: a, to: t, when: {event: x}}", rest=campaigns) == [
        "7:17: warning: campaign `c` waits for a stage change that no rule makes"
    ]


def test_a_value_twice_in_a_list_is_told_but_true_is_not_one() -> None:
    assert remarks("s t", "{id: a, to: t, when: {trait: x, in: [1, true, 1, 1.0]}}") == ["5:51: warning: number 1 is already in the list"]


DOUBTFUL = [
    ("{event: x, where: {properties.a: '> 5'}}", '5:59: warning: "> 5" is compared as text, sign and all: write {gt: 5}'),
    ("{event: x, where: {properties.a: {ne: '<=5'}}}", '5:64: warning: "<=5" is compared as text, sign and all: write {lte: 5}'),
    ("{last: properties.a, of: x, lte: '6'}", '5:59: warning: "6" is text here, and no number compares with text: write lte: 6'),
    ("{trait: traits.persona, eq: student}", "5:34: warning: the trait is named without `traits.` before it: `persona`"),
]


@pytest.mark.parametrize(("condition", "expected"), DOUBTFUL, ids=[condition for condition, _ in DOUBTFUL])
def test_a_text_that_was_probably_meant_otherwise_is_told(condition: str, expected: str) -> None:
    assert remarks("s t", f"{{id: a, to: t, when: {condition}}}") == [expected]


@pytest.mark.parametrize(
    "condition",
    [
        "{event: x, where: {properties.a: '> five apples'}}",
        "{trait: zip, starts_with: '10'}",
        "{event: x, where: {channel: '7'}}",
        "{last: channel, of: x, eq: '7'}",
        "{trait: since, eq: '2026-1-1'}",
        "{event: x, where: {properties.code: 'A01'}}",
    ],
)
def test_a_text_that_may_well_be_meant_is_not_doubted(condition: str) -> None:
    assert remarks("s t", f"{{id: a, to: t, when: {condition}}}") == []
