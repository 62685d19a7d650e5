from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.embedded.live_view import Picture, draw, line, seconds_as_text, why
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.language.load import journey_or_raise
from etapa.settings import SHIPPED_JOURNEY

JOURNEY = journey_or_raise(SHIPPED_JOURNEY.read_text(encoding="utf-8"), str(SHIPPED_JOURNEY))


def _change(because: Sequence[Clause], **fields: Any) -> StageChangeMessage:
    moment = datetime(2026, 8, 14, 10, 30, tzinfo=UTC)
    known: dict[str, Any] = {"source": "purchase", "to": "loyalty", "cause": "touchpoint", "at": moment} | fields
    return StageChangeMessage(
        id="c-42/3",
        customer_id="c-42",
        sequence=3,
        phase="post-purchase",
        rule="loyal-by-repeat-purchases",
        because=because,
        touchpoint_id="t-1",
        channel="web",
        dwell_seconds=1.0,
        journey="retail",
        version=1,
        **known,
    )


LOYAL = _change([Clause("count(purchase, 180d) >= 3", 3), Clause("count(complaint, 30d) = 0", 0)])
GONE = _change([Clause("absent(purchase, 180d)", "2026-02-01T10:00:00Z")], source="loyalty", to="consideration", cause="timer")
NEW = _change([], source=None, to="discovery")


def _picture(**fields: Any) -> Picture:
    known: dict[str, Any] = {
        "journey": JOURNEY,
        "shop_time": 1_786_700_000_000_000,
        "shop_days_per_second": 14.7,
        "customers": {"discovery": 128, "consideration": 71, "purchase": 32, "service": 90, "loyalty": 64, "advocacy": 8},
        "grown": {"discovery": 3, "loyalty": -2},
        "touchpoints": 4021,
        "rate": 199.6,
        "stage_changes": 1533,
        "duplicates": 61,
        "campaigns": {
            "loyalty-welcome": {"published": 36, "holdout": 6, "consent": 12, "when": 0},
            "win-back": {"published": 112},
            "never-offered": {"published": 0},
        },
        "dead_letters": {"not_json": 3, "invalid": 4},
        "held_back": False,
        "median_delay": 0.0124,
        "longest_delay": 1.44,
        "recent": [LOYAL, GONE, NEW] * 20,
        "url": "http://127.0.0.1:6066/",
        "status": "Ctrl-C ends it",
        "remark": "broker: a test double",
    }
    return Picture(**(known | fields))


def _drawn(picture: Picture, width: int, height: int) -> list[str]:
    console = Console(file=StringIO(), width=width, height=height, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(draw(picture, width, height))
    return capture.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (60, 20), (40, 24)])
def test_a_picture_fits_its_terminal(width: int, height: int) -> None:
    lines = _drawn(_picture(), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_stages_come_in_the_order_of_the_journey_with_their_phases_counts_and_trends() -> None:
    lines = _drawn(_picture(), 80, 24)
    rows = [line for line in lines if "█" in line]
    assert [row[13:].split()[0] for row in rows] == ["Discovery", "Consideration", "Purchase", "Service", "Loyalty", "Advocacy"]
    assert [row[:13].strip() for row in rows] == ["pre-purchase", "", "purchase", "", "post-purchase", ""]
    assert rows[0].split()[-3:] == ["128", "33%", "+3"]
    assert rows[4].split()[-3:] == ["64", "16%", "-2"]


def test_bars_are_as_long_as_stages_are_full() -> None:
    bars = [line.count("█") for line in _drawn(_picture(), 120, 40) if "█" in line]
    assert bars[0] == max(bars)
    assert bars[4] == bars[0] // 2
    assert bars[5] < bars[0] // 10


def test_a_wide_terminal_shows_spanish_labels_too() -> None:
    assert any("Fidelización" in line for line in _drawn(_picture(), 120, 40))


def test_no_number_is_cut_short_in_a_narrow_terminal() -> None:
    grown = {"discovery": 1234, "loyalty": -12}
    rows = _drawn(_picture(grown=grown), 40, 24)
    assert [row.split()[-3:] for row in rows if "Discovery  " in row or "Loyalty  " in row][:2] == [
        ["128", "33%", "+1,234"],
        ["64", "16%", "-12"],
    ]


def test_campaigns_that_were_offered_something_are_told_the_busiest_first() -> None:
    told = [line for line in _drawn(_picture(), 120, 40) if "of campaign" in line]
    assert [line.strip() for line in told] == [
        "112 triggers of campaign win-back",
        "36 triggers of campaign loyalty-welcome; 6 in the holdout group, 12 without consent",
    ]


def test_moves_come_in_the_order_of_the_customers_time() -> None:
    days = [3, 9, 1, 20]
    moves = [_change([], at=datetime(2026, 8, day, tzinfo=UTC)) for day in days]
    shown = [line[:6] for line in _drawn(_picture(recent=moves), 80, 30) if " Aug" in line[:6]]
    assert shown == ["20 Aug", "09 Aug", "03 Aug", "01 Aug"]


def test_moves_come_with_their_reasons() -> None:
    text = "\n".join(_drawn(_picture(), 120, 40))
    assert "Purchase → Loyalty" in text
    assert "count(purchase, 180d) >= 3 (3), count(complaint, 30d) = 0 (0)" in text
    assert "time passed: absent(purchase, 180d)" in text
    assert "new → Discovery" in text


def test_it_says_when_the_worker_is_slower_than_the_shoppers() -> None:
    assert any("wait for the worker" in line for line in _drawn(_picture(held_back=True), 120, 40))


def test_nothing_yet_can_be_drawn_too() -> None:
    empty = _picture(customers={}, grown={}, touchpoints=0, rate=0.0, dead_letters={}, median_delay=None, longest_delay=None, recent=[])
    assert any("Discovery" in line for line in _drawn(empty, 80, 24))


def test_on_one_line_it_has_the_figures_and_the_stages() -> None:
    text = line(_picture())
    assert "4,021 touchpoints" in text
    assert "loyalty 64  advocacy 8" in text
    assert "\n" not in text


def test_why_names_the_touchpoint_that_came_and_not_those_that_might_have() -> None:
    assert why(_change([Clause("event(add_to_cart | product_view)", "product_view")])) == "event(product_view)"
    praise = Clause("event(review where properties.rating >= 4)", "review")
    assert why(_change([praise])) == "event(review where properties.rating >= 4)"


def test_it_says_what_the_broker_is() -> None:
    assert any("broker: a test double" in line for line in _drawn(_picture(), 80, 24))


def test_why_says_what_was_seen_where_that_is_a_number() -> None:
    assert why(LOYAL) == "count(purchase, 180d) >= 3 (3), count(complaint, 30d) = 0 (0)"
    assert why(GONE) == "time passed: absent(purchase, 180d)"
    assert why(_change([Clause("in_stage(7d)", 604800.0)], cause="timer")) == "time passed: in_stage(7d)"
    assert why(NEW) == "first touchpoint"


@pytest.mark.parametrize(("seconds", "text"), [(None, "-"), (0.0124, "12 ms"), (0.9994, "999 ms"), (1.44, "1.4 s")])
def test_delays_are_written_for_people(seconds: float | None, text: str) -> None:
    assert seconds_as_text(seconds) == text
