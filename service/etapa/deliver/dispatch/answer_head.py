"""Reading answers so that a broken body cannot cost us the head.

aiohttp returns an answer only when everything that arrived with its head is valid: with a broken chunk or length in the same
packet, the status is lost. But a status that arrived whole counts, whatever follows it. So heads are kept here.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from etapa.errors import EtapaError

MOST_HEAD_BYTES = 256 * 1024
"""A larger head is left to aiohttp, which refuses it."""
_START = b"HTTP/1."
_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?:[ \r\n]|$)")
_HEADER = re.compile(rb"^([!#-'*+.0-9A-Z^-z|~-]+):[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)


class HeadOnly(EtapaError):
    """An answer's head arrived whole, but what follows it is not HTTP. The names in `headers` are in lower case."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class HeadKeeper(ResponseHandler):
    """Passes an answer on only when its head is whole, and keeps the head."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._held = bytearray()
        self._in_head = False
        self.head: HeadOnly | None = None
        """The head of the last answer, once it has arrived."""

    def set_response_params(self, **options: Any) -> None:
        """A request begins, so an answer comes next."""
        self._held.clear()
        self._in_head = True
        self.head = None
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        """Bytes arrived from the target."""
        if not self._in_head:
            super().data_received(data)
            return
        self._held += data
        self._look_for_head()
        if not self._in_head:
            held = bytes(self._held)
            self._held.clear()
            super().data_received(held)

    def _look_for_head(self) -> None:
        begin = 0
        while end := _END.search(self._held, begin):
            found = read_head(bytes(self._held[begin : end.start()]))
            if found is not None and found.status < 200 and found.status != 101:
                # An interim answer: the real one is still to come.
                begin = end.end()
                continue
            self.head = found
            self._in_head = False
            return
        rest = self._held[begin:]
        # What can never become a head is left to aiohttp.
        self._in_head = len(rest) <= MOST_HEAD_BYTES and rest[: len(_START)] == _START[: len(rest)]


def read_head(text: bytes) -> HeadOnly | None:
    """Status and headers of an answer; `text` is its head without the last empty line. None when this is not a head."""
    status = _STATUS.match(text)
    if status is None:
        return None
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in _HEADER.findall(text)}
    return HeadOnly(int(status[1]), headers)


class HeadKeepingResponse(aiohttp.ClientResponse):
    """An answer whose head is enough."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Wait for the head. Raises `HeadOnly` when nothing after it is usable."""
        reader = connection.protocol
        try:
            return await super().start(connection)
        except aiohttp.ClientError:
            if isinstance(reader, HeadKeeper) and reader.head is not None:
                raise reader.head from None
            raise


class HeadKeepingConnector(aiohttp.TCPConnector):
    """Connections whose answers are read by `HeadKeeper`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = functools.partial(_head_keeper, loop=self._loop)


def _head_keeper(loop: Any) -> ResponseHandler:
    return HeadKeeper(loop)
