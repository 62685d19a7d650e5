"""Faults of the network between one worker and one server, or all of them. Each returns when it is over, and says what was done."""

import time
from collections.abc import Callable, Sequence
from random import Random

from tests.faults.installation.installation import Installation
from tests.faults.installation.network import Direction, NetworkLink

_ALL_SERVERS = 0.25
"""How often a worker has trouble with all servers instead of one."""


def cut(installation: Installation, random: Random) -> str:
    """Reset connections and refuse new ones for a while."""
    return _disturb(installation, random, NetworkLink.cut)


def reset(installation: Installation, random: Random) -> str:
    """Reset connections, once."""
    links, told = _some_links(installation, random)
    for link in links:
        link.reset()
    return told


def hold_to(installation: Installation, random: Random) -> str:
    """Nothing gets from the worker to the server for a while; the other direction works."""
    return _disturb(installation, random, lambda link: _hold(link, "to"))


def hold_from(installation: Installation, random: Random) -> str:
    """Nothing gets from the server to the worker for a while; the other direction works."""
    return _disturb(installation, random, lambda link: _hold(link, "from"))


def delay(installation: Installation, random: Random) -> str:
    """Delay everything by a few hundred milliseconds, each way, for a while."""
    seconds = random.uniform(0.1, 0.4)
    return f"{_disturb(installation, random, lambda link: link.delay(seconds))}, {1000 * seconds:.0f} ms each way"


def _hold(link: NetworkLink, direction: Direction) -> None:
    link.hold(direction)


def _disturb(installation: Installation, random: Random, begin: Callable[[NetworkLink], None]) -> str:
    links, told = _some_links(installation, random)
    # From a moment to longer than the group's session.
    seconds = random.uniform(0.5, 1.5 * installation.settings.session_timeout / 1_000_000)
    for link in links:
        begin(link)
    time.sleep(seconds)
    for link in links:
        link.mend()
    return f"{told}, {seconds:.1f} s"


def _some_links(installation: Installation, random: Random) -> tuple[Sequence[NetworkLink], str]:
    slot = random.choice(installation.slots)
    if random.random() < _ALL_SERVERS:
        return list(slot.links.values()), f"worker {slot.number} - all servers"
    link = random.choice(list(slot.links.values()))
    return [link], link.name
