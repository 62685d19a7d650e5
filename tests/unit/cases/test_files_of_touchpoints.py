"""Files of touchpoints that led people to believe a wrong result: what `etapa simulate` says about each, and what `--strict` does."""

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import DAY, MINUTE, SECOND
from tests.unit.cli.process import etapa

HERE = Path(__file__).parent


def simulate(case: str, *options: str) -> CompletedProcess[bytes]:
    folder = HERE / case
    return etapa("simulate", "--journey", str(folder / "journey.yaml"), str(folder / "events.jsonl"), *options)


def said(done: CompletedProcess[bytes]) -> str:
    """The prose, its lines joined."""
    return " ".join(done.stderr.decode().split())


def moves(done: CompletedProcess[bytes]) -> list[tuple[str, str]]:
    changes: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return [(change["at"], change["to"]) for change in changes]


def test_what_lies_ahead_of_the_clock_is_left_out_as_a_worker_does_it() -> None:
    done = simulate("simulate-takes-the-future")
    assert done.returncode == 0
    assert moves(done)[-1] == ("2026-01-03T00:00:00Z", "vip")
    assert "1 line lies ahead of the clock; a worker would not take it" in said(done)


def test_a_file_that_is_newest_first_is_asked_about_and_can_be_sorted() -> None:
    done = simulate("newest-first-file")
    assert (
        "3 of 4 touchpoints occurred before one of the same customer that was already read (by up to 1y59d2h): is the file newest first?"
        in said(done)
    )
    in_order = simulate("newest-first-file", "--sort")
    assert "is the file" not in said(in_order)
    assert moves(in_order) == [("2025-01-01T09:00:00Z", "visitor"), ("2025-01-05T09:20:00Z", "buyer"), ("2025-06-10T17:00:00Z", "vip")]


def test_types_that_nobody_names_and_types_that_never_came_are_told_with_the_nearest_name() -> None:
    told = said(simulate("types-that-no-rule-names"))
    assert "types that no rule names: Order Completed 1, Purchase 1" in told
    assert "types that never came: purchase (did you mean Purchase?)" in told


def test_a_file_with_more_bad_lines_than_good_ones_fails_in_words() -> None:
    done = simulate("mostly-bad-file-exits-0")
    assert done.returncode == 1
    assert "more lines could not be used (9) than could (1)" in said(done)
    assert len(moves(done)) == 2
    folder = HERE / "mostly-bad-file-exits-0"
    journey, events = str(folder / "journey.yaml"), str(folder / "events.jsonl")
    assert etapa("diff", journey, journey, events).returncode == 1


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("simulate-takes-the-future", "from_the_future"),
        ("newest-first-file", "late"),
        ("types-that-no-rule-names", "unnamed_types"),
    ],
)
def test_strict_makes_a_failure_of_it(case: str, kind: str) -> None:
    assert simulate(case).returncode == 0
    done = simulate(case, "--strict")
    assert done.returncode == 1
    assert kind in said(done)
    folder = HERE / case
    both = [str(folder / "journey.yaml")] * 2
    compared = etapa("diff", *both, str(folder / "events.jsonl"), "--strict", "--json")
    assert compared.returncode == 1
    assert kind in [finding["kind"] for finding in json.loads(compared.stdout)["findings"]]


def test_strict_is_content_with_a_file_about_which_nothing_is_odd() -> None:
    assert simulate("count-470-where-369-is-true", "--strict").returncode == 0


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "money-as-text",
            '2 of 2 matching touchpoints had text at properties.amount (such as "1500.00"), and it looks for a number; `as: number` would read it',
        ),
        (
            "text-true-reaches-the-unsubscribed",
            'consent: trait(unsubscribed) != true: 1 of 1 matching touchpoints had text at trait unsubscribed (such as "true")',
        ),
        (
            "path-into-a-list-is-taken",
            'rule r: event(purchase where properties.items[0].sku = "X"): properties.items[0].sku met a list in 1 of 1 matching touchpoints',
        ),
        ("nested-trait-is-taken", 'had an object at trait address, whose parts cannot be used in conditions (such as {"city": "Lima"})'),
    ],
)
def test_values_of_a_type_that_a_condition_cannot_use_are_told(case: str, words: str) -> None:
    assert words in said(simulate(case))
    assert simulate(case, "--strict").returncode == 1
    folder = HERE / case
    both = [str(folder / "journey.yaml")] * 2
    assert words in said(etapa("diff", *both, str(folder / "events.jsonl")))


def test_money_as_text_is_money_where_the_journey_says_so(tmp_path: Path) -> None:
    folder = HERE / "money-as-text"
    journey = tmp_path / "journey.yaml"
    journey.write_text((folder / "journey.yaml").read_text().replace("within: 1y", "within: 1y, as: number"))
    done = etapa("simulate", "--journey", str(journey), str(folder / "events.jsonl"), "--strict")
    assert (done.returncode, [to for _, to in moves(done)]) == (0, ["a", "b"])


def test_the_text_true_does_not_reach_the_unsubscribed() -> None:
    done = simulate("text-true-reaches-the-unsubscribed", "--triggers")
    assert done.returncode == 0
    assert done.stdout == b""


def test_a_burst_past_256_is_counted_right() -> None:
    # 369 are left, and it takes 420.
    assert [to for _, to in moves(simulate("count-470-where-369-is-true"))] == ["a"]


def test_a_count_that_is_not_exact_says_by_how_much_it_may_be_off(tmp_path: Path) -> None:
    lines = [
        {"id": f"p{place}", "customer_id": "c", "type": "pv", "occurred_at": format_time(10**15 + place * MINUTE)} for place in range(500)
    ]
    lines.append({"id": "last", "customer_id": "c", "type": "check", "occurred_at": format_time(10**15 + 7 * DAY + 90 * SECOND)})
    events = tmp_path / "events.jsonl"
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    journey = tmp_path / "journey.yaml"
    journey.write_text((HERE / "count-470-where-369-is-true" / "journey.yaml").read_text())
    changes = [json.loads(line) for line in etapa("simulate", "--journey", str(journey), str(events)).stdout.splitlines()]
    exact, coarse = changes[-1]["because"]
    assert "exact" not in exact
    assert coarse == {"condition": "count(pv, 7d) >= 420", "observed": 499, "exact": False, "off_by_at_most": 2}
    # It is 498: two have left, and the second counts with the third.


def test_a_complaint_of_years_ago_triggers_nothing_where_events_have_to_be_fresh(tmp_path: Path) -> None:
    folder = HERE / "old-event-triggers-a-campaign-today"
    assert len(simulate("old-event-triggers-a-campaign-today", "--triggers").stdout.splitlines()) == 1
    fresh = tmp_path / "journey.yaml"
    fresh.write_text((folder / "journey.yaml").read_text().replace("{event: complaint}", "{event: complaint, within: 7d}"))
    done = etapa("simulate", "--journey", str(fresh), str(folder / "events.jsonl"), "--triggers")
    assert (done.returncode, done.stdout) == (0, b"")
