"""Decoding records that are JSON, if possible only those parts of them that the source reads."""

from typing import Any, Final, final

import msgspec

from etapa.sources.finding import Finders
from etapa.sources.language.model import Source
from etapa.sources.part_finding import PartFinders
from etapa.sources.read_parts import read_parts

_decode_whole: Final = msgspec.json.Decoder().decode
_fields_of: Final = msgspec.structs.astuple


@final
class JsonRecords:
    """Decodes the records of one source, or of any."""

    def __init__(self, source: Source | None = None) -> None:
        """Without a source, records are decoded whole."""
        parts = None if source is None else read_parts(source)
        self.columns: Final = None if parts is None else parts[0].columns()
        """If records decoded in part are the values of some columns: which, in this order."""
        self.times: Final[tuple[str, ...]] = () if parts is None or source is None else parts[0].times(source)
        """Those of the columns that are read as times. A record may have these times at its end, and then nothing in the columns."""
        self.finders: Final[Finders | None] = None if parts is None else PartFinders(parts[0], self.times)
        """What finds values in those."""
        self._decode_parts: Final[Any] = None if parts is None else msgspec.json.Decoder(parts[1]).decode

    def decode(self, value: bytes) -> Any:
        """The record: whole, or the parts that are read as a tuple, which JSON itself never gives. Raises `msgspec.DecodeError`, `UnicodeDecodeError`, `RecursionError` or `ValueError`."""
        if self._decode_parts is None:
            return _decode_whole(value)
        if not value.isascii():
            # What is not read must be text, too.
            value.decode()
        try:
            return _fields_of(self._decode_parts(value))
        except msgspec.ValidationError:
            # Something else lies where the source expects an object or a list; it may do without.
            return _decode_whole(value)
