"""What all contestants read: made-up touchpoints of realistic size, the same ones for the same seed.

Customers are skewed (the busiest hundredth of them has a fifth of all touchpoints), one touchpoint in twenty is late, one in
a hundred was sent twice. Late is later than others, but by less than the journey's grace: so every program must end with the
same stages, whether it lets timers wait for the stream or for the customer's next touchpoint.
"""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time, parse_time
from etapa.journey.units import SECOND

LATE_BY = 9 * SECOND
"""Less than the grace of the shipped journey."""
LATE_SHARE = 0.05
DUPLICATE_SHARE = 0.01
SKEW = 3
"""Customer numbers are spread as the cube of an even spread."""

# About what a shop sees: much looking, some carts, few purchases.
TYPES = {
    "page_view": 30,
    "product_view": 34,
    "search": 8,
    "add_to_cart": 9,
    "ad_click": 5,
    "email_open": 5,
    "purchase": 4,
    "delivery": 3,
    "review": 1,
    "complaint": 0.5,
    "loyalty_signup": 0.3,
    "referral": 0.2,
}
CHANNELS = ("web", "app", "email", "store", "whatsapp")
PERSONAS = ("student", "family", "bargain_hunter", "impulse_buyer")


_LATEST = 1_000
"""The latest touchpoint is among so many that came last: in these, at most a few are late."""


class KeyAndValue(NamedTuple):
    """A record's key and value."""

    key: bytes
    value: bytes


def made_up(count: int, customers: int, start: int, end: int, seed: int = 20) -> Iterator[KeyAndValue]:
    """`count` touchpoints of up to `customers` customers, from `start` to `end` (microseconds since 1970), in order of arrival."""
    rnd = random.Random(seed)
    kinds = rnd.choices(list(TYPES), list(TYPES.values()), k=count)
    step = (end - start) // count
    latest: list[KeyAndValue] = []
    for number, kind in enumerate(kinds):
        if latest and rnd.random() < DUPLICATE_SHARE:
            yield rnd.choice(latest)
            continue
        at = start + number * step - (rnd.randrange(LATE_BY) if rnd.random() < LATE_SHARE else 0)
        sent = _touchpoint(rnd, number, f"c-{int(customers * rnd.random() ** SKEW):07}", kind, at)
        latest = [*latest[-9:], sent]
        yield sent


def closed(sent: Sequence[KeyAndValue], partitions: int) -> list[KeyAndValue]:
    """The same, with a last touchpoint for each partition in place of the last ones, all at one instant: a whole second, later than all before.

    Some programs have a clock for each partition, others one for all, that of the slowest. Only if all partitions end at the same instant do both
    let the same timers fire.
    """
    kept = sent[:-partitions]
    latest = max(parse_time(msgspec.json.decode(each.value)["occurred_at"]) for each in kept[-_LATEST:])
    end = format_time((latest // SECOND + 1) * SECOND)
    customers: dict[int, str] = {}
    number = 0
    while len(customers) < partitions:
        customer_id = f"c-{number:07}"
        customers.setdefault(partition_of(customer_id, partitions), customer_id)
        number += 1
    last = [
        {"id": f"last-{partition}", "customer_id": customer_id, "type": "page_view", "occurred_at": end}
        for partition, customer_id in sorted(customers.items())
    ]
    return [*kept, *(KeyAndValue(one["customer_id"].encode(), msgspec.json.encode(one)) for one in last)]


def _touchpoint(rnd: random.Random, number: int, customer_id: str, kind: str, at: int) -> KeyAndValue:
    message = {
        "id": f"{rnd.getrandbits(64):016x}-{number}",
        "customer_id": customer_id,
        "type": kind,
        "occurred_at": format_time(at),
        "channel": rnd.choice(CHANNELS),
        "properties": _properties(rnd, kind),
    }
    if rnd.random() < 0.1:
        message["traits"] = {"persona": rnd.choice(PERSONAS), "marketing_consent": rnd.random() < 0.7}
    return KeyAndValue(customer_id.encode(), msgspec.json.encode(message))


def _properties(rnd: random.Random, kind: str) -> dict[str, object]:
    product = f"sku-{rnd.randrange(5_000):05}"
    if kind == "purchase":
        return {"order": f"o-{rnd.getrandbits(40):010x}", "amount": round(rnd.uniform(5, 200), 2), "currency": "EUR", "product": product}
    if kind == "review":
        return {"product": product, "rating": rnd.randint(1, 5), "text_length": rnd.randrange(20, 900)}
    return {
        "url": f"https://shop.example/catalogue/{product}",
        "referrer": rnd.choice(("https://search.example/", "https://social.example/feed", "")),
        "product": product,
        "price": round(rnd.uniform(5, 200), 2),
        "seconds_on_page": rnd.randrange(600),
    }
