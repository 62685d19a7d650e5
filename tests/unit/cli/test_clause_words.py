"""A clause of a reason in words: what it saw, and how far that may be from the truth."""

import pytest

from etapa.commands.terminal.words import clause_text
from etapa.journey.engine.facts.changes import Clause

MORE = "because more matched than is kept one by one"


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        (
            Clause("avg(properties.stars of review, 1y) >= 4", 4.25, exact=False, off_by_at_most=0.5),
            f"saw 4.25, which may be off by 0.5, {MORE}",
        ),
        (Clause("count(visit, 7d) >= 420", 499, exact=False, off_by_at_most=2), f"saw 499, which may be off by 2, {MORE}"),
        (
            Clause("max(properties.until as date of visit, 7d) >= 2026-01-01", "2026-02-01T00:00:00Z", exact=False, off_by_at_most=86400.0),
            f'saw "2026-02-01T00:00:00Z", which may be off by 1d, {MORE}',
        ),
        (Clause("distinct(properties.page of visit) >= 300", 512, exact=False), f"saw 512, which is an estimate, {MORE}"),
        (Clause("trait(tags) contains gift", "x", exact=False), 'saw "x", which may be wrong, because not all of it was kept'),
        (Clause("sequence(a, b, 1d)", 2, exact=False), f"2 steps taken, which is an estimate, {MORE}"),
        (Clause("count(visit, 7d) >= 420", 419), "saw 419"),
        (Clause("clock(sat | sun, 09:00-18:00)", "sat 10:30:00"), "on sat 10:30:00 there"),
        (Clause("date(birthday, every year, to 1d)", "1990-05-01"), 'saw "1990-05-01"'),
        (Clause("not date(birthday, every year, to 1d)", None), "and there is no date that can be read"),
    ],
)
def test_a_clause_says_what_it_saw_and_by_how_much_that_may_be_off(clause: Clause, words: str) -> None:
    assert clause_text(clause) == f"{clause.condition}, {words}"
