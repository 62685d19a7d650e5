"""The crossing and the saboteur with a broker that answers and remembers every request."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.faults.installation.network import Network
from tests.faults.requests.acts import Act, How, Moment
from tests.faults.requests.crossing import Crossing, Crossings
from tests.faults.requests.frames import ApiKey, request_of
from tests.faults.requests.saboteur import Saboteur
from tests.servers.processes import wait_until

CLIENT, STATES, CHANGES = "etapa-etapa-0", "customer-state", "stage-changes"


def request(api: int, correlation: int, body: bytes = b"") -> bytes:
    name = CLIENT.encode()
    content = struct.pack(">hhih", api, 0, correlation, len(name)) + name + body
    return struct.pack(">i", len(content)) + content


def write(topic: str, correlation: int) -> bytes:
    return request(ApiKey.Produce, correlation, struct.pack(">h", len(topic)) + topic.encode())


class Broker:
    """Remembers what arrives, in order, and answers at once."""

    def __init__(self) -> None:
        self.arrived: list[int] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as incoming:
            while head := incoming.read(4):
                found = request_of(head + incoming.read(struct.unpack(">i", head)[0]))
                self.arrived.append(found.correlation)
                connection.sendall(struct.pack(">ii", 4, found.correlation))


class Client:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.settimeout(10)

    def send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def answer(self) -> int | None:
        """The number of the answered request; None if the connection has ended."""
        try:
            data = self._socket.recv(8)
        except ConnectionResetError:
            return None
        return int.from_bytes(data[4:], "big") if data else None

    def ask(self, raw: bytes) -> int | None:
        self.send(raw)
        return self.answer()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def crossings() -> Crossings:
    return Crossings()


@pytest.fixture
def port(broker: Broker, crossings: Crossings) -> Iterator[int]:
    network = Network()
    crossing = network.add(Crossing(crossings))
    crossing.target = broker.port
    yield crossing.port
    network.close()


Connect = Callable[[], Client]


@pytest.fixture
def connect(port: int) -> Iterator[Connect]:
    clients: list[Client] = []

    def connected() -> Client:
        clients.append(Client(port))
        return clients[-1]

    yield connected
    for client in clients:
        client.close()


def watch(crossings: Crossings, how: How, moment: Moment = "beginning", api: ApiKey = ApiKey.EndTxn, session: float = 0.2) -> Saboteur:
    saboteur = Saboteur(Act(api, how, moment), STATES, CHANGES, session, Random(3))
    crossings.watchers[CLIENT] = saboteur
    return saboteur


def wait_until_over(saboteur: Saboteur) -> None:
    wait_until(lambda: saboteur.over_at is not None, 10, "the end of the act", 0.01)


def test_what_nobody_watches_passes_both_ways(broker: Broker, connect: Connect) -> None:
    client = connect()
    assert [client.ask(request(ApiKey.EndTxn, number)) for number in (1, 2)] == [1, 2]
    assert broker.arrived == [1, 2]


@pytest.mark.parametrize("how", ["held", "reset"])
def test_what_was_kept_arrives_when_the_next_transaction_has_begun(
    broker: Broker, crossings: Crossings, connect: Connect, how: How
) -> None:
    saboteur = watch(crossings, how)
    first, second = connect(), connect()
    first.send(request(ApiKey.EndTxn, 1))
    if how == "reset":
        assert first.answer() is None
    else:
        wait_until(lambda: saboteur.struck_at is not None, 10, "the strike", 0.01)
    assert second.ask(request(ApiKey.EndTxn, 2)) == 2
    assert second.ask(request(ApiKey.AddPartitionsToTxn, 3)) == 3
    wait_until_over(saboteur)
    assert broker.arrived == [2, 3, 1]


@pytest.mark.parametrize(("moment", "topics"), [("states-first", (STATES, CHANGES)), ("changes-first", (CHANGES, STATES))])
def test_it_arrives_between_the_two_writes_whichever_was_sent_first(
    broker: Broker, crossings: Crossings, connect: Connect, moment: Moment, topics: tuple[str, str]
) -> None:
    saboteur = watch(crossings, "doubled", moment)
    first, second = connect(), connect()
    assert first.ask(request(ApiKey.EndTxn, 1)) == 1
    second.send(write(topics[1], 3))
    assert first.ask(write(topics[0], 2)) == 2
    assert second.answer() == 3
    wait_until_over(saboteur)
    assert broker.arrived == [1, 2, 1, 3]


def test_a_lost_answer_ends_the_connection_and_the_request_has_arrived(broker: Broker, crossings: Crossings, connect: Connect) -> None:
    watch(crossings, "unanswered")
    client = connect()
    assert client.ask(request(ApiKey.EndTxn, 1)) is None
    assert broker.arrived == [1]


def test_what_is_dropped_never_arrives(broker: Broker, crossings: Crossings, connect: Connect) -> None:
    saboteur = watch(crossings, "dropped", "of its own")
    first, second = connect(), connect()
    first.send(request(ApiKey.EndTxn, 1))
    wait_until_over(saboteur)
    assert second.ask(request(ApiKey.EndTxn, 2)) == 2
    assert broker.arrived == [2]


def test_on_a_slow_connection_all_arrives_in_order_though_its_client_has_gone_and_others_are_quick(
    broker: Broker, crossings: Crossings, connect: Connect
) -> None:
    saboteur = watch(crossings, "slow", "of its own", session=1)
    slow, quick = connect(), connect()
    slow.send(request(ApiKey.EndTxn, 1) + request(ApiKey.EndTxn, 2))
    wait_until(lambda: saboteur.struck_at is not None, 10, "the strike", 0.01)
    slow.close()
    assert quick.ask(request(ApiKey.EndTxn, 3)) == 3
    wait_until(lambda: len(broker.arrived) == 3, 10, "all requests' arrival", 0.01)
    assert broker.arrived == [3, 1, 2]


def test_only_the_kind_that_is_meant_is_struck(broker: Broker, crossings: Crossings, connect: Connect) -> None:
    watch(crossings, "reset", api=ApiKey.TxnOffsetCommit)
    client = connect()
    assert client.ask(request(ApiKey.EndTxn, 1)) == 1
    assert client.ask(request(ApiKey.TxnOffsetCommit, 2)) is None
    assert broker.arrived == [1]
