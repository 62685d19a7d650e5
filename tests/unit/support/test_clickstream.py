"""The clickstream used by other tests has the properties that they assume."""

from collections import Counter
from collections.abc import Callable

import pytest

from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from tests.support.clickstream import (
    BESIDE_THE_PROJECT,
    SHOPPERS,
    VARIABLE,
    ClickstreamTouchpoint,
    clickstream,
    made_up_rows,
    touchpoints_of,
)


def made_up() -> list[ClickstreamTouchpoint]:
    return sorted(touchpoints_of(made_up_rows()), key=lambda touchpoint: touchpoint.at)


@pytest.mark.parametrize("source", [clickstream, made_up])
def test_every_touchpoint_is_taken_in_order_of_time(source: Callable[[], list[ClickstreamTouchpoint]]) -> None:
    touchpoints = source()
    assert 28_000 < len(touchpoints) < 34_000
    taken = [decode_touchpoint(one.key, one.value, TouchpointLimits(), None) for one in touchpoints]
    good = [touchpoint for touchpoint in taken if isinstance(touchpoint, Touchpoint)]
    assert len(good) == len(touchpoints)
    assert [touchpoint.at for touchpoint in good] == sorted(one.at for one in touchpoints)
    assert len({touchpoint.id for touchpoint in good}) == len(good)
    assert len({touchpoint.customer_id for touchpoint in good}) == SHOPPERS
    types = Counter(touchpoint.type for touchpoint in good)
    assert 300 < types["purchase"] < 700
    assert all(0 < touchpoint.properties["amount"] < 205 for touchpoint in good if touchpoint.type == "purchase")
    assert all(touchpoint.channel and touchpoint.traits["lifecycle"] in ("returning", "new", "loyal") for touchpoint in good)


def test_it_is_the_same_every_time() -> None:
    assert clickstream() == clickstream()
    assert list(made_up_rows()) == list(made_up_rows())


def test_without_a_file_it_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("tests.support.clickstream.BESIDE_THE_PROJECT", BESIDE_THE_PROJECT / "nowhere")
    assert clickstream() == made_up()


def test_a_file_that_is_named_but_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/clicks.csv.gz")
    with pytest.raises(FileNotFoundError):
        clickstream()
