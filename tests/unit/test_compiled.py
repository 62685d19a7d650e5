"""The core gives the same bytes, compiled or not."""

import re
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from types import FrameType

import pytest

import etapa
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.embedded.shoppers import ShoppingTrip, touchpoints
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import DAY, HOUR
from etapa.settings import SHIPPED_JOURNEY

ROOT = Path(__file__).parents[2]
TWO_YEARS = ShoppingTrip(seed=7, start=1_700_000_000_000_000, end=1_700_000_000_000_000 + 730 * DAY, pace=730 * DAY // 5_000)
MAIN = "from etapa.cli import main; main()"
UNCOMPILED = "import tests.support.uncompiled; from etapa.journey.engine.compiled import IS_COMPILED; assert not IS_COMPILED"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years of a shop, with late, repeated and broken records."""
    path = tmp_path_factory.mktemp("compiled") / "events.jsonl"
    path.write_bytes(b"\n".join(sent.value or b"" for sent in islice(touchpoints(TWO_YEARS), 5_000)))
    return path


def simulated(before: str, journey: str, events: Path, *arguments: str) -> tuple[bytes, bytes]:
    """The stdout and stderr of `etapa simulate`."""
    command = [sys.executable, "-c", f"{before}\n{MAIN}", "simulate", "--journey", f"service/etapa/journeys/{journey}.yaml", str(events)]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    # The only part that depends on the time of day.
    return done.stdout, re.sub(rb"occurred_at is \d+ s ahead", b"occurred_at is ahead", done.stderr)


@pytest.mark.parametrize("journey", ["retail", "restaurant", "subscription", "insurance"])
def test_a_simulation_says_the_same_whether_the_core_is_compiled_or_not(journey: str, events: Path) -> None:
    until = ("--until", "2031-01-01T00:00:00Z")
    compiled, uncompiled = simulated("", journey, events, *until), simulated(UNCOMPILED, journey, events, *until)
    assert compiled == uncompiled
    assert compiled[0].count(b"\n") > 100


def test_triggers_are_the_same_whether_the_core_is_compiled_or_not(events: Path) -> None:
    compiled, uncompiled = (simulated(before, "retail", events, "--triggers") for before in ("", UNCOMPILED))
    assert compiled == uncompiled
    assert compiled[0].count(b"\n") > 10


@pytest.mark.skipif(not IS_COMPILED, reason="only what is compiled can call what is not")
def test_no_touchpoint_runs_through_a_function_that_was_left_uncompiled() -> None:
    program = compile_journey(journey_or_raise(SHIPPED_JOURNEY.read_text(), SHIPPED_JOURNEY.name))
    customers: dict[str, Customer] = {}
    calls: Counter[str] = Counter()

    package = str(Path(etapa.__file__).parent)

    def note(frame: FrameType, event: str, _: object) -> None:
        # Whatever ran before may have left callbacks of its own, such as the garbage collector's.
        if event == "call" and frame.f_code.co_filename.startswith(package):
            calls[f"{frame.f_code.co_filename}: {frame.f_code.co_name}"] += 1

    kinds = ["visit", "add_to_cart", "purchase", "review", "complaint"]
    made = [
        Touchpoint(f"e-{number}", f"c-{number % 7}", kinds[number % 5], 10**15 + number * HOUR, "web", {"amount": 5.0, "rating": 3})
        for number in range(500)
    ]
    # Customers who are led along the ideal way, and by campaigns and their goals.
    decoder = decoder_within(TouchpointLimits())
    decoded = [decoder.decode(sent.key, sent.value, (), None, NEVER) for sent in islice(touchpoints(TWO_YEARS), 5_000)]
    made += [each for each in decoded if isinstance(each, Touchpoint)]
    outcomes = 0
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for each in made:
            touched = touch(program, customers.get(each.customer_id), each)
            customers[each.customer_id] = touched.customer
            outcomes += len(touched.outcomes)
    finally:
        sys.setprofile(before)
    assert calls.most_common(3) == []
    assert outcomes > 50


def test_compiling_says_how_long_it_takes_though_what_compilers_print_is_kept_back() -> None:
    waiting = "import time, hatch_build as build\nwith build.HowLong(0.05), build._Silent():\n    print('of no interest', flush=True)\n    time.sleep(1)"
    done = subprocess.run([sys.executable, "-c", waiting], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert done.stdout == ""
    assert lines[0] == "… still compiling, after 0 s"
    assert all(re.fullmatch(r"… still compiling, after \d+ s", line) for line in lines)
