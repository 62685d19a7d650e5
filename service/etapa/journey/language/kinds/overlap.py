"""Logic between matches: which cover each other, and which no touchpoint can satisfy at once."""

from etapa.journey.language.matching.matches import ANY_TYPE, Match, Where
from etapa.journey.language.matching.possible import implies, outcome_of_all
from etapa.journey.language.reading.where import kind_of_path


def match_covers(wider: Match, narrower: Match) -> bool:
    """Whether `wider` certainly matches every touchpoint that `narrower` matches."""
    return (wider.types == (ANY_TYPE,) or set(narrower.types) <= set(wider.types)) and _where_implies(narrower.where, wider.where)


def matches_exclude(one: Match, other: Match) -> bool:
    """Whether no touchpoint can match both."""
    if ANY_TYPE not in one.types and ANY_TYPE not in other.types and not set(one.types) & set(other.types):
        return True
    return any(
        outcome_of_all(kind_of_path(path).domain, [(comparison, True), (other_comparison, True)]) == "never"
        for path, comparison in one.where.entries
        for other_path, other_comparison in other.where.entries
        if path == other_path
    )


def _where_implies(stronger: Where, weaker: Where) -> bool:
    return all(
        any(
            path == other_path and implies(kind_of_path(path).domain, comparison, other_comparison) for path, comparison in stronger.entries
        )
        for other_path, other_comparison in weaker.entries
    )
