"""Simulated shoppers: an endless stream of touchpoints, the same for the same plan, with the flaws of real streams.

Among the touchpoints are late ones, duplicates, and records that cannot be used. Nothing here uses the clock: the plan
says when the shop's history begins and ends, and how much time passes with each touchpoint.

`python -m etapa.embedded.shoppers --touchpoints 1000` prints JSON Lines.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any, Literal, NamedTuple

import click
import msgspec

from etapa.contracts.rfc3339 import moment_of, parse_time
from etapa.embedded.shopper_kinds import any_shopper
from etapa.embedded.stories import Cast, Character, Story, StoryStep
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND

Flaw = Literal["late", "duplicate", "not_json", "no_offset", "wrong_type", "key_mismatch", "from_the_future", "no_value", "unusable"]
BROKEN: tuple[Flaw, ...] = ("not_json", "no_offset", "wrong_type", "key_mismatch", "from_the_future", "no_value")


class ShoppingTrip(NamedTuple):
    """What to simulate. Times are microseconds since 1970.

    Time in the shop begins at `start` and at first advances by `pace` microseconds with each touchpoint, then ever more slowly, so that it
    never reaches `end`, however many touchpoints are requested.
    """

    seed: int
    start: int
    end: int
    pace: int
    customers: int | None = None
    """The most shoppers; None: new ones keep coming."""
    newcomer_every: float | None = None
    """A new shopper arrives at least every so many touchpoints, until there are `customers` of them."""
    broken_share: float = 0.003
    duplicate_share: float = 0.015


class SentTouchpoint(NamedTuple):
    """A record for the topic: it arrives at `arrives_at` in the shop's time, and says what is wrong with it, if anything."""

    touchpoint_id: str
    key: bytes
    value: bytes | None
    occurred_at: int
    arrives_at: int
    flaw: Flaw | None


_AWAY = (60 * DAY, 300 * DAY)


class _Shopper:
    """Somebody with an id, a story, and the step that comes next."""

    __slots__ = ("_tell", "id", "step", "story", "traits")

    def __init__(self, number: int, character: Character) -> None:
        self._tell = character.tell
        self.id = f"c-{number}"
        self.traits: dict[str, Any] | None = character.traits or None
        self.start_again()

    def start_again(self) -> None:
        self.story: Story = self._tell()
        self.step: StoryStep = next(self.story)


def touchpoints(plan: ShoppingTrip, cast: Cast = any_shopper) -> Iterator[SentTouchpoint]:
    """The plan's stream, in order of arrival, with customers from this cast. It never ends."""
    return _Shop(plan, cast).stream()


