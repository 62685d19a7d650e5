"""How a partition task is set up: who it is, where it starts, and the bounds it keeps."""

from typing import Literal

import msgspec

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits

Start = Literal["earliest", "latest"]


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Frozen, and shared by all tasks of a worker. Waits and pauses are seconds, `quiet_after` is microseconds."""

    group: str
    """The consumer group. It is written into every mark; a mark of another group is refused."""
    topic: str = "touchpoints"
    """The topic of the touchpoints, as dead letters name it."""
    start: Start = "earliest"
    """Where a partition begins that has no mark."""
    decoder: Decoder = decoder_within(TouchpointLimits())
    """What makes touchpoints of the records, and bounds what it takes."""
    quiet_after: int = 60_000_000
    """A partition that read nothing for this long follows the wall clock, however far behind its stream time was."""

    max_records: int = 20_000
    max_bytes: int = 6 * 1024 * 1024
    max_timers: int = 2_000
    """Most due timers loaded at once; more are run in batches of their own."""
    max_struck: int = 20_000
    """After so much has come of timers a batch is committed, also in the middle of those of one customer."""
    customers_in_memory: int = 50_000
    """Customers kept between batches. What one batch touches is kept in any case until the view shows it."""
    pause_every: int = 500
    """Records, or timers, after which the event loop gets a turn: a few milliseconds of work."""

    idle_wait: float = 0.5
    """How long to wait for touchpoints before looking at timers and at the view's mark. Bounds how late a timer fires."""
    first_backoff: float = 0.1
    """Pause before taking over again. It doubles from time to time up to `longest_backoff` until a batch is committed."""
    longest_backoff: float = 10.0
    patient_backoff: float = 1.0
    """Least pause where time alone may help: after a successor took over, so that the news of having lost the partition can
    arrive first, and before what looks wrong for good is looked at again."""
