"""Links between ids of one person, in files: what becomes of two customers."""

from collections.abc import Sequence
from io import BytesIO
from itertools import count

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.journey.engine.facts.changes import CampaignOutcome, Trigger
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.campaigns import triggers_of
from etapa.journey.engine.judging.control_groups import control_group_number
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.rehearsal.identities import MOST_REMEMBERED, Gone, Linked
from etapa.rehearsal.replay import Replay, Told, told_of
from etapa.rehearsal.summary import Summary, simulate
from tests.unit.engine.shops import did, us

HEAD = """
journey: shop
version: 1
identity: {{stage: {stage}, merge_known: {merges}}}
traits: {{email: {{known: true}}}}
stages: [{{id: new}}, {{id: buyer}}, {{id: regular}}, {{id: lost}}]
rules:
  - {{id: buys, from: [new, lost], to: buyer, when: {{event: purchase}}}}
  - {{id: comes-back, from: buyer, to: regular, when: {{count: purchase, gte: 3}}}}
  - {{id: drifts, from: [buyer, regular], to: lost, when: {{idle: 30d}}}}
"""
CAMPAIGN = """
campaigns:
  - {id: thanks, on: {enter: buyer}, once: true, holdout: 50%, goal: {event: reply, within: 10d}}
  - {id: welcome, on: {enter: regular}}
"""
_links = count(1)


def link(customer_id: str, same_as: str, at: str) -> Touchpoint:
    return Touchpoint(f"l-{next(_links)}", customer_id, "$link", us(at), properties={SAME_AS: same_as})


class File:
    """A journey, and what happened to its customers."""

    def __init__(self, stage: str = "replay", more: str = "", merges: str = "false") -> None:
        self.replay = Replay(compile_journey(journey_or_raise(HEAD.format(stage=stage, merges=merges) + more, "shop.yaml")))
        self.told: list[Told] = []
        self.refused: list[str] = []

    def reads(self, *touchpoints: Touchpoint) -> "File":
        for touchpoint in touchpoints:
            for touched in self.replay.take(touchpoint):
                if isinstance(touched, Rejected):
                    self.refused.append(touched.reason)
                else:
                    self.told += told_of(touched)
        return self

    def changes(self, customer_id: str) -> list[tuple[int, str | None, str, str]]:
        """Number, from, to, cause."""
        return [
            (each.sequence, each.source, each.to, each.cause)
            for each in self.told
            if isinstance(each, StageChange) and each.customer_id == customer_id
        ]

    @property
    def triggers(self) -> Sequence[Trigger]:
        return triggers_of([each for each in self.told if not isinstance(each, Gone)])

    @property
    def outcomes(self) -> list[CampaignOutcome]:
        return [each for each in self.told if isinstance(each, CampaignOutcome)]


def test_what_was_done_before_logging_in_counts() -> None:
    file = File().reads(did("purchase", "0d", who="anon"), did("purchase", "1d", who="anon"), did("purchase", "2d", who="ada"))
    file.reads(link("anon", "ada", "2d"))
    assert file.changes("ada") == [(1, None, "new", "touchpoint"), (2, "new", "buyer", "touchpoint"), (3, "buyer", "regular", "link")]
    assert file.changes("anon") == [(1, None, "new", "touchpoint"), (2, "new", "buyer", "touchpoint")]
    assert list(file.replay.customers) == ["ada"]
    last = file.told[-1]
    assert isinstance(last, StageChange)
    assert [(each.condition, each.observed) for each in last.because] == [("same_as(anon, ada)", "replay")]
    assert last.touchpoint_id is not None
    # From now on both ids are the same customer.
    file.reads(did("visit", "40d", who="anon"))
    assert file.changes("ada")[-1] == (4, "regular", "lost", "timer")


def test_a_customer_never_seen_under_the_kept_id_arrives_where_the_other_was() -> None:
    file = File().reads(did("purchase", "0d", who="anon"), link("anon", "ada", "1d"), did("visit", "2d", who="ada"))
    assert file.changes("ada") == [(1, None, "buyer", "link")]
    assert file.replay.customers["ada"].first_at == us("0d")


def test_a_link_before_all_touchpoints_joins_them_as_they_come() -> None:
    file = File().reads(link("anon", "ada", "0d"), did("purchase", "1d", who="anon"))
    assert file.changes("ada") == [(1, None, "new", "touchpoint"), (2, "new", "buyer", "touchpoint")]


def test_a_link_that_changes_no_stage_makes_no_change() -> None:
    file = File().reads(did("visit", "0d", who="anon"), did("purchase", "1d", who="ada"))
    before = len(file.changes("ada"))
    file.reads(link("anon", "ada", "2d"), link("anon", "ada", "3d"))
    assert len(file.changes("ada")) == before
    assert file.refused == []


