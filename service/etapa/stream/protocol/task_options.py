"""The options of a partition task: its group, where it starts, and its limits."""

from typing import Literal

import msgspec

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.deny_list import DenyKey

Start = Literal["earliest", "latest"]


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Frozen, and shared by all tasks of a worker. Waits and pauses are seconds, `quiet_after` is microseconds."""

    group: str
    """The consumer group. It is written into every mark; a mark of another group is refused."""
    topic: str = "touchpoints"
    """The name of the touchpoints topic, for dead letters."""
    start: Start = "earliest"
    """Where a partition without a mark begins."""
    decoder: Decoder = decoder_within(TouchpointLimits())
    """Turns records into touchpoints, within limits."""
    forget_key: DenyKey | None = None
    """Recognises customers who were forgotten; without one, nobody can be."""
    quiet_after: int = 60_000_000
    """A partition that has read nothing for this long follows the wall clock, however far behind its stream time is."""

    max_records: int = 20_000
    max_bytes: int = 6 * 1024 * 1024
    max_timers: int = 10_000
    """At most this many due timers are loaded at once; any more get batches of their own.

    A few thousand touchpoints of sparse history pass weeks, and so the timers of most customers: with a lower limit, they are cut into many batches.
    """
    max_fired: int = 20_000
    """A batch is committed once its timers have caused this much, even in the middle of one customer's timers."""
    customers_in_memory: int = 50_000
    """Customers kept in memory between batches. Those in the current batch are always kept until the view shows it."""
    max_leaving: int = 5_000
    """At most this many customers leave for other partitions in one batch, and not many more than 4 MiB of states."""
    leaving_rate: float = 1000.0
    """At most this many of them leave in a second, apart from those that are claimed."""
    follows_links: bool = False
    """Whether links join customers, wherever they live."""
    pause_every: int = 500
    """Records or timers after which the event loop gets a turn: a few milliseconds of work."""

    idle_wait: float = 0.5
    """How long to wait for touchpoints before checking timers and the view's mark. Limits how late a timer fires."""
    first_backoff: float = 0.1
    """Pause before taking over again. It doubles each time, up to `longest_backoff`, until a batch is committed."""
    longest_backoff: float = 10.0
    patient_backoff: float = 1.0
    """Shortest pause where time alone may help: after a successor took over, so that the news that we lost the partition can
    arrive first, and before a problem that looks permanent is checked again."""
