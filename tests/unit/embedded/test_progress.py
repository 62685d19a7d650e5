from collections import Counter
from datetime import UTC, datetime

from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.embedded.demo_progress import Highlights, Look, Trend
from etapa.journey.units import DAY


def _change(customer: str, source: str | None, to: str) -> StageChangeMessage:
    at = datetime(2026, 8, 14, tzinfo=UTC)
    return StageChangeMessage(f"{customer}/1", customer, 1, source, to, None, at, "touchpoint", None, [], None, None, None, "retail", 1)


def test_a_trend_compares_with_some_seconds_ago() -> None:
    trend = Trend(seconds=3.0)
    for second in range(10):
        customers = Counter(discovery=second, purchase=10 - second)
        trend.add(Look(100.0 + second, 50 * second, customers, 2 * DAY * second))
    assert trend.rate == 50.0
    assert trend.shop_days_per_second == 2.0
    assert trend.grown == {"discovery": 3, "purchase": -3}


def test_a_trend_of_nothing_is_nothing() -> None:
    trend = Trend(seconds=3.0)
    assert (trend.rate, trend.grown) == (0.0, {})
    trend.add(Look(100.0, 50, Counter(discovery=1), DAY))
    assert (trend.rate, trend.shop_days_per_second, trend.grown) == (0.0, 0.0, {"discovery": 0})


def test_highlights_come_at_a_pace_that_can_be_read() -> None:
    highlights = Highlights(seconds_between=0.5, kept=10)
    for tick in range(11):
        highlights.offer([_change(f"c-{tick}", "discovery", "purchase")], now=tick / 10)
    assert [change.customer_id for change in highlights.picked] == ["c-10", "c-5", "c-0"]


def test_highlights_show_each_kind_in_its_turn_and_newcomers_last() -> None:
    highlights = Highlights(seconds_between=1.0, kept=10)
    many = [_change("c-1", None, "discovery"), _change("c-2", "discovery", "purchase")]
    highlights.offer(many, now=0.0)
    highlights.offer([*many, _change("c-3", "loyalty", "advocacy")], now=1.0)
    highlights.offer(many[:1], now=2.0)
    assert [change.customer_id for change in highlights.picked] == ["c-1", "c-3", "c-2"]


def test_highlights_forget_what_is_old() -> None:
    highlights = Highlights(seconds_between=0.0, kept=2)
    for number in range(5):
        highlights.offer([_change(f"c-{number}", "discovery", "purchase")], now=float(number))
    assert [change.customer_id for change in highlights.picked] == ["c-4", "c-3"]