@pytest.mark.parametrize(("stage", "leads_to"), [("furthest", ["lost"]), ("keep", []), ("replay", [])])
def test_the_stage_is_the_furthest_or_that_of_the_kept_id_or_found_again(stage: str, leads_to: list[str]) -> None:
    file = File(stage).reads(did("purchase", "0d", who="anon"), did("visit", "40d", who="anon"), did("purchase", "40d", who="ada"))
    before = len(file.changes("ada"))
    file.reads(link("anon", "ada", "41d"))
    assert [(to, cause) for _, _, to, cause in file.changes("ada")[before:]] == [(to, "link") for to in leads_to]


@pytest.mark.parametrize("stage", ["furthest", "keep"])
def test_the_united_memory_may_make_a_rule_true(stage: str) -> None:
    file = File(stage).reads(did("purchase", "0d", who="anon"), did("purchase", "1d", who="anon"), did("purchase", "2d", who="ada"))
    file.reads(link("anon", "ada", "2d"))
    last = file.told[-1]
    assert isinstance(last, StageChange)
    assert (last.to, last.cause, last.rule) == ("regular", "link", "comes-back")


def test_an_earlier_link_that_comes_late_changes_which_id_is_kept() -> None:
    file = File().reads(did("purchase", "0d", who="anon"), did("visit", "1d", who="ada"), link("anon", "ada", "5d"))
    assert list(file.replay.customers) == ["ada"]
    file.reads(link("ada", "anon", "3d"))
    assert list(file.replay.customers) == ["anon"]
    # Its numbers continue where they had stopped, and its stage is the one it had.
    assert file.changes("anon") == [(1, None, "new", "touchpoint"), (2, "new", "buyer", "touchpoint")]
    file.reads(did("purchase", "6d", who="ada"), did("purchase", "7d", who="ada"))
    assert file.changes("anon")[2:] == [(3, "buyer", "regular", "touchpoint")]
    assert file.refused == []


def test_a_link_that_says_the_reverse_of_an_earlier_one_is_refused() -> None:
    file = File().reads(did("visit", "0d", who="a"), link("a", "b", "1d"), link("b", "c", "2d"), link("c", "a", "3d"), link("a", "c", "4d"))
    assert file.refused == ["link_cycle"]
    assert list(file.replay.customers) == ["c"]


def test_a_shared_tablet_does_not_make_one_person() -> None:
    stream = [
        did("visit", "0d", who="ada", traits={"email": "a@shop.example"}),
        did("visit", "0d", who="bert", traits={"email": "b@shop.example"}),
        link("tablet", "ada", "1d"),
        did("visit", "1d", who="tablet"),
        link("tablet", "bert", "2d"),
    ]
    file = File().reads(*stream)
    assert file.refused == ["two_known"]
    assert set(file.replay.customers) == {"ada", "bert"}
    assert set(File(merges="true").reads(*stream).replay.customers) == {"bert"}


@pytest.mark.parametrize("nothing", [None, False, ""])
def test_nobody_is_known_by_a_trait_that_says_nothing(nothing: object) -> None:
    file = File().reads(*[did("visit", "0d", who=who, traits={"email": nothing}) for who in ("ada", "bert")], link("ada", "bert", "1d"))
    assert file.refused == []


def test_without_identity_in_the_file_links_have_no_effect_and_are_counted() -> None:
    journey = journey_or_raise("journey: x\nversion: 1\nstages: [{id: a}]\nrules: []\n", "x.yaml")
    lines = [
        b'{"id": "e-1", "customer_id": "anon", "type": "visit", "occurred_at": "2026-01-01T00:00:00Z"}\n',
        b'{"id": "l-1", "customer_id": "anon", "type": "$link", "occurred_at": "2026-01-01T00:00:00Z", "same_as": "ada"}\n',
        b'{"id": "e-2", "customer_id": "anon", "type": "visit", "occurred_at": "2026-01-01T00:00:00Z"}\n',
    ]
    summary = Summary(journey)
    assert {each.customer_id for each in simulate(compile_journey(journey), journey, BytesIO(b"".join(lines)), summary=summary)} == {"anon"}
    assert (summary.links, summary.joined, summary.rejected.total()) == (1, 0, 0)
    assert [(each.kind, each.count) for each in summary.findings if each.kind == "links_ignored"] == [("links_ignored", 1)]


