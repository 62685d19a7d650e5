"""Finds customers who are in a stage, a few at a time: no request looks through more than a bounded part of the view.

The view keeps no list of customers by stage, which would cost a write for every move. So the stages of all customers are looked through.
"""

from typing import Any, Final

from etapa.stream.protocol.readers import StageMembers, StagePlace, StoredCustomer
from etapa.stream.redis.all_partitions import AllPartitions
from etapa.stream.redis.view import COMMON_FIELDS, read_common

WANTED: Final = 25
"""Customers after whom no more are looked for."""
STEP: Final = 100
"""Customers looked at in one request to Redis."""
STEPS: Final = 100
"""Requests to Redis at most."""


async def stage_members(partitions: AllPartitions, stage: str, begin: StagePlace) -> StageMembers:
    """Customers in a stage, from a place on. Raises `ViewError`.

    Whoever stays in the stage while all pages are read is in one of them; whoever comes or leaves meanwhile may be. None in this page does
    not mean none at all, if there is a next place.
    """
    count = await partitions.count() or partitions.expected
    partition, cursor = begin
    found: list[StoredCustomer] = []
    missing: list[int] = []
    wanted = stage.encode()
    for _ in range(STEPS):
        if partition >= count:
            return StageMembers(found, None, missing)

        def look(pipe: Any, keys: Any, cursor: int = cursor) -> None:
            pipe.hget(keys.mark, "complete")
            pipe.hscan(keys.stage, cursor, count=STEP)

        complete, (after, stages) = await partitions.each([partition], look)
        if complete == b"1":
            here = [customer_id for customer_id, its in stages.items() if its == wanted]
            found += await _with_states(partitions, partition, stage, here)
        else:
            missing.append(partition)
            after = 0
        cursor = int(after)
        if cursor == 0:
            partition += 1
        if len(found) >= WANTED:
            break
    return StageMembers(found, StagePlace(partition, cursor) if partition < count else None, missing)


async def _with_states(partitions: AllPartitions, partition: int, stage: str, ids: list[bytes]) -> list[StoredCustomer]:
    if not ids:
        return []

    def look(pipe: Any, keys: Any) -> None:
        pipe.hmget(keys.state, ids)
        # Read after the states, it has all names to which they refer.
        pipe.hmget(keys.mark, COMMON_FIELDS)

    states, fields = await partitions.each([partition], look)
    common = read_common(fields)
    return [
        StoredCustomer(customer_id.decode(), partition, stage, state, common)
        for customer_id, state in zip(ids, states, strict=True)
        if state is not None
    ]
