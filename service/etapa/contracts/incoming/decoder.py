"""An input format as the rest of the code sees it: the only thing that knows how to turn bytes into touchpoints.

Another format is a subclass in its own file, and a line in `input_format.py`. A reader gets one decoder for a whole batch and
calls one method of it for each record.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import mypyc_attr

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import EARLIEST, LATEST
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import SECOND

if TYPE_CHECKING:
    from etapa.contracts.incoming.touchpoint_rows import TouchpointRows

USUAL_BEGINNINGS: Final = frozenset(map(chr, range(ord("1"), ord("z") + 1)))
"""First characters of customer ids, without blanks, signs, the zero and letters of other scripts."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Decoder:
    """Never raises, whatever the bytes are: unusable ones are `Rejected`."""

    def __init__(self, limits: TouchpointLimits, *, makes_several: bool = False) -> None:
        self.limits: Final = limits
        self.makes_several: Final = makes_several
        """Whether a record may hold several touchpoints or be skipped: if so, `items` is called instead of `decode`."""
        self.usual_beginnings: Final = USUAL_BEGINNINGS - limits.placeholder_beginnings
        """Customer ids that begin with one of these characters name somebody."""
        self.max_bytes: Final = limits.max_bytes
        self.max_ahead: Final = limits.max_ahead

    def read(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        """The touchpoint in a bare value, such as a line of a file, or why there is none.

        `wall` is the wall clock in microseconds; none: times may be any distance ahead. `latest` is the latest time accepted.
        """
        raise NotImplementedError

    def decode(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int | None, latest: int
    ) -> Touchpoint | Rejected:
        """The touchpoint in a record, or why there is none. Formats that need headers override this."""
        return keyed(self.read(value, wall, latest), key)

    def rows(self, most: int) -> "TouchpointRows | None":
        """Where `add_row` puts up to `most` touchpoints; none if every touchpoint is to be an object at once."""
        return None

    def add_row(self, rows: "TouchpointRows", key: bytes | None, value: bytes | None, latest: Any, earliest: Any) -> bool:
        """Whether the touchpoint in a record is such that it is the next row now. If so, `decode` gives the same. Times are whole numbers."""
        return False

    def add_rows(
        self, rows: "TouchpointRows", content: bytes, places: bytes, start: int, stop: int, wall: int, earliest: int, size: int
    ) -> int:
        """How many records of a batch, from the one with the number `start` to before `stop`, are the next rows now, as with `add_row`.

        It ends at the first that is no usual touchpoint, and after `size` bytes. `places` tells where in `content` the records are (see
        `touchpoint_rows.c`).
        """
        return 0

    def items(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int, latest: int
    ) -> list[Touchpoint | Rejected | SkippedRecord]:
        """Everything in a record, in order: at least one item. The same record always gives the same number of items.

        Raises `SchemaNeeded` if the record names a schema that is not loaded yet: `learn` it, and call again.
        """
        raise NotImplementedError

    def customer_of(self, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> str | None:
        """The customer that a record belongs to, whatever its key or time; none if that cannot be determined.

        Raises `SchemasAway`.
        """
        touchpoint = self.read(value, None, NEVER)
        return touchpoint.customer_id if isinstance(touchpoint, Touchpoint) else None

    async def learn(self, number: int) -> None:
        """Load the schema with this number, after `items` raised `SchemaNeeded`. Raises `SchemasAway`."""
        raise NotImplementedError

    def latest(self, wall: int | None) -> int:
        """The latest time accepted at the wall clock `wall`; with none, any time is."""
        return NEVER if wall is None else wall + self.max_ahead

    def untimely(self, at: int, wall: int | None, latest: int) -> Rejected | None:
        """Why a touchpoint at `at` is refused; none if it is accepted."""
        if at > latest and wall is not None:
            ahead, most = (at - wall) // SECOND, self.max_ahead // SECOND
            return rejected("from_the_future", f"occurred_at is {ahead} s ahead of the clock; at most {most} s are accepted")
        if not EARLIEST <= at <= LATEST:
            return rejected("invalid", "occurred_at lies outside the years 0001 to 9999 in UTC")
        return None


def keyed(touchpoint: Touchpoint | Rejected, key: bytes | None) -> Touchpoint | Rejected:
    """The same, or why it is refused if its record has another key than its customer."""
    if isinstance(touchpoint, Touchpoint) and touchpoint.customer_id.encode() != key:
        found = "the record has no key" if key is None else "the record key is different"
        return rejected("key_mismatch", f"{found}; it must be the customer_id")
    return touchpoint
