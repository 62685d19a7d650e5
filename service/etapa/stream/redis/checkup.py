"""What `etapa doctor` checks in Redis. It writes to the keys of a partition that does not exist, and removes them again."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoPermissionError, RedisClusterException, RedisError

from etapa.contracts.stored.ledger_page import LINKED_PREFIX
from etapa.hosting.check_result import CheckResult, Level
from etapa.hosting.system_clock import SystemClock
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError, ViewMark
from etapa.stream.protocol.records import Applied
from etapa.stream.redis.client import RedisClient, connect, disconnect
from etapa.stream.redis.inspection import RedisInspection
from etapa.stream.redis.probe import cluster_expected, find_trouble, trouble_behind
from etapa.stream.redis.view import PartitionKeys, RedisView, awaited

NO_PARTITION = -1
"""The number of the partition whose keys are used for the check."""
_LEAST = (6, 2)
_SECONDS = 30.0
_TOLERANCE = 60 * SECOND


async def check_redis(settings: Settings) -> list[CheckResult]:
    """Everything that can be found out, or why Redis cannot be reached. Raises `RedisUrlError`, but no errors from Redis itself."""
    trouble = await find_trouble(settings)
    if trouble is not None:
        return [CheckResult.of(trouble, "connection")]
    client = connect(settings)
    try:
        async with asyncio.timeout(_SECONDS):
            return await _looked_at(settings, client)
    except (ViewError, RedisError, RedisClusterException, OSError, TimeoutError) as error:
        trouble = await trouble_behind(settings, error)
        if trouble is not None:
            return [CheckResult.of(trouble, "rights" if trouble.kind == "rights" else "connection")]
        return [_line("connection", "bad", f"{settings.redis_url} fails: {str(error) or type(error).__name__}", "Look at the log of Redis")]
    finally:
        await disconnect(client)


async def _looked_at(settings: Settings, client: RedisClient) -> list[CheckResult]:
    await awaited(client.ping())
    results = [_line("connection", "good", f"{settings.redis_url} answers")]
    servers = await _info(client)
    if not isinstance(client, RedisCluster) and any(told.get("redis_mode") == "cluster" for told in servers.values()):
        # Used alone it would serve only some of the keys, and refuse all others.
        return [CheckResult.of(cluster_expected(settings), "connection")]
    await _use(settings, client)
    results.append(_line("rights", "good", "everything that Etapa does is allowed"))
    for node, told in servers.items():
        results += _version(node, told) + _memory(node, told) + _persistence(node, told)
    if not any(one.check == "version" for one in results):
        results.append(_line("version", "good", "the user may not use INFO, so version, memory and persistence are not known"))
    if isinstance(client, RedisCluster):
        results += await _cluster(client)
    results += await _clock(client)
    return results


def _line(check: str, level: Level, found: str, advice: str = "") -> CheckResult:
    return CheckResult("Redis", check, level, found, advice)


async def _use(settings: Settings, client: RedisClient) -> None:
    """Do everything that workers and commands do to a partition, once. Raises `ViewError` or what redis-py raises."""
    view, keys = RedisView(settings, client, NO_PARTITION), PartitionKeys(settings.redis_prefix, NO_PARTITION)
    everything = [keys.stage, keys.state, keys.counts, keys.timers, keys.mark, keys.ledger, keys.linked, keys.reclassify]
    mark = ViewMark(state_offset=1, through=0, stream_time=None, group=settings.group, partitions=1, format=1)
    try:
        came, went = {b"doctor": b"page", LINKED_PREFIX + b"doctor": b"entry"}, {b"doctor": None, LINKED_PREFIX + b"doctor": None}
        await view.apply(None, mark, [Applied("doctor", "s", 1, b"state"), Applied("other", "s", None, b"state")], came)
        after = ViewMark(state_offset=2, through=1, stream_time=None, group=settings.group, partitions=1, format=1)
        await view.apply(1, after, [Applied("doctor", "s", None, b"state"), Applied("other", "s", None, None)], went)
        await view.load(["doctor"], 2, 10)
        await view.mark()
        await view.counts()
        await view.ledger()
        await view.linked(["doctor"])
        await view.scan(0, 10)
        await view.reclassification()
        inspection = RedisInspection(settings, client, NO_PARTITION)
        await inspection.inspect([b"doctor"])
        async for _ in inspection.customer_ids():
            pass
        pipe = client.pipeline(transaction=False)
        for key, field in ((keys.mark, "complete"), (keys.stage, "doctor")):
            cast("Any", pipe).hget(key, field)
        cast("Any", pipe).exists(keys.stage)
        cast("Any", pipe).delete(keys.reclassify)
        await pipe.execute()
    finally:
        await awaited(cast("Any", client).unlink(*everything))


async def _info(client: RedisClient) -> Mapping[str, Mapping[str, Any]]:
    """The INFO of each server, by name; empty when the user may not use INFO."""
    try:
        told: Any = await awaited(client.info())
    except NoPermissionError:
        return {}
    # A Cluster client answers for one node, or by node.
    return {"": told} if "redis_version" in told else {str(name): one for name, one in told.items() if isinstance(one, dict)}


def _version(node: str, told: Mapping[str, Any]) -> list[CheckResult]:
    version = str(told.get("redis_version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    kind = "Valkey" if "valkey_version" in told else "Redis"
    if numbers < _LEAST:
        return [_line("version", "bad", f"{node or 'it'} is {kind} {version}", "Etapa needs 6.2 or newer")]
    return [_line("version", "good", f"{node or 'it'} is {kind} {told.get('valkey_version', version)}")]


def _memory(node: str, told: Mapping[str, Any]) -> list[CheckResult]:
    policy = str(told.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        found = f"{node + ' has ' if node else ''}maxmemory-policy {policy}: when memory runs out, customers' states are discarded"
        return [_line("memory", "bad", found, "Set maxmemory-policy noeviction")]
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    if most and used > 0.8 * most:
        found = f"{node + ': ' if node else ''}{used / most:.0%} of maxmemory is used; when it is full, work stops"
        return [_line("memory", "warning", found, "Give it more memory, or check what else it stores")]
    return [_line("memory", "good", "nothing is discarded when memory runs out (noeviction)")]


def _persistence(node: str, told: Mapping[str, Any]) -> list[CheckResult]:
    if str(told.get("rdb_last_bgsave_status", "ok")) != "ok" or str(told.get("aof_last_write_status", "ok")) != "ok":
        found = f"{node + ': ' if node else ''}its last save failed, and it may refuse to write"
        return [_line("persistence", "bad", found, "Look at its disk and its log (stop-writes-on-bgsave-error)")]
    if str(told.get("aof_enabled", "0")) == "1" or int(told.get("rdb_saves", 0) or 0) > 0:
        return [_line("persistence", "good", "it saves what it holds")]
    return [_line("persistence", "good", "it has not saved any data; after a restart it is filled again from Kafka, which takes time")]


async def _cluster(client: "RedisCluster") -> list[CheckResult]:
    told: Any = await client.execute_command("CLUSTER INFO", target_nodes=RedisCluster.RANDOM)
    state, slots = str(told.get("cluster_state")), int(told.get("cluster_slots_ok", 0))
    if state != "ok" or slots < 16_384:
        return [
            _line("cluster", "bad", f"the cluster is {state}, {slots} of 16384 slots are served", "Look at `redis-cli --cluster check`")
        ]
    return [_line("cluster", "good", "all slots are served")]


async def _clock(client: RedisClient) -> list[CheckResult]:
    try:
        told: Any = await awaited(client.time())
    except NoPermissionError:
        return []
    seconds, microseconds = next(iter(told.values())) if isinstance(told, dict) else told
    apart = SystemClock().now() - (int(seconds) * SECOND + int(microseconds))
    if abs(apart) > _TOLERANCE:
        found = f"the clock here is {abs(apart) // SECOND} s {'ahead of' if apart > 0 else 'behind'} that of Redis"
        return [_line("clock", "warning", found, "Synchronise both clocks with NTP; Etapa goes by its own clock and the brokers'")]
    return [_line("clock", "good", "the clock here and that of Redis agree")]
