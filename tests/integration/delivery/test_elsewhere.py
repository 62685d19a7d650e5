"""Brokers come back at another address while the settings keep the old one: delivery finds them, whatever the old address does."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from etapa.contracts.outgoing.campaign_trigger import trigger_id
from tests.faults.installation.network import Network
from tests.integration.delivery_scene import a_place, delivery_file, publish, seen, started_delivery, stopped, trigger, until_kept
from tests.integration.places import read_all
from tests.integration.receiver import Behaviour, ReceivedRequest, Receiver
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


@contextlib.contextmanager
def silent_at(port: int) -> Iterator[None]:
    """The kernel accepts connections to the port, but nothing ever answers on them."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(1_000)
        yield


@pytest.mark.parametrize("silent", [False, True], ids=["the old address refuses", "the old address accepts and never answers"])
def test_delivery_goes_on_with_brokers_that_moved(tmp_path: Path, silent: bool) -> None:
    async def behave(request: ReceivedRequest) -> Behaviour:
        return 410 if request.path == "gone" else "good"

    async def scenario() -> None:
        settings = await a_place(f"127.0.0.1:{bootstrap.port}", session_timeout=4_000_000, partitions=2)
        async with Receiver(behave) as receiver:
            file = delivery_file(
                tmp_path,
                f'targets: [{{id: well, url: "{receiver.url("well")}"}}, {{id: gone, url: "{receiver.url("gone")}"}}]\n'
                "campaigns: [{id: a, target: well}, {id: b, target: gone}]\n",
            )
            before, after = ([trigger(number, "b" if number % 5 == 0 else "a") for number in some] for some in (range(40), range(40, 80)))
            worker = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(worker.wait_ready)
            await publish(settings, before)
            await seen(lambda: len(receiver.requests) == 40, "everything before the move")
            await until_kept(settings, file, lambda kept: kept.offset >= 20)
            await seen(lambda: worker.metric("etapa_delivery_dead_letters_total") == 8, "the dead letters before the move")
            old = kafka.ports[0]
            kafka.move_node(1)
            bootstrap.lead_to(kafka.ports[0])
            with silent_at(old) if silent else contextlib.nullcontext():
                await publish(settings, after, tag="-after")
                due = {trigger_id(one) for one in (*before, *after)}
                await seen(lambda: {request.key for request in receiver.requests} == due, "delivery after the move")
                await seen(lambda: worker.metric("etapa_delivery_dead_letters_total") >= 16, "the dead letters after the move")
                # The end of a transaction lies between the first twenty in each partition and the others.
                await until_kept(settings, file, lambda kept: kept.offset >= 41)
                await asyncio.to_thread(worker.wait_ready, 2)
                await stopped(worker)
            letters = await read_all(settings, settings.topic_campaign_trigger_dead_letters)
            assert {letter.key for letter in letters} == {f"c-{number}".encode() for number in range(0, 80, 5)}
            assert len(letters) == 16

    kafka, network = KafkaServer(tmp_path / "kafka"), Network()
    with contextlib.ExitStack() as holding:
        holding.callback(network.close)
        holding.callback(kafka.stop)
        bootstrap = network.link("bootstrap")
        kafka.start()
        bootstrap.lead_to(kafka.ports[0])
        asyncio.run(scenario())
