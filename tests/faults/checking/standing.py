"""Progress: how far touchpoints are processed, and whether Redis shows what is committed."""

from collections.abc import Mapping

import redis

from etapa.settings import Settings
from etapa.stream.redis.view import PartitionKeys
from tests.faults.checking.books import Books
from tests.integration.outcome import view_in_redis
from tests.servers.redis_server import RedisServer


def processed(books: Books, partitions: int) -> Mapping[int, int]:
    """For each partition, the offset after the last processed touchpoint, by its mark."""
    marks = dict(books.marks)
    return {number: marks[number][1].through + 1 if number in marks else 0 for number in range(partitions)}


def redis_is_up_to_date(books: Books, settings: Settings, server: RedisServer) -> bool:
    """Whether Redis shows what was committed a moment ago."""
    committed = {number: offset for number, (offset, _) in list(books.marks.items())}
    try:
        with server.client() as client:
            for number, offset in committed.items():
                shown, complete = client.hmget(PartitionKeys(settings.redis_prefix, number).mark.decode(), "state_offset", "complete")
                if complete != b"1" or shown is None or int(shown) < offset:
                    return False
    except redis.RedisError:
        return False
    return True


def differences_in_redis(books: Books, settings: Settings, server: RedisServer) -> list[str]:
    """Compare Redis with the view rebuilt from `customer-state`."""
    with server.client() as client:
        shown = view_in_redis(settings, client)
    rebuilt = books.view()
    names = ("stages", "states", "due", "counts")
    return [f"Redis' {name} differ from customer-state" for name, a, b in zip(names, shown, rebuilt, strict=True) if a != b]
