"""Regular expressions of journey files, compiled by RE2 within a memory limit; they run in linear time."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, final

import re2

from etapa.errors import EtapaError

_LARGEST_SET: Final = 5000
"""RE2 gives up on a set and finds nothing if the automaton of a huge expression outgrows its memory. This limit is far below that."""

_MEMORY: Final = 1024 * 1024
"""Most bytes that RE2 may use for one expression, including the automata that it builds while it reads any text."""

_SMALL: Final = 1000
_MEMORY_OF_SMALL: Final = _MEMORY // 4
"""The same for an expression of at most `_SMALL` instructions, as nearly all are."""

LARGEST_PATTERN: Final = 70_000
"""Instructions of the largest expression that `_MEMORY` allows, rounded up."""


class PatternError(EtapaError, ValueError):
    """A regular expression that RE2 does not accept; the message says why."""


class PatternTooLarge(PatternError):
    """A regular expression whose automaton would outgrow its memory."""


@final
class CompiledPattern:
    """A compiled RE2 expression."""

    __slots__ = ("found_in", "size")

    def __init__(self, size: int, found_in: Callable[[str], bool]) -> None:
        self.size: Final = size
        """Instructions of its program, which determine the time and memory for compiling."""
        self.found_in: Final = found_in
        """Whether a text contains a match, in time linear in the text."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> CompiledPattern:
    """Compile an RE2 expression, in bounded time and memory. Raises `PatternError`."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not accepted"
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        if "too large" in said:
            raise PatternTooLarge("compiled, it would take more than a mebibyte: shorten it, or allow fewer repetitions") from None
        raise PatternError(said) from None
    except UnicodeError:
        raise PatternError("half a surrogate pair is not a character") from None
    size: int = compiled.programsize
    if size > _LARGEST_SET:
        search = compiled.search
        return CompiledPattern(size, lambda text: search(text) is not None)
    if size <= _SMALL:
        options.max_mem = _MEMORY_OF_SMALL
    # A set of one expression answers yes or no in a fifth of the time that a match object takes.
    patterns = re2.Set.SearchSet(options)
    patterns.Add(pattern)
    patterns.Compile()
    match_any = patterns.Match
    return CompiledPattern(size, lambda text: bool(match_any(text)))
