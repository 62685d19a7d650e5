"""What Faust fetches while partitions move."""

import asyncio
from typing import Any

import pytest
from faust.transport.consumer import Consumer

from etapa.deliver.faust_consumer import DeliveryConsumer


@pytest.mark.parametrize("flowing", [True, False])
def test_a_fetch_that_ends_during_a_rebalance_gives_nothing(monkeypatch: pytest.MonkeyPatch, flowing: bool) -> None:
    async def fetched(self: Any, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        return {"partition": ["record"]}, {"partition"}

    monkeypatch.setattr(Consumer, "_wait_next_records", fetched)
    consumer: Any = object.__new__(DeliveryConsumer)
    consumer.flow_active = flowing
    found = asyncio.run(consumer._wait_next_records(1.0))
    assert found == (({"partition": ["record"]}, {"partition"}) if flowing else (None, None))
