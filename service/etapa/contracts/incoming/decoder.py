"""An input format as the rest of the code sees it: it makes touchpoints out of bytes, and only it knows how.

Another format is a subclass in a file of its own, and a line in `input_format.py`. Whoever reads is given a decoder and uses it for a
whole batch; for each record one method of it is called.
"""

from collections.abc import Sequence
from typing import Final

from mypy_extensions import mypyc_attr

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import EARLIEST, LATEST
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import SECOND


@mypyc_attr(allow_interpreted_subclasses=True)
class Decoder:
    """Never raises because of the bytes, whatever they are: what cannot be used is `Rejected`."""

    def __init__(self, limits: TouchpointLimits, *, makes_several: bool = False) -> None:
        self.limits: Final = limits
        self.makes_several: Final = makes_several
        """Whether a record may hold several touchpoints, or none that is wanted: then `items` is what is called, not `decode`."""
        self.max_bytes: Final = limits.max_bytes
        self.max_ahead: Final = limits.max_ahead

    def read(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        """The touchpoint in a value without a record around it, such as a line of a file, or why there is none.

        `wall` is the wall clock in microseconds; none where times may be as far ahead as they like. `latest` is the latest time that is taken.
        """
        raise NotImplementedError

    def decode(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int | None, latest: int
    ) -> Touchpoint | Rejected:
        """The touchpoint in a record, or why there is none. A format that looks at headers has its own way."""
        touchpoint = self.read(value, wall, latest)
        if isinstance(touchpoint, Touchpoint) and touchpoint.customer_id.encode() != key:
            found = "the record has no key" if key is None else "the record key is different"
            return rejected("key_mismatch", f"{found}; it must be the customer_id")
        return touchpoint

    def items(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int, latest: int
    ) -> list[Touchpoint | Rejected | SkippedRecord]:
        """All that is in a record, in order: at least one item. The same record gives as many every time.

        Raises `SchemaNeeded` where a record names a schema that is not there yet: `learn` it, and ask again.
        """
        raise NotImplementedError

    def customer_of(self, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> str | None:
        """The customer whose a record is, whatever its key and however far ahead its time; none when that cannot be told.

        Raises `SchemasAway`.
        """
        touchpoint = self.read(value, None, NEVER)
        return touchpoint.customer_id if isinstance(touchpoint, Touchpoint) else None

    async def learn(self, number: int) -> None:
        """Have the schema of this number there, after `items` raised `SchemaNeeded`. Raises `SchemasAway`."""
        raise NotImplementedError

    def latest(self, wall: int | None) -> int:
        """The latest time that is taken when it is `wall`; with none, any is."""
        return NEVER if wall is None else wall + self.max_ahead

    def untimely(self, at: int, wall: int | None, latest: int) -> Rejected | None:
        """Why a touchpoint of this time is not taken, if it is not."""
        if at > latest and wall is not None:
            ahead, most = (at - wall) // SECOND, self.max_ahead // SECOND
            return rejected("from_the_future", f"occurred_at is {ahead} s ahead of the clock; at most {most} s are taken")
        if not EARLIEST <= at <= LATEST:
            return rejected("invalid", "occurred_at lies outside the years 0001 to 9999 in UTC")
        return None
