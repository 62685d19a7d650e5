"""What a process says of itself: whether what it needs is good, and why it ended."""

import msgspec

from etapa.errors import EtapaError


class WorkerError(EtapaError):
    """The worker cannot go on by itself. The message says what was found and what would be right."""


class Health(msgspec.Struct, frozen=True):
    """One thing that must be good before work is done here, and what was found when it is not, or what people should know when it is."""

    name: str
    ready: bool
    detail: str = ""
