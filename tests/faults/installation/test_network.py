import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.installation.network import Network, NetworkLink

WORD = b"word"


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of an echo server."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1024):
                connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def link(network: Network, echo: int) -> NetworkLink:
    link = network.link("client - echo")
    link.lead_to(echo)
    return link


def connect(link: NetworkLink) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", link.port))
    connection.settimeout(10)
    return connection


def assert_it_works(connection: socket.socket) -> None:
    connection.sendall(WORD)
    assert connection.recv(1024) == WORD


def assert_silence(connection: socket.socket) -> None:
    connection.settimeout(0.1)
    with pytest.raises(TimeoutError):
        connection.recv(1024)
    connection.settimeout(10)


def test_a_link_passes_on_what_comes_in_both_directions(link: NetworkLink) -> None:
    with connect(link) as connection:
        assert_it_works(connection)


@pytest.mark.parametrize("direction", ["to", "from"])
def test_what_was_held_in_one_direction_arrives_once_it_is_let_go(link: NetworkLink, direction: str) -> None:
    with connect(link) as connection:
        assert_it_works(connection)
        link.hold("to" if direction == "to" else "from")
        connection.sendall(WORD)
        assert_silence(connection)
        link.mend()
        assert connection.recv(1024) == WORD


def test_a_link_that_is_cut_resets_connections_and_new_ones_until_it_is_mended(link: NetworkLink) -> None:
    with connect(link) as connection:
        assert_it_works(connection)
        link.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1024)
    with pytest.raises(ConnectionResetError), connect(link) as connection:
        connection.recv(1024)
    link.mend()
    with connect(link) as connection:
        assert_it_works(connection)


def test_a_link_may_lead_elsewhere_from_one_moment_to_the_next(network: Network, link: NetworkLink) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, connect(link) as connection:
        assert_it_works(connection)
        link.lead_to(other.getsockname()[1])
        with pytest.raises(ConnectionResetError):
            connection.recv(1024)
        with connect(link):
            arrived, _ = other.accept()
            arrived.close()


def test_a_server_that_is_away_looks_like_one_through_the_link(network: Network) -> None:
    link = network.link("client - nobody")
    with pytest.raises(ConnectionResetError), connect(link) as connection:
        connection.recv(1024)
