"""The answers of the HTTP API, as JSON objects. The OpenAPI document is made from these types, so it says what is really sent.

Later versions may add fields; readers must ignore fields that they do not know.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from etapa.journey.map.document import MapReason

Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, description="In UTC (RFC 3339).")]
Count = Annotated[int, msgspec.Meta(ge=0)]
Labels = Annotated[Mapping[str, str], msgspec.Meta(description="Names for people, by language.")]


class Alive(msgspec.Struct, frozen=True):
    """The process's event loop is alive."""

    alive: bool


class Check(msgspec.Struct, frozen=True):
    """A check and its result."""

    name: str
    detail: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether the process does its work, and if not, why not."""

    ready: bool
    not_ready: Sequence[Check]
    remarks: Annotated[Sequence[Check], msgspec.Meta(description="What people should know although the process is ready.")]
    checked: Annotated[Sequence[str], msgspec.Meta(description="Everything that was checked.")]


class PhaseCount(msgspec.Struct, frozen=True):
    """Customers in the stages of a phase; `id` is null for stages without a phase."""

    id: str | None
    customers: Count


class StageCount(msgspec.Struct, frozen=True):
    """Customers in a stage. A stage that is not `in_journey` belongs to an earlier version and still has customers."""

    id: str
    phase: str | None
    label: Labels
    customers: Count
    in_journey: bool


class Stages(msgspec.Struct, frozen=True):
    """Customers by phase and by stage, over all partitions."""

    journey: str
    version: int
    customers: Count
    phases: Sequence[PhaseCount]
    stages: Sequence[StageCount]
    missing_partitions: Annotated[Sequence[int], msgspec.Meta(description="Their customers are not counted at the moment.")]


class MapStage(msgspec.Struct, frozen=True):
    """A stage of the journey."""

    id: str
    phase: str | None
    label: Labels


class MapRule(msgspec.Struct, frozen=True):
    """A rule, with its condition in words."""

    id: str
    when: str


class MapMove(msgspec.Struct, frozen=True):
    """A way from one stage to another, with the rules that lead along it."""

    source: str = msgspec.field(name="from")
    to: str
    rules: Sequence[MapRule]
    changes: Annotated[int, msgspec.Meta(ge=0, description="How often the process that answers has published this move since it started.")]


class Map(msgspec.Struct, frozen=True):
    """The journey: its stages in order, and the moves between them."""

    journey: str
    version: int
    initial: str
    stages: Sequence[MapStage]
    moves: Sequence[MapMove]


class Change(msgspec.Struct, frozen=True):
    """A stage that the customer entered; `rule` is null if no rule led there."""

    to: str
    at: Moment
    rule: str | None


class LatestTrigger(msgspec.Struct, frozen=True):
    """When a campaign was last triggered for the customer, whether it was sent or, for the holdout group, not."""

    campaign: str
    at: Moment


class CustomerStage(msgspec.Struct, frozen=True):
    """Where a customer is, and the latest moves."""

    customer_id: str
    stage: str
    phase: str | None
    label: Labels
    since: Moment
    sequence: Annotated[int, msgspec.Meta(ge=0, description="How many stage changes the customer has made.")]
    due: Annotated[Moment | None, msgspec.Meta(description="When time alone may move the customer next, if ever.")]
    changes: Annotated[Sequence[Change], msgspec.Meta(description="The latest, the newest last.")]
    first_at: Annotated[Moment, msgspec.Meta(description="When the customer's earliest touchpoint occurred.")]
    triggers: Annotated[Sequence[LatestTrigger], msgspec.Meta(description="The latest of each campaign, the newest last.")]


class StageCustomer(msgspec.Struct, frozen=True):
    """A customer in a stage, and what brought it there."""

    customer_id: str
    since: Moment
    source: Annotated[str | None, msgspec.Meta(description="The previous stage; null if the journey began here.")] = msgspec.field(
        name="from"
    )
    rule: Annotated[str | None, msgspec.Meta(description="None if no rule led here.")]
    sequence: Annotated[int, msgspec.Meta(ge=0, description="How many stage changes the customer has made.")]


class CustomersOfStage(msgspec.Struct, frozen=True):
    """Some of the customers in a stage, latest arrivals first."""

    stage: str
    customers: Sequence[StageCustomer]
    next: Annotated[
        str | None, msgspec.Meta(description="The `after` to read on with, even if this answer has no customers; null: that was all.")
    ]
    missing_partitions: Annotated[
        Sequence[int], msgspec.Meta(description="Passed over, because their customers are not known at the moment.")
    ]


class LatestMove(msgspec.Struct, frozen=True):
    """A customer's move, and why it happened."""

    customer_id: Annotated[str, msgspec.Meta(description="The id under which the customer is kept now.")]
    at: Moment
    source: Annotated[str | None, msgspec.Meta(description="The previous stage; null if the journey began here.")] = msgspec.field(
        name="from"
    )
    to: str
    rule: Annotated[str | None, msgspec.Meta(description="Null if it was not a rule that moved the customer.")]
    cause: str
    because: Sequence[MapReason]


class LatestMoves(msgspec.Struct, frozen=True):
    """The latest moves, the newest first, of customers who were not forgotten."""

    moves: Sequence[LatestMove]
    looked_at: Annotated[Count, msgspec.Meta(description="How many of the latest stage changes were looked at, between whatever stages.")]
    since: Annotated[Moment | None, msgspec.Meta(description="When the earliest of these was; null if there were none.")]
    missing_partitions: Annotated[Sequence[int], msgspec.Meta(description="They could not be read in time.")]


class Problem(msgspec.Struct, frozen=True):
    """What was wrong, and what would be right (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


Document = Mapping[str, Any]
