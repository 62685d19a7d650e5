"""Regular expressions of journey files, compiled by RE2 within a bound of memory: they run in linear time."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, final

import re2

from etapa.errors import EtapaError

_LARGEST_SET: Final = 5000
"""RE2 gives up on a set, and then finds nothing, where the automaton of a huge expression outgrows its memory. This is far below."""

_MEMORY: Final = 1024 * 1024
"""Bytes that RE2 may take for one expression, automata included that it makes while it reads texts, whatever texts they are."""

_SMALL: Final = 1000
_MEMORY_OF_SMALL: Final = _MEMORY // 4
"""The same for an expression of at most `_SMALL` instructions, as nearly all of them are."""

LARGEST_PATTERN: Final = 70_000
"""Instructions of the largest expression that `_MEMORY` lets in, rounded up."""


class PatternError(EtapaError, ValueError):
    """A regular expression that RE2 does not take; the message says why."""


class PatternTooLarge(PatternError):
    """One whose automaton would outgrow its memory."""


@final
class CompiledPattern:
    """An RE2 expression, ready to be asked."""

    __slots__ = ("found_in", "size")

    def __init__(self, size: int, found_in: Callable[[str], bool]) -> None:
        self.size: Final = size
        """Instructions of its program, which is what compiling takes time and memory for."""
        self.found_in: Final = found_in
        """Whether a text holds a match, in time linear in the text."""


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
            raise PatternTooLarge("its automaton would take more than a mebibyte; shorten it, or bound its repetitions lower") from None
        raise PatternError(said) from None
    except UnicodeError:
        raise PatternError("half a surrogate pair is not a character") from None
    size: int = compiled.programsize
    if size > _LARGEST_SET:
        search = compiled.search
        return CompiledPattern(size, lambda text: search(text) is not None)
    if size <= _SMALL:
        options.max_mem = _MEMORY_OF_SMALL
    # A set of one answers yes or no in a fifth of the time that building a match object takes.
    patterns = re2.Set.SearchSet(options)
    patterns.Add(pattern)
    patterns.Compile()
    match_any = patterns.Match
    return CompiledPattern(size, lambda text: bool(match_any(text)))