@pytest.mark.parametrize("purchases", [1, 3])
def test_customers_are_counted_once_whichever_id_is_kept(purchases: int) -> None:
    file = File().reads(did("purchase", "0d", who="anon"), did("visit", "1d", who="ada"), did("visit", "1d", who="bert"))
    file.reads(link("anon", "ada", "5d"), *[did("purchase", "6d", who="anon") for _ in range(purchases - 1)], link("ada", "anon", "3d"))
    file.reads(link("bert", "anon", "2d"))
    summary = Summary(file.replay.program.journey)
    for each in file.told:
        summary.told(each)
    (customer,) = file.replay.customers.values()
    assert {stage: number for stage, number in summary.stages.items() if number} == {customer.stage: 1}


def test_one_person_has_a_limited_number_of_ids() -> None:
    file = File().reads(*[link(f"c-{number}", "all", "1d") for number in range(300)])
    assert file.refused == ["not_linked"] * 45


def test_a_history_too_long_to_be_replayed_is_united_by_what_is_remembered() -> None:
    file = File().reads(did("purchase", "0d", who="anon"), did("purchase", "1d", who="anon"))
    file.reads(*[did("visit", "2d", who="ada") for _ in range(MOST_REMEMBERED)], did("purchase", "3d", who="ada"))
    file.reads(link("anon", "ada", "4d"))
    assert file.replay.customers["ada"].stage == "regular"
    last = file.told[-1]
    assert isinstance(last, StageChange)
    assert last.cause == "link"


def of_group(held_out: bool) -> list[str]:
    """Ids that are, or are not, in the holdout group of `thanks`."""
    return [each for each in (f"c-{number}" for number in range(50)) if (control_group_number("thanks", each) < 2**63) is held_out]


def test_once_holds_for_both_ids() -> None:
    anon, ada = of_group(held_out=False)[:2]
    file = File(more=CAMPAIGN).reads(did("purchase", "0d", who=anon), did("visit", "0d", who=ada), link(anon, ada, "1d"))
    # The stage change of the link enters `buyer`, for which the person was thanked already.
    assert file.changes(ada)[-1] == (2, "new", "buyer", "link")
    assert [(each.campaign, each.customer_id) for each in file.triggers] == [("thanks", anon)]


def test_a_holdout_group_is_for_life() -> None:
    anon, ada = of_group(held_out=True)[0], of_group(held_out=False)[0]
    often = CAMPAIGN.replace("once: true, ", "")
    file = File(more=often).reads(did("purchase", "0d", who=anon), link(anon, ada, "1d"), did("purchase", "40d", who=ada))
    assert [(each.customer_id, each.holdout, each.mixed) for each in file.triggers] == [
        (anon, True, False),
        (ada, True, False),
        (ada, True, False),
    ]


def test_who_was_in_both_groups_counts_in_neither() -> None:
    anon, ada = of_group(held_out=True)[0], of_group(held_out=False)[0]
    often = CAMPAIGN.replace("once: true, ", "")
    file = File(more=often).reads(did("purchase", "0d", who=anon), did("purchase", "1d", who=ada), link(anon, ada, "2d"))
    file.reads(did("reply", "3d", who=ada), did("purchase", "50d", who=anon))
    last = [each for each in file.triggers if each.campaign == "thanks"][-1]
    assert (last.customer_id, last.holdout, last.mixed) == (ada, False, True)
    assert [(each.under or each.customer_id, each.holdout, each.met, each.enrolled) for each in file.outcomes] == [
        (anon, True, True, False),
        (ada, False, True, False),
    ]


def test_held_triggers_and_open_goals_go_on_under_the_kept_id() -> None:
    anon, ada = of_group(held_out=False)[:2]
    quiet = 'quiet: {hours: "00:00-12:00", then: hold}\n' + CAMPAIGN
    file = File(more=quiet).reads(did("purchase", "0d", who=anon), link(anon, ada, "1h"), did("visit", "13h", who=ada))
    (trigger,) = file.triggers
    assert (trigger.customer_id, trigger.under, trigger.sequence, trigger.at) == (ada, anon, 2, us("12h"))
    file.reads(did("reply", "14h", who=anon))
    assert [(each.customer_id, each.under, each.sequence, each.met) for each in file.outcomes] == [(ada, anon, 2, True)]


def test_a_repeat_under_the_other_id_is_recognised() -> None:
    file = File("keep").reads(
        did("purchase", "0d", who="anon", touchpoint_id="e"), did("visit", "0d", who="ada"), link("anon", "ada", "1d")
    )
    (again,) = file.replay.take(did("purchase", "0d", who="ada", touchpoint_id="e"))
    assert not isinstance(again, Rejected | Linked)
    assert again.duplicate
