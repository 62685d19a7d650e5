"""Why a customer is in its stage, as JSON for `etapa why --json` and the HTTP API. Mirrors `schemas/explanation.schema.json`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from etapa.contracts.rfc3339 import OffsetTime, moment_of
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.explain import Explained, ExplainedCondition, Explanation
from etapa.journey.map.rules_told import RulesTold


class SinceMessage(msgspec.Struct, frozen=True):
    """The version of the journey that began to remember something about the customer, and when."""

    version: int
    at: OffsetTime


class ConditionMessage(msgspec.Struct, frozen=True, tag_field="kind", tag="condition"):
    """A condition that contains no others, or its negation."""

    condition: str
    sentence: Mapping[str, str]
    observed: str | int | float | bool | None
    exact: bool
    off_by_at_most: int | float | None
    holds: bool
    missing: str | None
    changes_at: OffsetTime | None
    complete_since: SinceMessage | None


class AllMessage(msgspec.Struct, frozen=True, tag_field="kind", tag="all"):
    """Holds when all of its conditions do."""

    holds: bool
    changes_at: OffsetTime | None
    conditions: "Sequence[ConditionMessage | AllMessage | AnyMessage]"


class AnyMessage(msgspec.Struct, frozen=True, tag_field="kind", tag="any"):
    """Holds when one of its conditions does."""

    holds: bool
    changes_at: OffsetTime | None
    conditions: "Sequence[ConditionMessage | AllMessage | AnyMessage]"


WhenMessage = ConditionMessage | AllMessage | AnyMessage


class RuleMessage(msgspec.Struct, frozen=True):
    """A rule out of the stage, in the order in which rules are judged."""

    rule: str
    sentence: Mapping[str, str]
    to: str
    holds: bool
    changes_at: OffsetTime | None
    when: WhenMessage


class MoveMessage(msgspec.Struct, frozen=True):
    """A stage that would be entered; `rule` is null if the customer's stage no longer exists and the customer starts again."""

    to: str
    at: OffsetTime
    rule: str | None


class HeldMessage(msgspec.Struct, frozen=True):
    """A campaign trigger held until a quiet time ends."""

    campaign: str
    until: OffsetTime


class OpenGoalMessage(msgspec.Struct, frozen=True):
    """A campaign's goal that is neither met nor missed yet."""

    campaign: str
    since: OffsetTime
    until: OffsetTime
    holdout: bool


class CarriedOverMessage(msgspec.Struct, frozen=True):
    """The stored state is of another journey version: its stage, and the changes that the new rules alone will make."""

    version: int
    stage: str
    changes: Sequence[MoveMessage]


class ExplanationMessage(msgspec.Struct, frozen=True):
    """Everything that explains a customer's stage at one time."""

    customer_id: str
    journey: str
    version: int
    judged_at: OffsetTime
    stage: str
    since: OffsetTime
    due: OffsetTime | None
    foreseen: Sequence[MoveMessage]
    held: Sequence[HeldMessage]
    goals: Sequence[OpenGoalMessage]
    rules: Sequence[RuleMessage]
    carried_over: CarriedOverMessage | None


def explanation_message(explanation: Explanation, journey: str, version: int, told: RulesTold) -> ExplanationMessage:
    """The message for what `explain` found with this version of this journey; `told` has its rules as sentences."""
    customer = explanation.customer
    carried = explanation.stored_version != version or explanation.carried_over
    return ExplanationMessage(
        customer_id=customer.id,
        journey=journey,
        version=version,
        judged_at=moment_of(explanation.at),
        stage=customer.stage,
        since=moment_of(customer.entered_at),
        due=_moment(customer.due),
        foreseen=[_move(change) for change in explanation.foreseen],
        held=[HeldMessage(held.campaign, moment_of(held.ends)) for held in explanation.held],
        goals=[OpenGoalMessage(goal.campaign, moment_of(goal.at), moment_of(goal.ends), goal.holdout) for goal in explanation.goals],
        rules=[
            RuleMessage(rule.id, told.sentence(rule.id), rule.to, rule.when.holds, _moment(rule.when.changes_at), _when(rule.when, told))
            for rule in explanation.rules
        ],
        carried_over=CarriedOverMessage(
            explanation.stored_version, explanation.stored_stage, [_move(change) for change in explanation.carried_over]
        )
        if carried
        else None,
    )


def explanation_json(explanation: Explanation, journey: str, version: int, told: RulesTold) -> bytes:
    """The explanation as one JSON object."""
    return msgspec.json.encode(explanation_message(explanation, journey, version, told))


def _when(explained: Explained, told: RulesTold) -> WhenMessage:
    changes_at = _moment(explained.changes_at)
    if isinstance(explained, ExplainedCondition):
        since = (
            None if explained.complete_since is None else SinceMessage(explained.complete_since[0], moment_of(explained.complete_since[1]))
        )
        return ConditionMessage(
            condition=explained.condition,
            sentence=told.condition(explained.condition),
            observed=explained.observed,
            exact=explained.exact,
            off_by_at_most=explained.off_by_at_most,
            holds=explained.holds,
            missing=explained.missing,
            changes_at=changes_at,
            complete_since=since,
        )
    members = [_when(member, told) for member in explained.members]
    return (AllMessage if explained.kind == "all" else AnyMessage)(explained.holds, changes_at, members)


def _move(change: StageChange) -> MoveMessage:
    return MoveMessage(change.to, moment_of(change.at), change.rule)


def _moment(at: int | None) -> Any:
    return None if at is None else moment_of(at)
