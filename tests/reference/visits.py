"""How many different customers have been in each stage, found by looking at every customer's stage changes one by one."""

from collections.abc import Mapping, Sequence

from etapa.journey.engine.facts.stage_change import StageChange


def reached_by(
    changes: Sequence[StageChange], stages: Sequence[str], *, since: int | None = None, persona: str | None = None
) -> Mapping[str, int]:
    """With `since`, who came to a stage for the first time from then on, of the persona at that moment; otherwise of the last one."""
    last = {each.customer_id: each.persona for each in changes}
    first: dict[tuple[str, str], StageChange] = {}
    for each in changes:
        first.setdefault((each.customer_id, each.to), each)
    reached = dict.fromkeys(stages, 0)
    for (customer_id, stage), change in first.items():
        of = last[customer_id] if since is None else change.persona
        if (since is None or change.at >= since) and persona in (None, of):
            reached[stage] += 1
    return reached
