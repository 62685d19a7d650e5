"""A milder fault: connections that have carried an EndTxn turn slow for a while, and others do not. No request is touched."""

import time
from collections.abc import Callable
from random import Random

import msgspec

from tests.faults.requests.crossing import Connection
from tests.faults.requests.frames import ApiKey, SentRequest
from tests.faults.requests.outcome import Reader, differences, simulated
from tests.faults.requests.site import Site
from tests.faults.requests.touchpoints import Feed
from tests.servers.processes import wait_until

_LOOK = 1.0
_TELL_EVERY = 10.0
_MOST_QUICK_ENDS = 4
_PORTION = 500
_SECONDS = 600.0


class Slowness(msgspec.Struct, frozen=True):
    """The result."""

    touchpoints: int
    seconds: float
    changes: int
    slowed: int
    wrong_customers: int
    problems: list[str]


class _Slowing:
    """Watches one producer: every few transactions the connection of its EndTxn turns slow."""

    def __init__(self, session: float, random: Random) -> None:
        self._session = session
        self._random = random
        self._quick_ends = 1
        self.slowed = 0

    async def on_request(self, request: SentRequest, connection: Connection) -> None:
        if request.api == ApiKey.EndTxn:
            self._quick_ends -= 1
            if self._quick_ends < 0:
                self._quick_ends = self._random.randrange(_MOST_QUICK_ENDS)
                self.slowed += 1
                connection.slow_down(self._random.uniform(0.5, 0.75) * self._session)
        await connection.pass_on(request)


def slow_connections(site: Site, touchpoints: int, random: Random, tell: Callable[[str], None]) -> Slowness:
    """On a site without workers: they start once all touchpoints wait. Raises `ServerError` if those are not processed in time."""
    settings = site.settings
    feed = Feed(site.kafka.bootstrap_servers, settings)
    feed.begin("slow")
    for number in range(settings.partitions):
        share = touchpoints // settings.partitions
        for begin in range(0, share, _PORTION):
            feed.send(number, min(_PORTION, share - begin))
            feed.poll()
    feed.flush()
    tell(f"{touchpoints:,} touchpoints wait")
    slowing = [_Slowing(settings.session_timeout / 1_000_000, Random(random.getrandbits(64))) for _ in range(settings.partitions)]
    site.crossings.watchers.update({site.client_of(number): one for number, one in enumerate(slowing)})
    began = time.monotonic()
    site.start_workers()
    told = began
    ends, every = feed.ends, set(range(settings.partitions))

    def is_processed() -> bool:
        nonlocal told
        through = site.through()
        if time.monotonic() >= told + _TELL_EVERY:
            told = time.monotonic()
            tell(f"  {sum(ends.values()) - sum(through.values()):9,} wait, {sum(one.slowed for one in slowing)} connections turned slow")
        return all(through[number] >= end for number, end in ends.items())

    wait_until(is_processed, _SECONDS, "the processing of every touchpoint", _LOOK)
    seconds = time.monotonic() - began
    site.crossings.watchers.clear()
    wait_until(lambda: site.ready() == every, _SECONDS, "every partition's being ready", _LOOK)
    wait_until(lambda: not site.hanging(), _SECONDS, "the end of every transaction", _LOOK)
    reader = Reader(site.kafka.bootstrap_servers, settings, settings.topic_stage_changes)
    published = reader.more()
    reader.close()
    expected = simulated(settings.journey_path, (value for values in feed.sent.values() for value in values))
    wrong = [problem for problems in differences(published, expected, settings.partitions).values() for problem in problems]
    verified = site.verified()
    changes = sum(len(some) for customers in published.values() for some in customers.values())
    problems = wrong[:20] + ([verified] if verified else [])
    return Slowness(touchpoints, seconds, changes, sum(one.slowed for one in slowing), len(wrong), problems)
