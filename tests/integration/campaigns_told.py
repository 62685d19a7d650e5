"""Compares what a running installation tells of campaigns' goals with what the same touchpoints make of them in a file."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from etapa.contracts.outgoing.campaign_outcome import encode_campaign_outcome
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.engine.judging.program import compile_journey
from etapa.rehearsal.summary import replayed
from etapa.settings import Settings
from tests.integration.outcome import Message, journey_of
from tests.integration.places import read_all
from tests.integration.worker import environment_of


async def check_campaigns(settings: Settings, values: Sequence[bytes], until: int, folder: Path) -> Counter[tuple[bool, bool]]:
    """Check every record of `campaign-outcomes`, and what `etapa uplift` says. Returns the outcomes by holdout and met."""
    journey = journey_of(settings)
    lines = io.BytesIO(b"".join(value + b"\n" for value in values))
    found: Counter[tuple[bool, bool]] = Counter()
    expected: dict[bytes, list[Message]] = defaultdict(list)
    for told in replayed(compile_journey(journey), journey, lines, until):
        if isinstance(told, CampaignOutcome):
            key, value, headers = encode_campaign_outcome(told, journey.id, journey.version)
            expected[key].append((key, value, tuple(headers)))
            found[told.holdout, told.met] += 1
    published: dict[bytes, list[Message]] = defaultdict(list)
    for record in await read_all(settings, settings.topic_campaign_outcomes):
        published[record.key].append((record.key, record.value, tuple(record.headers)))
    assert published == expected
    file = folder / "touchpoints.jsonl"
    file.write_bytes(lines.getvalue())
    live, from_the_file = await asyncio.gather(_uplift(settings), _uplift(settings, str(file), "--until", format_time(until)))
    assert live == from_the_file
    return found


async def _uplift(settings: Settings, *arguments: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")} | environment_of(settings)
    command = [sys.executable, "-m", "etapa", "uplift", "--json", *arguments]
    run = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told
