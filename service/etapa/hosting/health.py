"""What a process reports about itself: whether what it needs works, and why it ended."""

import msgspec

from etapa.errors import EtapaError


class WorkerError(EtapaError):
    """The worker cannot continue by itself. The message says what was found and what would be right."""


class Health(msgspec.Struct, frozen=True):
    """One thing that must work before this process can. `detail` is what is wrong or, when ready, what operators should know."""

    name: str
    ready: bool
    detail: str = ""
