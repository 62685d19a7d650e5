"""Faults of Redis. Each returns when it is over, and says what was done."""

import time
from random import Random

from tests.faults.installation.installation import Installation
from tests.servers.processes import wait_until

_STALL = 2.0


def kill_empty(installation: Installation, random: Random) -> str:
    """`kill -9`; it comes back without its data."""
    installation.redis.restart_empty()
    return ""


def kill_with_file(installation: Installation, random: Random) -> str:
    """`kill -9`; it comes back from its append-only file, without the last writes."""
    installation.redis.restart_from_file()
    return ""


def promote(installation: Installation, random: Random) -> str:
    """The replica lags, the primary dies, and the replica takes its place."""
    seconds = random.uniform(0.2, 3)
    installation.redis.replication.hold("from")
    time.sleep(seconds)
    installation.redis.promote()
    return f"{seconds:.1f} s behind"


def flush(installation: Installation, random: Random) -> str:
    """FLUSHALL."""
    installation.redis.tell("FLUSHALL")
    return ""


def fill(installation: Installation, random: Random) -> str:
    """Reach `maxmemory` with `noeviction`: reads work and writes fail. Then there is room again."""
    seconds = random.uniform(1, 4)
    installation.redis.tell("CONFIG", "SET", "maxmemory", 1)
    time.sleep(seconds)
    installation.redis.tell("CONFIG", "SET", "maxmemory", 0)
    return f"{seconds:.1f} s"


def forget_scripts(installation: Installation, random: Random) -> str:
    """SCRIPT FLUSH."""
    installation.redis.tell("SCRIPT", "FLUSH")
    return ""


def stall(installation: Installation, random: Random) -> str:
    """Redis answers nothing for two seconds."""
    how = random.choice(["CLIENT PAUSE", "DEBUG SLEEP", "SIGSTOP"])
    if how == "CLIENT PAUSE":
        installation.redis.tell("CLIENT", "PAUSE", int(_STALL * 1000), "ALL")
        time.sleep(_STALL)
    elif how == "DEBUG SLEEP":
        installation.redis.tell("DEBUG", "SLEEP", _STALL)
    else:
        installation.redis.primary.freeze()
        time.sleep(_STALL)
        installation.redis.primary.thaw()
    wait_until(installation.redis.primary.answers, 10, "Redis' answering again")
    return how
