"""A TLS server that makes handshakes and says nothing, not even goodbye when a client closes."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.certificates import Authority


@contextmanager
def taciturn_tls_server(folder: Path, goodbye_after: float | None = None) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Yields its port, and a context that trusts it. With `goodbye_after` it closes each connection so many seconds after its handshake."""
    authority = Authority(folder, "authority")
    own = authority.issue("server", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    accepted: list[socket.socket] = []

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection = context.wrap_socket(listening.accept()[0], server_side=True)
                accepted.append(connection)
                if goodbye_after is not None:
                    time.sleep(goodbye_after)
                    connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            yield listening.getsockname()[1], ssl.create_default_context(cafile=str(authority.certificate))
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in accepted:
                each.close()
