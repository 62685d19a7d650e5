"""Ways round: what was sent on for the ids of somebody who came back, and how long what comes next has to follow it."""

import pytest

from etapa.contracts.stored.ledger_page import page_key_of
from etapa.contracts.stored.state import StateError
from etapa.contracts.stored.way_round import WayRound, read_rounds, round_fields
from etapa.stream.protocol.ways_round import WaysRound

WAY = WayRound(to=2, back_from=1, probe=7)


def test_a_way_round_is_stored_under_its_id_and_the_ledger_leaves_it_alone() -> None:
    stored = round_fields({"ada": WAY, "bert": None})
    assert list(stored) == [b"round ada", b"round bert"]
    assert stored[b"round bert"] is None
    value = stored[b"round ada"]
    assert value is not None
    assert read_rounds({b"round ada": value, b"linked bert": b"", b"moves 2026-11-21T10": b""}) == {"ada": WAY}
    assert page_key_of(b"round ada") is None
    for wrong in ({b"round ada": b"\x01"}, {b"round \xff": value}):
        with pytest.raises(StateError, match="not a way round"):
            read_rounds(wrong)


def test_a_way_round_ends_when_its_probe_is_back_with_nothing_behind_it() -> None:
    ways = WaysRound({"ada": WAY})
    assert ways.of("ada") == WAY
    assert ways.one_of(["bert", "ada"]) == "ada"
    assert ways.is_back("ada", 7) is None
    assert not ways
    assert ways.one_of(["bert", "ada"]) is None
    assert ways.take_changed() == {"ada": None}
    assert ways.take_changed() == {}


def test_what_was_sent_behind_a_probe_needs_another_one() -> None:
    ways = WaysRound({"ada": WAY})
    ways.sent_behind("ada")
    ways.sent_behind("bert")
    used = ways.is_back("ada", 7)
    assert used == WayRound(2, 1, 7, is_used=True)
    assert ways.take_changed() == {"ada": used}
    ways.begin("ada", WayRound(2, 1, 8))
    assert ways.is_back("ada", 8) is None
    assert not ways


def test_the_probe_of_somebody_who_was_forgotten_means_nothing_to_a_later_way_round() -> None:
    ways = WaysRound({"ada": WAY})
    ways.forget("ada")
    ways.forget("bert")
    assert ways.take_changed() == {"ada": None}
    assert ways.is_back("ada", 7) is None
    ways.begin("ada", WayRound(2, 1, 9))
    assert ways.is_back("ada", 7) is None
    assert ways.of("ada") == WayRound(2, 1, 9)
