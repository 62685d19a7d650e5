"""`etapa demo`: simulated or recorded customers, a private broker, a private Redis and the real worker, shown until somebody stops it."""

import contextlib
import shlex
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from etapa.embedded.broker import NAME, NAME_IN_SHORT, PrivateBroker
from etapa.embedded.demo_outcome import OutcomeError, Results, StagesShown, WorkerCounts, is_ready, worker_counts
from etapa.embedded.demo_plan import DemoOptions, touchpoints_for
from etapa.embedded.demo_progress import Highlights, Look, Trend
from etapa.embedded.demo_summary import DemoSummary
from etapa.embedded.demo_worker import WorkerProcess
from etapa.embedded.feeder import Feeder
from etapa.embedded.live_view import Picture
from etapa.embedded.redis_server import PrivateRedis
from etapa.embedded.screen import Screen
from etapa.errors import EtapaError
from etapa.journey.language.model import Journey
from etapa.settings import SHIPPED_JOURNEY, Settings

_SOMEBODY = "c-5"

_READY_SECONDS = 60.0
_DRAIN_SECONDS = 20.0
_READ_SECONDS = 0.02
_LOOK_EVERY = 0.2
_COUNTERS_EVERY = 1.0


class DemoError(EtapaError):
    """The demo cannot go on; the message says what was found."""


def run_demo(options: DemoOptions) -> None:
    """Run for `options.seconds` or until somebody stops it, then print the summary. Everything that was started is gone afterwards.

    Raises DemoError, RedisUnavailable or BrokerError when something does not start or ends by itself.
    """
    screen = Screen(as_json=options.as_json)
    journey = options.journey
    screen.say(f"Etapa's demo of the journey {journey.id}. {_who(options)}; everything it starts is gone when it ends.")
    with _stops_on_signals() as stops:
        with _started(options, journey, screen, stops) as demo:
            try:
                summary = demo.run()
            except OutcomeError as error:
                raise DemoError(str(error)) from error
        screen.end(summary, journey)


def _who(options: DemoOptions) -> str:
    return "The customers are made up" if options.recorded is None else f"The touchpoints are those of {options.recorded_from}"


