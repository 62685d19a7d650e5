"""Journey files and touchpoints for the tests of commands."""

import json

GOOD = """\
journey: shop
version: 3
grace: 0s
stages:
  - {id: new}
  - {id: buyer}
  - {id: asleep}
rules:
  - id: buys
    to: buyer
    when: {event: purchase}
  - id: falls-asleep
    from: buyer
    to: asleep
    when: {absent: purchase, for: 30d}
  - id: never-used
    from: asleep
    to: new
    when: {event: no_such_type}
"""

BAD = """\
journey: shop
version: 3
stages:
  - {id: new}
  - {id: buyer}
rules:
  - id: buys
    to: byer
    when: {event: purchase}
"""


def touchpoint(number: int, customer: str, kind: str, at: str) -> bytes:
    """One line of an events file."""
    return json.dumps({"id": f"e-{number}", "customer_id": customer, "type": kind, "occurred_at": at}).encode() + b"\n"


EVENTS = b"".join(
    [
        touchpoint(1, "a", "visit", "2026-01-01T00:00:00Z"),
        touchpoint(2, "b", "purchase", "2026-01-02T00:00:00Z"),
        touchpoint(2, "b", "purchase", "2026-01-02T00:00:00Z"),
        touchpoint(3, "a", "purchase", "2026-01-03T00:00:00Z"),
    ]
)
