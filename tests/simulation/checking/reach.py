"""What the worlds together must cause, by the events that a run counts. A fault that no longer happens no longer proves anything."""

from collections.abc import Mapping
from typing import Final

MUST_HAPPEN: Final[Mapping[str, tuple[str, ...]]] = {
    "partitions are taken away in the middle of a batch": ("taken away in mid-batch",),
    "workers wake up after they were replaced": ("freeze", "frozen beyond the session", "second owner", "fenced", "takeover: fenced"),
    "workers die in the middle of a step": (
        "died",
        "kill",
        "aimed fault",
        *(f"dies in {call}" for call in ("fence", "mark", "state_range", "states", "fetch", "load", "write", "commit", "apply", "close")),
        *(f"dies in {call}" for call in ("sync", "heartbeat")),
    ),
    "workers come and go": ("join", "leave", "deploy"),
    "requests and answers get lost": (
        "request lost",
        "answer lost",
        *(
            f"{way} lost: {call}"
            for way in ("request", "answer")
            for call in ("fence", "fetch", "load", "write", "commit", "apply", "join")
        ),
        "cut",
        "takeover: outcome_unknown",
        "takeover: log_error",
        "takeover: view_error",
    ),
    "calls are slow": ("slow call", "stall"),
    "touchpoints come twice, late and unusable": (
        "duplicates",
        "late touchpoint",
        "touchpoint later than grace",
        "dead letters",
        "cannot be judged",
    ),
    "Kafka leaves gaps, compacts, moves offsets and loses the ends of transactions": (
        "offset gap",
        "compact",
        "move group offset",
        "lose markers",
        "refused",
    ),
    "Redis loses writes": ("roll back", "writes lost", "flush", "lose mark", "takeover: wrong_mark", "apply refused", "apply already"),
    "Redis is out of memory": ("out of memory", "out of memory at an apply"),
    "Redis forgets its scripts": ("lose scripts", "script not known"),
    "wall clocks jump": ("clock jump", "clock set forward", "clock set back"),
    "the journey changes version under way": ("version changes", "changes by a new version", "reclassify"),
    "the ledger folds old pages": ("pages folded",),
    "customers move": ("takeover: assigned", "commits", "touchpoints", "timers", "changes", "triggers", "apply applied"),
}
"""For each promise of the simulation, the events that show it."""


_REQUESTS = (
    "Metadata",
    "FindCoordinator",
    "InitProducerId",
    "AddPartitionsToTxn",
    "AddOffsetsToTxn",
    "TxnOffsetCommit",
    "Produce",
    "EndTxn",
)
MUST_HAPPEN_TO_REQUESTS: Final[Mapping[str, tuple[str, ...]]] = {
    "single requests come late, or get lost": (
        "held",
        "belated",
        "belated EndTxn behind a write",
        *(f"late: {kind}" for kind in _REQUESTS),
        *(f"request lost: {kind}" for kind in _REQUESTS),
    ),
    "single answers get lost": tuple(f"answer lost: {kind}" for kind in _REQUESTS),
    "requests come twice": tuple(f"doubled: {kind}" for kind in _REQUESTS),
    "connections break, brokers are slow or go away, and others take over": (
        "connection broken",
        "connections break",
        "slow broker",
        "broker down",
        "leaders move",
    ),
    "brokers refuse for a moment": (
        "broker busy",
        "denied: topic",
        "denied: topic, before the markers",
        "denied: group",
        "offset of a known batch forgotten",
    ),
    "transactions overlap, are fenced and run out of time": (
        "told to wait for markers",
        "open transaction fenced",
        "transaction timed out",
        "takeover: fenced",
        "takeover: outcome_unknown",
    ),
    "both protocols are spoken": ("old protocol", "new protocol", "epochs used up"),
    "whole workers do it": ("died", "second owner", "aimed fault", "commits", "changes", "triggers", "dead letters", "apply applied"),
}
"""The same for the worlds below the client."""


def did_not_happen(events: Mapping[str, int], must: Mapping[str, tuple[str, ...]] = MUST_HAPPEN) -> list[str]:
    """The events missing from `events`, each with the promise that it belongs to."""
    return [f"{event} ({promise})" for promise, shown_by in must.items() for event in shown_by if not events.get(event)]