class _Stops:
    """How many times somebody has asked to stop: once means finish what was sent, twice means stop now."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1


@contextlib.contextmanager
def _stops_on_signals() -> Iterator[_Stops]:
    stops = _Stops()
    before = {number: signal.signal(number, stops.ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield stops
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _journey_export(options: DemoOptions) -> str:
    if options.journey_path == SHIPPED_JOURNEY:
        return ""
    return f"\n           export ETAPA_JOURNEY={shlex.quote(str(options.journey_path.resolve()))}"


def _path_export() -> str:
    """How a shell finds the command, if it does not already."""
    beside = Path(sys.executable).parent
    if shutil.which("etapa") is not None or not (beside / "etapa").exists():
        return ""
    return f"\n           export PATH={shlex.quote(str(beside))}:$PATH"


@contextlib.contextmanager
def _started(options: DemoOptions, journey: Journey, screen: Screen, stops: _Stops) -> Iterator["_Demo"]:
    """All parts of the demo, started one after the other, and stopped in reverse order."""
    settings = Settings()
    with contextlib.ExitStack() as everything:
        redis = everything.enter_context(PrivateRedis())
        screen.say(f"  Redis    at 127.0.0.1:{redis.port}, in memory only: {redis.name}")
        broker = everything.enter_context(PrivateBroker())
        broker.create_topics(
            (
                settings.topic_touchpoints,
                settings.topic_stage_changes,
                settings.topic_campaign_triggers,
                settings.topic_campaign_outcomes,
                settings.topic_dead_letters,
                settings.topic_customer_state,
            )
        )
        screen.say(f"  broker   at {broker.address}, not Kafka:\n           {NAME}")
        screen.say("  worker   the real one, in its own process; takes a few seconds ...")
        begun = time.monotonic()
        worker = everything.enter_context(WorkerProcess(broker.address, redis.url, options.usual_port, options.journey_path))
        view = everything.enter_context(contextlib.closing(StagesShown(redis.url, settings.redis_prefix)))
        feeder = Feeder(broker.address, settings.topic_touchpoints, touchpoints_for(options), options.rate)
        results = everything.enter_context(
            contextlib.closing(Results(broker.address, settings.topic_stage_changes, settings.topic_dead_letters, feeder.sent_at))
        )
        demo = _Demo(options, journey, screen, stops, worker, view, feeder, results)
        demo.wait_until_ready()
        if not stops.asked:
            screen.say(f"  ready    after {time.monotonic() - begun:.1f} s; the journey map and the API are at {worker.url}")
            if worker.is_elsewhere:
                screen.say(f"           (another program has port {options.usual_port}; what you see there is not this demo)")
            screen.say(f"  token    {worker.token} opens {worker.url}v1/customers/ID (Authorization: Bearer ...)")
            screen.say(
                f"  ask      in another terminal:{_path_export()}\n           export ETAPA_REDIS_URL={redis.url}{_journey_export(options)}"
            )
            screen.say(
                f"           etapa stage {_SOMEBODY}; etapa why {_SOMEBODY}"
                if options.recorded is None
                else "           etapa stage ID; etapa why ID"
            )
            # Without the last setting, readers would refuse what the broker writes.
            screen.say(f"           export ETAPA_KAFKA_BOOTSTRAP_SERVERS={broker.address} ETAPA_KAFKA_CHECK_CRCS=off")
            screen.say("           etapa dead-letters list; etapa triggers; etapa verify")
            screen.say("           etapa map makes a file of such a map from your own touchpoints")
            flaws = ", some late, some twice, some broken" if options.recorded is None else f", of {options.recorded_from}"
            screen.say(f"  sent     {options.rate:,.0f} touchpoints a second{flaws}")
        yield demo
        screen.say("The worker, Redis and the broker end ...")


class _Demo:
    def __init__(
        self,
        options: DemoOptions,
        journey: Journey,
        screen: Screen,
        stops: _Stops,
        worker: WorkerProcess,
        view: StagesShown,
        feeder: Feeder,
        results: Results,
    ) -> None:
        self._options = options
        self._journey = journey
        self._screen = screen
        self._stops = stops
        self._worker = worker
        self._view = view
        self._feeder = feeder
        self._results = results
        self._trend = Trend(3.0)
        self._highlights = Highlights(0.5, 50)
        self._customers: Counter[str] = Counter()
        self._counted = WorkerCounts()
        self._next_look = 0.0
        self._next_counters = 0.0

    def wait_until_ready(self) -> None:
        """Wait until the worker is ready or somebody asks to stop. Raises DemoError."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._stops.asked:
            if self._worker.exit_code() is None and is_ready(self._worker.url):
                return
            if not self._worker.move():
                self._check_worker()
            if time.monotonic() > deadline:
                raise DemoError(f"the worker was not ready after {_READY_SECONDS:.0f} s. Its last words:\n{self._worker.said()}")
            time.sleep(0.05)

    def run(self) -> DemoSummary:
        """Send touchpoints until it is time to end, then let the worker finish."""
        begun = time.monotonic()
        until = None if self._options.seconds is None else begun + self._options.seconds
        with self._screen.showing():
            while not self._stops.asked and (until is None or time.monotonic() < until):
                self._feeder.feed(time.monotonic())
                self._step(self._status(until))
            seconds = time.monotonic() - begun
            is_whole = not self._feeder.sent or self._drain()
        if not is_whole:
            self._screen.say("Warning: it ended before everything sent was processed and read; the numbers are incomplete.")
        return self._summary(seconds)

    def _status(self, until: float | None) -> str:
        if self._feeder.is_through:
            return f"All {self._feeder.sent:,} touchpoints are sent; look around as long as you like, Ctrl-C ends it"
        return "Ctrl-C ends it" if until is None else f"{until - time.monotonic():.0f} s left; Ctrl-C ends it now"

    def _drain(self) -> bool:
        """Send nothing more, and wait until everything sent is processed, visible and read. Returns whether it is."""
        asked = self._stops.asked
        deadline = time.monotonic() + _DRAIN_SECONDS
        self._feeder.flush(_DRAIN_SECONDS)
        while time.monotonic() < deadline and self._stops.asked <= asked:
            self._step("Nothing more is sent; the worker finishes what it has")
            if not self._feeder.unread() and self._has_read_all_results():
                return True
        return False

    def _has_read_all_results(self) -> bool:
        self._counted = worker_counts(self._worker.url) or self._counted
        read = (self._results.stage_changes, self._results.dead_letters.total())
        return read == (self._counted.stage_changes, self._counted.touchpoints.get("dead_letter", 0))

    def _step(self, status: str) -> None:
        """Read new results, and redraw when it is time."""
        changes = self._results.read(_READ_SECONDS, time.monotonic)
        now = time.monotonic()
        self._highlights.offer(changes, now)
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_EVERY
        self._check_worker()
        read, self._customers = self._view.look()
        self._feeder.has_read(read)
        self._trend.add(Look(now, sum(read), self._customers, self._feeder.shop_time))
        if now >= self._next_counters:
            self._next_counters = now + _COUNTERS_EVERY
            self._counted = worker_counts(self._worker.url) or self._counted
        self._screen.show(self._picture(sum(read), status), now)

    def _check_worker(self) -> None:
        code = self._worker.exit_code()
        if code is not None:
            raise DemoError(f"the worker ended by itself with exit code {code}. Its last words:\n{self._worker.said()}")

    def _picture(self, read: int, status: str) -> Picture:
        delays = sorted(self._results.delays)
        return Picture(
            journey=self._journey,
            shop_time=self._feeder.shop_time,
            shop_days_per_second=self._trend.shop_days_per_second,
            customers=self._customers,
            grown=self._trend.grown,
            touchpoints=read,
            rate=self._trend.rate,
            stage_changes=self._results.stage_changes,
            duplicates=self._counted.touchpoints.get("duplicate", 0),
            campaigns=self._counted.campaigns,
            dead_letters=self._results.dead_letters,
            held_back=self._feeder.held_back,
            median_delay=delays[len(delays) // 2] if delays else None,
            longest_delay=delays[len(delays) * 99 // 100] if delays else None,
            recent=self._highlights.picked,
            url=self._worker.url,
            status=status,
            remark=f"broker: {NAME_IN_SHORT}",
        )

    def _summary(self, seconds: float) -> DemoSummary:
        read, customers = self._view.look()
        self._feeder.has_read(read)
        delays = sorted(self._results.delays)
        stages = {stage.id: customers[stage.id] for stage in self._journey.stages}
        return DemoSummary(
            touchpoints=sum(read),
            stage_changes=self._results.stage_changes,
            customers=stages,
            dead_letters=self._results.dead_letters.total(),
            dead_letters_by_reason=dict(sorted(self._results.dead_letters.items())),
            applied=self._counted.touchpoints.get("applied", 0),
            duplicates=self._counted.touchpoints.get("duplicate", 0),
            campaigns={campaign: dict(outcomes) for campaign, outcomes in self._counted.campaigns.items()},
            unread=self._feeder.unread(),
            seconds=round(seconds, 3),
            touchpoints_per_second=round(sum(read) / seconds, 1) if seconds else 0.0,
            median_delay_seconds=round(delays[len(delays) // 2], 4) if delays else None,
            journey=self._journey.id,
            version=self._journey.version,
        )
