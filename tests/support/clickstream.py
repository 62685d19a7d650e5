"""A shop's clickstream as touchpoints: half a year, 600 shoppers, some 31,000 events, ordered by time.

Real data is used if there is any: a gzipped CSV file named by `ETAPA_CLICKSTREAM`, or `../shared/data/ecom.csv.gz`
beside the project. Otherwise the same amount is made up, identically every time. The columns are `user_id`, `session_id`,
`event`, `timestamp` (UTC), `platform`, `acquisition_channel`, `user_cohort` and `user_lifecycle`.
"""

import csv
import gzip
import hashlib
import os
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

VARIABLE = "ETAPA_CLICKSTREAM"
BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "data" / "ecom.csv.gz"

SHOPPERS = 600
SESSIONS = 3600
FIRST_DAY = datetime(2024, 1, 4, tzinfo=UTC)
DAYS = 177
BROWSING = ["product_view", "catalog", "search", "filter_results", "compare", "review_page", "promo_page", "wishlist_add", "error_page"]
OFTEN = [28, 26, 16, 10, 1, 2, 3, 3, 1]
CHECKOUT = ["add_to_cart", "cart", "shipping_details", "payment_details", "purchase"]
GOES_ON = [0.35, 0.9, 0.8, 0.75, 0.65]


class ClickstreamTouchpoint(NamedTuple):
    """A touchpoint as Etapa reads it: `value` is its JSON on one line, `at` is in microseconds since 1970."""

    customer_id: str
    at: int
    value: bytes

    @property
    def key(self) -> bytes:
        """Its record key."""
        return self.customer_id.encode()


def clickstream() -> list[ClickstreamTouchpoint]:
    """All touchpoints, ordered by time; within a second in the order of the file."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else BESIDE_THE_PROJECT
    rows = read_rows(path) if named or path.exists() else made_up_rows()
    return sorted(touchpoints_of(rows), key=lambda touchpoint: touchpoint.at)


def json_lines(touchpoints: Iterable[ClickstreamTouchpoint]) -> bytes:
    """The touchpoints as a JSON Lines file."""
    return b"".join(touchpoint.value + b"\n" for touchpoint in touchpoints)


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a gzipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def touchpoints_of(rows: Iterable[dict[str, str]]) -> Iterator[ClickstreamTouchpoint]:
    """One touchpoint per row. Ids count the rows, so they are the same every time."""
    for number, row in enumerate(rows):
        moment = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
        identity = f"click-{number:06}"
        properties: dict[str, Any] = {"session": row["session_id"], "platform": row["platform"]}
        if row["event"] == "purchase":
            properties |= {"amount": amount_of(identity), "currency": "EUR"}
        value = msgspec.json.encode(
            {
                "id": identity,
                "customer_id": row["user_id"],
                "type": row["event"],
                "occurred_at": moment,
                "channel": row["acquisition_channel"] or row["platform"],
                "properties": properties,
                "traits": {"cohort": row["user_cohort"], "lifecycle": row["user_lifecycle"]},
            }
        )
        yield ClickstreamTouchpoint(row["user_id"], int(moment.timestamp()) * 1_000_000, value)


def amount_of(identity: str) -> float:
    """The price of a purchase, from 5.00 to 204.99: made up from its id, since the data has none."""
    digest = hashlib.blake2b(identity.encode(), digest_size=4).digest()
    return 5 + int.from_bytes(digest, "big") % 20_000 / 100


def made_up_rows(seed: int = 2024) -> Iterator[dict[str, str]]:
    """Rows of the same size and shape, the same for the same seed."""
    source = random.Random(seed)
    shoppers = [
        {
            "user_id": f"user_{number:04}",
            "acquisition_channel": source.choice(["organic", "paid_search", "email", "social", "direct"]),
            "user_cohort": source.choice(["2024-01", "2024-02", "2024-03", "2024-04"]),
            "user_lifecycle": source.choices(["returning", "new", "loyal"], [53, 24, 23])[0],
        }
        for number in range(SHOPPERS)
    ]
    for session in range(SESSIONS):
        # Everybody visits once; after that some visit more often than others.
        shopper = shoppers[session] if session < SHOPPERS else shoppers[int(source.betavariate(1, 2) * SHOPPERS)]
        moment = FIRST_DAY + timedelta(seconds=source.randrange(DAYS * 86_400))
        platform = source.choices(["desktop", "mobile", "tablet"], [52, 36, 12])[0]
        for event in session_events(source):
            yield {
                **shopper,
                "session_id": f"sess_{session:06}",
                "event": event,
                "timestamp": f"{moment:%Y-%m-%d %H:%M:%S}",
                "platform": platform,
            }
            moment += timedelta(seconds=source.randrange(120))


def session_events(source: random.Random) -> Iterator[str]:
    """What a shopper does in one visit, in order."""
    if source.random() < 0.75:
        yield "home"
    yield from source.choices(BROWSING, OFTEN, k=1 + int(source.expovariate(1 / 6.2)))
    for event, likelihood in zip(CHECKOUT, GOES_ON, strict=True):
        if source.random() > likelihood:
            if event == "purchase":
                yield source.choice(["payment_error", "checkout_bug"])
            break
        yield event
    if source.random() < 0.25:
        yield source.choice(["account_page", "support_chat"])
