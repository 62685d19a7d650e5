"""The law of links: the state in which a history with links ends is, byte for byte, that of the same touchpoints with the ids replaced."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.identity.under import under
from etapa.journey.language.model import LINK, Journey
from etapa.journey.units import HOUR
from etapa.rehearsal.identities import Linked
from etapa.rehearsal.replay import Replay
from tests.histories.made_up_links import histories, identities
from tests.reference.made_up import journeys

OF_EACH_JOURNEY = 20
"""Histories of each random journey, which takes longer to draw than they take to be judged."""
LATER = 200
"""Hours: when all timers within reach of the last touchpoint have fired."""
REFUSED = ("link_cycle", "two_known", "evaluation_failed")


def check(histories_at_least: int, number: int, on_history: Callable[[Counter[str]], None]) -> None:
    """Try the law on so many histories, chosen by the seed `number`; `on_history` gets what happened in each.

    Raises `AssertionError` at the first that breaks it, after Hypothesis has printed the smallest journey and the history's seed.
    """

    @seed(number)
    @settings(
        max_examples=-(-histories_at_least // OF_EACH_JOURNEY),
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(journeys(), st.integers(0, 2**32))
    def of_a_journey(journey: Journey, history_seed: int) -> None:
        random = Random(history_seed)
        # A replay triggers no campaign, so what campaigns have sent differs.
        program = compile_journey(replace(journey, campaigns=(), caps=None, identity=identities(random)))
        for _ in range(OF_EACH_JOURNEY):
            on_history(judge(program, histories(random), runs_on=random.random() < 0.5))

    of_a_journey()


def judge(program: Program, history: Sequence[Touchpoint], *, runs_on: bool) -> Counter[str]:
    """Try the law on one history, and tell what happened in it. `runs_on`: timers fire after the last touchpoint, too."""
    linked, happened = Replay(program), Counter[str]()
    for touchpoint in history:
        for touched in linked.take(touchpoint):
            happened[_what(touched)] += 1
    as_one = Replay(program)
    for touchpoint in history:
        if touchpoint.type != LINK:
            list(as_one.take(under(touchpoint, linked.kept_for(touchpoint.customer_id))))
    if runs_on:
        for each in (linked, as_one):
            list(each.fire_until(LATER * HOUR, lambda _: None))
    assert _states(linked) == _states(as_one), history
    return happened


def _what(touched: object) -> str:
    if isinstance(touched, Rejected):
        assert touched.reason in REFUSED, touched
        return touched.reason
    if isinstance(touched, Linked):
        return "said before" if touched.duplicate else "two people united" if touched.gone is not None else "nobody there yet"
    return "touchpoints"


def _states(replay: Replay) -> dict[str, bytes]:
    """States without what was published under either id, which of course differs: how many changes, and which stages they entered."""
    for customer in replay.customers.values():
        customer.sequence, customer.visited = 1, 0
    return {customer_id: encode_state(customer) for customer_id, customer in replay.customers.items()}
