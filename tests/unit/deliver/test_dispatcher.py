import pytest

from etapa.contracts.outgoing.campaign_trigger import campaign_trigger_json
from etapa.deliver.delivery_file.plan import Plan, Route, Target
from etapa.deliver.dispatch.dispatcher import DEAD_LETTERS, Sorted, sort_record
from etapa.journey.engine.facts.changes import Trigger

PLAN = Plan(
    targets=(Target(id="crm", url="https://crm/"),),
    campaigns={"welcome": Route("crm"), "elsewhere": Route(None)},
)


def trigger(campaign: str, *, holdout: bool = False) -> bytes:
    one = Trigger(campaign=campaign, customer_id="c", sequence=2, at=0, source=None, to="loyalty", holdout=holdout, payload=None)
    return campaign_trigger_json(one, "retail", 1)


def test_a_trigger_goes_to_the_lane_of_its_target() -> None:
    assert sort_record(PLAN, trigger("welcome")) == Sorted("crm", "welcome", "c/2/welcome", 0)


@pytest.mark.parametrize("campaign", ["welcome", "elsewhere", "unheard-of"])
def test_a_holdout_goes_to_nobody_whatever_the_file_says(campaign: str) -> None:
    assert sort_record(PLAN, trigger(campaign, holdout=True)) == Sorted(None, campaign, f"c/2/{campaign}", not_sent="holdout")


def test_a_campaign_that_is_skipped_goes_to_nobody() -> None:
    assert sort_record(PLAN, trigger("elsewhere")).not_sent == "skipped"


def test_a_campaign_without_a_target_becomes_a_letter() -> None:
    found = sort_record(PLAN, trigger("unheard-of"))
    assert found.lane == DEAD_LETTERS
    assert found.why is not None
    assert found.why.reason == "no_target"
    assert "'unheard-of'" in found.why.detail


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"id": "x"}', trigger("welcome").replace(b'"holdout":false', b'"holdout":0')])
def test_what_is_no_trigger_becomes_a_letter(value: bytes | None) -> None:
    found = sort_record(PLAN, value)
    assert found.lane == DEAD_LETTERS
    assert found.why is not None
    assert found.why.reason == "not_a_trigger"
