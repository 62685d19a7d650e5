"""Records of several systems in one topic: a header of each record names the source that it goes through."""

from collections.abc import Mapping, Sequence
from typing import Final, final

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.reading.findings import listed
from etapa.sources.cloud_events import Headers
from etapa.sources.decoding import SourceDecoder

SOURCE_HEADER: Final = "etapa.source"


@final
class SeveralSources(Decoder):
    """Sends each record through the source that its header names, or through the first source if it names none."""

    def __init__(self, decoders: Mapping[str, SourceDecoder], limits: TouchpointLimits) -> None:
        """`decoders`: one or more, by the name of their source. They share one schema registry."""
        super().__init__(limits, makes_several=True)
        self._first: Final = next(iter(decoders.values()))
        self._by_header: Final = {name.encode(): decoder for name, decoder in decoders.items()}
        self._unknown: Final = rejected(
            "invalid", f"the header `{SOURCE_HEADER}` names another source; the worker has {listed(list(decoders))}"
        )

    def read(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        """As `SourceDecoder.read`, with the first source."""
        return self._first.read(value, wall, latest)

    def items(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int, latest: int
    ) -> list[Touchpoint | Rejected | SkippedRecord]:
        """As `Decoder.items`."""
        decoder = self._decoder(headers)
        return [self._unknown] if decoder is None else decoder.items(key, value, headers, wall, latest)

    def customer_of(self, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> str | None:
        """As `Decoder.customer_of`."""
        decoder = self._decoder(headers)
        return None if decoder is None else decoder.customer_of(value, headers)

    async def learn(self, number: int) -> None:
        """As `Decoder.learn`."""
        await self._first.learn(number)

    def _decoder(self, headers: Headers) -> SourceDecoder | None:
        """If there are several such headers, the last one counts."""
        named: bytes | None = None
        for name, value in headers:
            if name == SOURCE_HEADER:
                named = value
        return self._first if named is None else self._by_header.get(named)
