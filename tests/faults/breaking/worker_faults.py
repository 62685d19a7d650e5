"""Faults of workers. Each returns when it is over, and says what was done."""

import time
from random import Random

from tests.faults.installation.installation import Installation


def kill(installation: Installation, random: Random) -> str:
    """`kill -9`; a new one is started at once."""
    slot = random.choice(installation.slots)
    slot.kill()
    slot.start()
    return f"worker {slot.number}"


def kill_all(installation: Installation, random: Random) -> str:
    """`kill -9` of all workers at once."""
    for slot in installation.slots:
        slot.kill()
    for slot in installation.slots:
        slot.start()
    return f"{len(installation.slots)} workers"


def freeze(installation: Installation, random: Random) -> str:
    """SIGSTOP, until well after the group has assigned the worker's partitions to others; then SIGCONT."""
    slot = random.choice(installation.slots)
    seconds = installation.settings.session_timeout / 1_000_000 + random.uniform(1, 4)
    slot.running().freeze()
    time.sleep(seconds)
    slot.running().thaw()
    return f"worker {slot.number}, {seconds:.1f} s"


def stall(installation: Installation, random: Random) -> str:
    """SIGSTOP for less than the session, as on a machine that swaps; then SIGCONT."""
    slot = random.choice(installation.slots)
    seconds = installation.settings.session_timeout / 1_000_000 * random.uniform(0.2, 0.9)
    slot.running().freeze()
    time.sleep(seconds)
    slot.running().thaw()
    return f"worker {slot.number}, {seconds:.1f} s"


def deploy(installation: Installation, random: Random) -> str:
    """A rolling deployment: stop one worker after the other, and replace each when it has ended."""
    for slot in installation.slots:
        slot.stop()
        slot.start()
        slot.running().wait_ready()
    return f"{len(installation.slots)} workers"
