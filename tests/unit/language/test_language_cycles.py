import pytest

from etapa.journey.language.load import load_journey

HEAD = "journey: j\nversion: 1\nstages: [{id: a}, {id: b}, {id: c}]\nrules:\n"


def errors(*rules: str) -> list[str]:
    loaded = load_journey(HEAD + "".join(f"  - {{{rule}}}\n" for rule in rules), "j.yaml")
    return [str(finding) for finding in loaded.findings if finding.severity == "error"]


def test_rules_that_time_alone_drives_round_in_less_than_an_hour_are_refused() -> None:
    there, back = "id: remind, from: a, to: b, when: {in_stage: 1s}", "id: wait, from: b, to: a, when: {in_stage: 59m58s}"
    (found,) = errors(there, back)
    assert found == (
        "j.yaml:5:10: error: time alone moves customers in a circle through the rules `remind` and `wait`, 59m59s per round, for ever; a round must "
        "take at least 1h, so make an `in_stage` longer, or have one of the rules wait for something else"
    )


@pytest.mark.parametrize(
    "when",
    [
        "any: [{event: x}, {in_stage: 20m}]",
        "all: [{in_stage: 20m}, {in_stage: 5m}]",
        "all: [{in_stage: 20m}, {not: {event: x}}]",
    ],
)
def test_it_does_not_matter_how_it_is_said_that_time_is_enough(when: str) -> None:
    there = "id: there, from: [a, c], to: b, when: {in_stage: 19m}"
    on = f"id: on, from: b, to: c, when: {{{when}}}"
    assert errors(there, on, "id: back, from: c, to: a, when: {in_stage: 20m}")


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("in_stage: 30m", "in_stage: 30m"),
        ("in_stage: 1s", "all: [{in_stage: 1s}, {trait: x, eq: y}]"),
        ("in_stage: 1s", "event: x"),
        ("in_stage: 1s", "idle: 5s"),
    ],
)
def test_rules_that_take_an_hour_or_wait_for_something_else_are_not(there: str, back: str) -> None:
    assert errors(f"id: there, from: a, to: b, when: {{{there}}}", f"id: back, from: b, to: a, when: {{{back}}}") == []


def test_a_large_file_of_such_rules_is_looked_through_at_once() -> None:
    stages = [f"s{number}" for number in range(100)]
    rules = [
        f"  - {{id: to-{to}, from: [{', '.join(stage for stage in stages if stage != to)}], to: {to}, when: {{in_stage: {seconds}s}}}}"
        for seconds, to in enumerate(stages, start=1)
    ]
    head = f"journey: j\nversion: 1\nstages: [{', '.join(f'{{id: {stage}}}' for stage in stages)}]\nrules:\n"
    found = load_journey(head + "\n".join(rules), "j.yaml").findings
    assert any(finding.severity == "error" and "time alone moves" in finding.message for finding in found)