class _Shop:
    def __init__(self, plan: ShoppingTrip, cast: Cast) -> None:
        self._plan = plan
        self._cast = cast
        self._random = Random(plan.seed)
        self._encode = msgspec.json.Encoder().encode
        self._now = plan.start
        self._queue: list[tuple[int, int, _Shopper | SentTouchpoint]] = []
        self._queued = 0
        self._known = 0
        self._happened = 0

    def stream(self) -> Iterator[SentTouchpoint]:
        """Whoever is due acts. If nobody is due yet, a new shopper arrives; if none may, the next shopper acts early."""
        sent = 0
        while True:
            due = self._time_of(sent)
            if self._is_time_for_a_newcomer(sent, due):
                self._now = max(self._now, min(due, self._queue[0][0]) if self._queue else due)
                self._known += 1
                arrived = self._act(_Shopper(self._known, self._cast(self._random)))
            else:
                at, _, who = heapq.heappop(self._queue)
                self._now = max(self._now, min(at, due))
                arrived = who._replace(arrives_at=self._now) if isinstance(who, SentTouchpoint) else self._act(who)
            if arrived is not None:
                sent += 1
                yield arrived

    def _time_of(self, number: int) -> int:
        """When the touchpoint with this number should arrive: `pace` apart at first, then ever closer together towards the end."""
        whole = self._plan.end - self._plan.start
        passed = number * self._plan.pace
        return self._plan.start + whole * passed // (whole + passed)

    def _is_time_for_a_newcomer(self, sent: int, due: int) -> bool:
        plan = self._plan
        if plan.customers is not None and self._known >= plan.customers:
            return False
        if plan.newcomer_every is not None and self._known * plan.newcomer_every <= sent:
            return True
        return not self._queue or self._queue[0][0] > due

    def _act(self, shopper: _Shopper) -> SentTouchpoint | None:
        """The shopper's next step happens now. None if its record arrives later."""
        step = shopper.step
        self._happened += 1
        touchpoint: dict[str, Any] = {
            "id": f"t-{self._happened}",
            "customer_id": shopper.id,
            "type": step.type,
            "occurred_at": moment_of(self._now),
            "channel": step.channel,
            "properties": step.properties,
        }
        traits = {**(shopper.traits or {}), **(step.traits or {})}
        if traits:
            touchpoint["traits"] = traits
            shopper.traits = None
        following = next(shopper.story, None)
        if following is not None:
            shopper.step = following
            self._put(self._now + int(following.wait), shopper)
        elif self._plan.customers is not None:
            # If no new shoppers may come, lost ones find the shop again one day.
            shopper.start_again()
            self._put(self._now + int(self._random.uniform(*_AWAY)), shopper)
        return self._send(touchpoint, shopper.id.encode(), step.channel)

    def _send(self, touchpoint: dict[str, Any], key: bytes, channel: str) -> SentTouchpoint | None:
        random, plan = self._random, self._plan
        delay = self._delay(channel)
        arrives_at = self._now + delay
        sent = SentTouchpoint(touchpoint["id"], key, self._encode(touchpoint), self._now, arrives_at, "late" if delay else None)
        chance = random.random()
        if chance < plan.duplicate_share:
            # At-least-once senders send again after a timeout or a restart.
            again = arrives_at + random.choice((2 * SECOND, 30 * SECOND, 10 * MINUTE, 1 * DAY))
            self._put(again, sent._replace(arrives_at=again, flaw="duplicate"))
        elif chance < plan.duplicate_share + plan.broken_share:
            self._put(arrives_at, self._broken(touchpoint, key, arrives_at))
        if not delay:
            return sent
        self._put(arrives_at, sent)
        return None

    def _delay(self, channel: str) -> int:
        """Microseconds from the touchpoint to its record. Tills send at night, and apps when they are online again."""
        chance = self._random.random()
        if channel in ("store", "print") and chance < 0.25:
            delay = self._random.uniform(1 * HOUR, 20 * HOUR)
        elif chance < 0.005:
            delay = self._random.uniform(5 * MINUTE, 2 * DAY)
        elif chance < 0.06:
            delay = self._random.uniform(0.2 * SECOND, 8 * SECOND)
        else:
            return 0
        return int(delay)

    def _broken(self, touchpoint: dict[str, Any], key: bytes, arrives_at: int) -> SentTouchpoint:
        """The record that a faulty sender would make of it."""
        flaw = self._random.choice(BROKEN)
        value: bytes | None = self._encode(touchpoint)
        if flaw == "not_json":
            value = self._encode(touchpoint)[:-7]
        elif flaw == "no_offset":
            value = self._encode(touchpoint | {"occurred_at": touchpoint["occurred_at"].replace(tzinfo=None)})
        elif flaw == "wrong_type":
            value = self._encode(touchpoint | {"id": self._happened})
        elif flaw == "key_mismatch":
            key = b"anonymous"
        elif flaw == "from_the_future":
            value = self._encode(touchpoint | {"occurred_at": "2999-12-31T23:59:59Z"})
        else:
            value = None
        return SentTouchpoint(touchpoint["id"], key, value, self._now, arrives_at, flaw)

    def _put(self, at: int, what: "_Shopper | SentTouchpoint") -> None:
        # The number keeps entries with the same time in insertion order, and avoids comparing the rest.
        self._queued += 1
        heapq.heappush(self._queue, (at, self._queued, what))


@click.command()
@click.option("--touchpoints", "count", type=click.IntRange(min=1), required=True, help="How many lines to print.")
@click.option("--customers", type=click.IntRange(min=1), help="At most this many shoppers; without it, new ones keep coming.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), default=365.0, show_default=True, help="How many days they cover.")
@click.option("--start", default="2025-01-01T00:00:00Z", show_default=True, help="When they begin, as RFC 3339.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed gives other shoppers.")
@click.option("--broken-share", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of lines that cannot be used.")
def main(count: int, customers: int | None, days: float, start: str, seed: int, broken_share: float) -> None:
    """Print simulated touchpoints as JSON Lines, the same for the same options; `etapa simulate` reads them."""
    try:
        begin = parse_time(start)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--start") from None
    length = int(days * DAY)
    plan = ShoppingTrip(
        seed=seed,
        start=begin,
        # So far away that time does not slow down.
        end=begin + 1000 * length,
        pace=max(1, length // count),
        customers=customers,
        newcomer_every=None if customers is None else 0.7 * count / customers,
        broken_share=broken_share,
    )
    out = click.get_binary_stream("stdout")
    usable = (sent.value for sent in touchpoints(plan) if sent.value is not None)
    for value in islice(usable, count):
        out.write(value + b"\n")


if __name__ == "__main__":
    main()
