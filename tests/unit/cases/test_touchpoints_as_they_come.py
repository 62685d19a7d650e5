"""Records that are not touchpoints, as people send them: each dead letter says everything that is wrong, and what would be right."""

from pathlib import Path

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.sources.presets import names as preset_names

HERE = Path(__file__).parent


def details(case: str) -> list[str]:
    """What is said about each line of a case."""
    said = []
    for line in (HERE / case / "events.jsonl").read_bytes().splitlines():
        read = read_touchpoint(line, TouchpointLimits(), None)
        assert isinstance(read, Rejected)
        said.append(read.detail)
    return said


@pytest.mark.parametrize(
    ("line", "looks_like", "source", "fields"),
    [
        (
            0,
            "a Segment track call",
            "segment",
            ["id is missing: there is messageId", "customer_id is missing: there is userId", "there is timestamp"],
        ),
        (1, "a CloudEvent", "cloudevents", ["customer_id is missing", "occurred_at is missing: there is time;"]),
        (
            2,
            "an order of Shopify",
            "shopify",
            ["id is a number", "customer_id is missing: there is customer;", "type is missing", "there is created_at"],
        ),
        (
            3,
            "an order of WooCommerce",
            "woocommerce",
            ["id is a number", "customer_id is a number", "type is missing", "there is date_created"],
        ),
        (
            4,
            "an event of a GA4 export",
            "ga4",
            ["id is missing", "there is user_pseudo_id", "there is event_name", "there is event_timestamp"],
        ),
        (5, "a change event of Debezium", "debezium", ["id is missing", "customer_id is missing", "type is missing", "there is ts_ms"]),
        (
            6,
            "an enriched event of Snowplow",
            "snowplow",
            ["there is event_id", "there is user_id", "there is event_name", "there is collector_tstamp"],
        ),
        (7, "a visit of Matomo", "matomo", ["id is missing", "there is visitorId", "type is missing", "there is serverTimestamp"]),
    ],
)
def test_events_of_others_are_recognised_and_all_that_is_missing_is_named(
    line: int, looks_like: str, source: str, fields: list[str]
) -> None:
    said = details("payloads-as-they-come")[line]
    assert said.startswith(f"this looks like {looks_like}, which the source `{source}` reads; ")
    assert source in preset_names()
    assert [field for field in fields if field not in said] == []


def test_a_wrong_field_is_told_what_to_write() -> None:
    assert details("words-for-a-wrong-field") == [
        "occurred_at is a number (apparently of seconds since 1970); write it as RFC 3339 text with an offset, such as 2026-11-21T10:00:00Z",
        'id is a number; write it as text, in quotes, such as "42"',
        'customer_id is a number; write it as text, in quotes, such as "42"',
        "occurred_at is null",
        "customer_id is missing: there is customerId; is customer_id meant?; occurred_at is missing: there is occurredAt; is occurred_at meant?",
        "it is a list; a touchpoint is one JSON object: one a record, or one a line (jq -c '.[]' makes lines of a list)",
    ]
