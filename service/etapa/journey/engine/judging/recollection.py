"""What is remembered of a customer, put in words: for each memory, the conditions that need it and what they see in it."""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import msgspec

from etapa.journey.engine.conditions.compile import Compiler
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.language import model
from etapa.journey.language.kinds.condition import Observed


class Sight(msgspec.Struct, frozen=True):
    """A condition and what it sees in a memory, as in the reasons of a stage change."""

    condition: str
    observed: Observed


class Recollection(msgspec.Struct, frozen=True):
    """A memory. `kept` is the entry as it is stored, times in it being microseconds since 1970."""

    key: str
    needed_by: Sequence[Sight]
    """Empty if only another version of the journey needs it."""
    kept: Any


def recollect(journey: model.Journey, customer: Customer, now: int) -> list[Recollection]:
    """The memories of a customer, in the order in which they are stored; `now` is used if the customer's clock is not later.

    Raises `EvaluationFailed`.
    """
    compiler = Compiler(journey.zone)
    leaves = [leaf for subject, condition in _conditions(journey) for leaf in compiler.condition_of(subject, condition).leaves()]
    entries = customer.remembered()
    judged = copy(customer)
    judged.lay_out(tuple(compiler.surroundings.by_key), compiler)
    needed: dict[str, dict[str, Sight]] = {}
    for leaf in leaves:
        key = leaf.memory_key()
        if key is not None and key in entries:
            needed.setdefault(key, {}).setdefault(leaf.text, _sight(leaf, judged, max(now, customer.clock)))
    return [Recollection(key, list(needed.get(key, {}).values()), entry) for key, entry in entries.items()]


def _conditions(journey: model.Journey) -> Iterator[tuple[str, model.Condition]]:
    for rule in journey.rules:
        yield rule.id, rule.when
    for campaign in journey.campaigns:
        if campaign.when is not None:
            yield f"campaign {campaign.id}", campaign.when
        if campaign.goal is not None and campaign.goal.when is not None:
            yield f"goal of {campaign.id}", campaign.goal.when


def _sight(leaf: CompiledLeaf, customer: Customer, now: int) -> Sight:
    try:
        return Sight(leaf.text, leaf.observed(customer, now, None))
    except Exception as error:
        raise EvaluationFailed(customer.id, f"the condition {leaf.text!r}", error) from error
