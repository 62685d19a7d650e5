"""Waiting for touchpoints and for transfers at once."""

import asyncio

import pytest

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.transfers import KafkaTransfers


@pytest.mark.parametrize("ends", ["by news", "by its limit"])
def test_records_that_come_at_the_moment_at_which_the_wait_for_them_ends_are_returned_or_stay(ends: str) -> None:
    async def scenario() -> None:
        transfers = KafkaTransfers(Cluster(Settings()), 0)
        for turns in range(12):
            taken: list[str] = []

            async def getmany(taken: list[str] = taken, turns: int = turns) -> list[str]:
                for _ in range(turns):
                    await asyncio.sleep(0)
                taken.append("a record")
                return taken

            transfers._has_news.clear()
            if ends == "by news":
                asyncio.get_running_loop().call_soon(transfers._has_news.set)
            got = await transfers.unless_news(getmany(), 0.0 if ends == "by its limit" else 60.0)
            for _ in range(20):
                await asyncio.sleep(0)
            assert (got or []) == taken, turns

    asyncio.run(scenario())
