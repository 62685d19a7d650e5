"""Opens one file of events, recognises its compression and format (lines, Parquet or Avro) by its first bytes, and finds the files of a path."""

import bz2
import glob
import gzip
import io
import itertools
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

import click
import zstandard

from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.contracts.incoming.odd_bytes import Oddity, odd_file

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Kind = Literal["lines", "parquet", "avro"]

FIRST_LOOK: Final = 4096
"""How many bytes are needed to recognise a format."""
MOST_FILES: Final = 100_000

_PACKED: Final = {"gzip": b"\x1f\x8b", "Zstandard": b"\x28\xb5\x2f\xfd", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00"}
_KINDS: Final[dict[bytes, Kind]] = {b"PAR1": "parquet", b"Obj\x01": "avro"}
DAMAGED: Final = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError, lzma.LZMAError)
"""Errors raised on incomplete or damaged compressed data; bzip2 raises `OSError`."""


def files_meant(path: str) -> list[str]:
    """The files of a path: itself, all in a folder, or all that match a pattern, in order of their names. Ends the command if there are none."""
    if path == "-" or Path(path).is_file():
        return [path]
    if Path(path).is_dir():
        found = list(itertools.islice(_files_in(path), MOST_FILES + 1))
        what = "the folder holds no files"
    elif glob.has_magic(path):
        found = [each for each in glob.iglob(path, recursive=True) if Path(each).is_file()]  # noqa: PTH207 - takes absolute patterns, too
        what = "no file fits the pattern"
    else:
        # Opening it will say what is wrong.
        return [path]
    if not found:
        raise WrongUse(f"{path}: {what}")
    if len(found) > MOST_FILES:
        raise WrongUse(f"{path}: more than {MOST_FILES:,} files, which is as many as are read at once")
    return sorted(found)


def _files_in(folder: str) -> Iterator[str]:
    """All files in a folder and below, except hidden ones: Spark and others put `_SUCCESS` and the like beside the data."""
    for path, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith((".", "_"))]
        yield from (str(Path(path, each)) for each in files if not each.startswith((".", "_")))


class EventPart:
    """One file (`-` is standard input) while it is read. `close` ends it."""

    def __init__(self, path: str, takes: Collection[Oddity], *, columns: bool) -> None:
        """`takes`: formats accepted besides JSON Lines; `columns`: whether Parquet and Avro are accepted. Any other format ends the command."""
        self.path: Final = path
        self.name: Final = "standard input" if path == "-" else path or "''"
        self.packed = ""
        try:
            self._open: BinaryIO = _standard_input() if path == "-" else Path(path).open("rb")  # noqa: SIM115 - `close` does
            buffered = self._open if isinstance(self._open, io.BufferedReader) else io.BufferedReader(_raw(self._open))
            self.size = size_of(self._open)
            beginning = buffered.peek(FIRST_LOOK)[:FIRST_LOOK]
        except OSError as error:
            raise WrongUse(f"{self.name}: cannot read it: {reason(error)}") from None
        # Recognised by its first bytes, not by its name: a pipe has none.
        self.packed = next((name for name, magic in _PACKED.items() if beginning.startswith(magic)), "")
        self.reader = io.BufferedReader(_raw(_unpacked(buffered, self.packed)), 1 << 16) if self.packed else buffered
        try:
            beginning = self.reader.peek(FIRST_LOOK)[:FIRST_LOOK]
        except (OSError, *DAMAGED):
            # Reading on will report the damage.
            beginning = b""
        self.kind: Kind = next((kind for magic, kind in _KINDS.items() if columns and beginning.startswith(magic)), "lines")
        try:
            self._refuse_another_format(beginning, takes)
        except CheckFailed:
            self.close()
            raise

    def _refuse_another_format(self, beginning: bytes, takes: Collection[Oddity]) -> None:
        if self.kind == "parquet" and (self.packed or not self.size):
            raise CheckFailed(f"{self.name}: Parquet is read from its end, so it must be an uncompressed file")
        oddity = odd_file(beginning) if self.kind == "lines" else None
        if oddity is not None and oddity not in takes:
            raise CheckFailed(
                f"{self.name}: it looks like {oddity.looks_like}; JSON Lines are read, one touchpoint a line, plain or compressed (gzip, zstd, bzip2, xz)."
                f" {oddity.remedy[0].upper()}{oddity.remedy[1:].replace('FILE', self.path)}"
            )

    def close(self) -> None:
        """Close the file."""
        if self.path != "-":
            self._open.close()

    @property
    def raw(self) -> BinaryIO:
        """The file itself, for formats that are not read from the front."""
        return self._open

    def position(self) -> int:
        """How many bytes of the (compressed) file have been read."""
        return self._open.tell() if self.size else 0


def size_of(stream: BinaryIO) -> int:
    """Size of a regular file in bytes; 0 for anything whose size is not known in advance."""
    try:
        status = os.fstat(stream.fileno())
    except io.UnsupportedOperation:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _unpacked(packed: io.BufferedReader, name: str) -> BinaryIO:
    # All of them read streams, in limited memory.
    if name == "gzip":
        return gzip.GzipFile(fileobj=packed)  # type: ignore[return-value]
    if name == "bzip2":
        return bz2.BZ2File(packed)  # type: ignore[return-value]
    if name == "xz":
        return lzma.LZMAFile(packed)  # type: ignore[return-value]
    return _Zstandard(packed)  # type: ignore[return-value]


def _standard_input() -> BinaryIO:
    """Standard input. At a terminal it prints a hint, and a single Ctrl-D ends the input."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer
    click.echo("Reading from the terminal; Ctrl-D on an empty line ends it.", err=True)
    return io.BufferedReader(_TypedInput())


class _TypedInput(io.RawIOBase):
    """Typed input up to the first Ctrl-D. By itself a terminal would continue after it."""

    def __init__(self) -> None:
        self._ended = False

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.stdin.fileno()

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if self._ended:
            return 0
        room = memoryview(buffer)
        typed = os.read(self.fileno(), len(room))
        room[: len(typed)] = typed
        self._ended = not typed
        return len(typed)


def _raw(stream: BinaryIO) -> io.RawIOBase:
    # A BufferedReader needs only `readinto`, which all binary streams have.
    return stream  # type: ignore[return-value]


class _Zstandard(io.RawIOBase):
    """Decompresses Zstandard. The library's own reader does not notice data that ends early."""

    _PIECE: Final = 2048
    """Compressed bytes read at a time: few enough that even a hostile file's output fits into memory."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_in_frame = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._ready:
            piece = self._packed.read(self._PIECE)
            if not piece:
                if self._is_in_frame:
                    raise EOFError
                return 0
            self._ready = memoryview(self._unpacked(piece))
        room = memoryview(buffer)
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _unpacked(self, piece: bytes) -> bytes:
        unpacked = b""
        while piece:
            unpacked += self._frame.decompress(piece)
            self._is_in_frame = not self._frame.eof
            piece = b""
            if self._frame.eof:
                piece = self._frame.unused_data
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        return unpacked
