"""What the engine must not confuse: text with a boolean, coarse with exact figures, the distant past with news."""

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.outgoing.stage_change import stage_change_json
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.units import DAY, MINUTE
from etapa.rehearsal.replay import Replay

START = 1_767_225_600_000_000
HEAD = "journey: t\nversion: 1\nstages: [{id: a}, {id: b}]\n"


def program(rule: str, rest: str = "") -> Program:
    return compile_journey(journey_or_raise(HEAD + f"rules: [{{id: r, from: a, to: b, when: {rule}}}]\n{rest}", "t.yaml"))


def outcomes(consent: str, value: object) -> list[str]:
    """How a campaign treats a customer whose trait has this value."""
    compiled = program("{event: buy}", f"consent: {{trait: ok, {consent}}}\ncampaigns: [{{id: c, on: {{enter: b}}}}]\n")
    touched = touch(compiled, None, Touchpoint("1", "c", "buy", START, None, {}, {"ok": value}))
    return [offer.outcome for change in touched.changes for offer in change.offers]


@pytest.mark.parametrize(
    ("consent", "yes", "no"),
    [
        ("eq: true", [True], [False, "true", 1, None, [True], {}]),
        ("ne: true", [False], [True, "true", 0, None, [], {"a": 1}]),
        ("ne: 'no'", ["yes"], ["no", True, 3, ["yes"]]),
        ("not_in: ['no', never]", ["yes"], ["no", False, 7, None]),
        ("gte: 2", [2, 3.5], [1, "3", True]),
        ("contains: mail", ["e-mail", ["mail", "sms"]], ["sms", ["mail", 3], [], 7, {"mail": True}]),
    ],
)
def test_consent_is_no_where_the_value_is_of_another_type_than_what_it_is_compared_with(
    consent: str, yes: list[object], no: list[object]
) -> None:
    assert [value for value in yes if outcomes(consent, value) != ["published"]] == []
    assert [value for value in no if outcomes(consent, value) != ["consent"]] == []


@pytest.mark.parametrize(
    ("consent", "words"),
    [("exists: true", "`exists` would accept any value"), ("in: [true, 'yes']", "`in` lists values of different types")],
)
def test_consent_says_of_which_type_it_is(consent: str, words: str) -> None:
    text = HEAD + f"rules: []\nconsent: {{trait: ok, {consent}}}\n"
    errors = [finding.message for finding in load_journey(text, "t.yaml").findings if finding.severity == "error"]
    assert len(errors) == 1
    assert words in errors[0]


def last_change(compiled: Program, touchpoints: list[Touchpoint]) -> StageChange:
    replay, last = Replay(compiled), None
    for touchpoint in touchpoints:
        for touched in replay.take(touchpoint):
            assert not isinstance(touched, Rejected)
            last = touched.changes[-1] if touched.changes else last
    assert last is not None
    return last


@pytest.mark.parametrize("what", ["count: pv", "sum: properties.n, of: pv", "avg: properties.n, of: pv"])
def test_a_reason_says_when_it_was_judged_on_coarse_pieces(what: str) -> None:
    compiled = program(f"{{all: [{{event: check}}, {{{what}, within: 7d, gte: 1}}]}}")

    def reason(number: int, day: float) -> tuple[bool, bytes]:
        many = [Touchpoint(str(each), "c", "pv", START + each * MINUTE, None, {"n": 1 + each % 2}, {}) for each in range(number)]
        change = last_change(compiled, [*many, Touchpoint("check", "c", "check", START + round(day * DAY), None, {}, {})])
        return change.because[1].exact, stage_change_json(change, "t", 1)

    exact, written = reason(256, 7)
    assert exact
    assert b"exact" not in written
    # All of the oldest piece is still in the window.
    assert reason(500, 1)[0]
    exact, written = reason(500, 7 + 90 / 86_400)
    assert not exact
    assert b'"exact":false' in written


def test_a_number_of_different_values_says_when_it_is_an_estimate() -> None:
    compiled = program("{all: [{event: check}, {distinct: properties.n, of: pv, gte: 1}]}")

    def exact(number: int) -> bool:
        many = [Touchpoint(str(each), "c", "pv", START + each, None, {"n": each}, {}) for each in range(number)]
        return last_change(compiled, [*many, Touchpoint("check", "c", "check", START + DAY, None, {}, {})]).because[1].exact

    assert [exact(256), exact(257)] == [True, False]


def moved(compiled: Program, *touchpoints: tuple[str, float]) -> tuple[Customer, list[str]]:
    customer: Customer | None = None
    stages: list[str] = []
    for kind, day in touchpoints:
        touched = touch(compiled, customer, Touchpoint(f"{kind}{day}", "c", kind, START + round(day * DAY), None, {}, {}))
        customer = touched.customer
        stages += [change.to for change in touched.changes]
    assert customer is not None
    return customer, stages


def test_an_event_may_have_to_be_fresh_and_one_that_comes_later_is_remembered_all_the_same() -> None:
    compiled = program("{any: [{event: complaint, within: 7d}, {count: complaint, gte: 2}]}")
    assert moved(compiled, ("visit", 0), ("complaint", -2500))[1] == ["a"]
    assert moved(compiled, ("visit", 0), ("complaint", -7))[1] == ["a"]
    assert moved(compiled, ("visit", 0), ("complaint", -6.99))[1] == ["a", "b"]
    assert moved(compiled, ("visit", 0), ("complaint", -2500), ("complaint", -2400))[1] == ["a", "b"]
    _, stages = moved(program("{not: {event: x, within: 1d}}"), ("x", 0), ("x", -2))
    assert stages == ["a", "b"]


def test_campaigns_are_offered_nothing_that_is_dated_before_they_begin() -> None:
    campaigns = "campaigns_from: 2026-01-03T00:00:00Z\ncampaigns: [{id: c, on: [{enter: b}, {enter: a}]}]\n"
    compiled = program("{event: buy}", campaigns)

    def offers(day: float) -> int:
        touched = touch(compiled, None, Touchpoint("1", "c", "buy", START + round(day * DAY), None, {}, {}))
        return sum(len(change.offers) for change in touched.changes)

    assert [offers(0), offers(1.99), offers(2), offers(3)] == [0, 0, 2, 2]


def test_a_number_of_days_says_how_many_were_too_far_from_the_first() -> None:
    compiled = program("{all: [{event: check}, {days: pv, gte: 1}]}")

    def clause(years: int) -> Clause:
        many = [Touchpoint(str(each), "c", "pv", START + each * years * 365 * DAY, None, {}, {}) for each in range(3)]
        return last_change(compiled, [*many, Touchpoint("check", "c", "check", START + 3 * years * 365 * DAY, None, {}, {})]).because[1]

    assert (clause(40).observed, clause(40).exact) == (3, True)
    assert (clause(60).observed, clause(60).exact, clause(60).off_by_at_most) == (2, False, 1)
