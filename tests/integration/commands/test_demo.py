"""`etapa demo` as users start it: the real worker, the private broker and the private Redis."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from etapa.journey.language.load import journey_or_raise
from etapa.settings import SHIPPED_JOURNEY
from tests.servers.processes import accepts_connections, heed_ctrl_c, wait_until

pytestmark = pytest.mark.redis

STAGES = [stage.id for stage in journey_or_raise(SHIPPED_JOURNEY.read_text(encoding="utf-8"), str(SHIPPED_JOURNEY)).stages]
ENOUGH_SECONDS = 120.0
COMMAND = Path(sys.executable).parent / "etapa"
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "etapa", "demo", *arguments]


def _path(*first: str) -> str:
    """The folders of programs without that of the command, behind those told."""
    return os.pathsep.join([*first, *(each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != COMMAND.parent)])


@pytest.fixture(scope="module")
def finished() -> subprocess.CompletedProcess[str]:
    """A short demo that ended by itself. Settings of a real worker are in the environment, and must not matter."""
    environment = ENVIRONMENT | {
        "PATH": _path(),
        "ETAPA_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "ETAPA_GROUP": "other",
        "ETAPA_HTTP_PORT": "1",
    }
    command = _command("--seconds", "6", "--rate", "500", "--json")
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=ENOUGH_SECONDS, check=False)


@pytest.fixture(scope="module")
def summary(finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert finished.returncode == 0, finished.stderr
    found: dict[str, Any] = json.loads(finished.stdout)
    return found


def test_the_sums_agree(summary: Mapping[str, Any]) -> None:
    assert summary["touchpoints"] == summary["applied"] + summary["duplicates"] + summary["dead_letters"]
    assert summary["dead_letters"] == sum(summary["dead_letters_by_reason"].values())
    assert summary["unread"] == 0
    # Every customer's first change is into the entry stage.
    assert summary["stage_changes"] > sum(summary["customers"].values()) > 0


def test_customers_are_told_by_stage_in_the_order_of_the_journey_and_none_is_empty_of_history(summary: Mapping[str, Any]) -> None:
    assert list(summary["customers"]) == STAGES
    assert all(isinstance(count, int) for count in summary["customers"].values())


def test_it_keeps_to_its_rate_and_shows_flaws(summary: Mapping[str, Any]) -> None:
    assert 0 < summary["touchpoints"] <= 6.5 * 500
    assert summary["duplicates"] > 0
    assert summary["dead_letters"] > 0


def test_stdout_holds_one_json_object_and_stderr_says_what_is_used(finished: subprocess.CompletedProcess[str]) -> None:
    assert json.loads(finished.stdout)
    assert "librdkafka's mock cluster, a test double of Kafka's protocol" in finished.stderr
    assert "touchpoints" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert f"export PATH={COMMAND.parent}:$PATH" in finished.stderr


def test_it_has_as_many_shoppers_as_asked_for() -> None:
    command = _command("--seconds", "4", "--rate", "400", "--customers", "50", "--json")
    environment = ENVIRONMENT | {"PATH": _path(str(COMMAND.parent))}
    demo = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=ENOUGH_SECONDS, check=True)
    assert sum(json.loads(demo.stdout)["customers"].values()) == 50
    assert "export PATH=" not in demo.stderr


BOOKSHOP = Path(__file__).parents[3] / "docs" / "examples" / "bookshop.yaml"


def test_it_shows_a_journey_of_ones_own() -> None:
    command = _command("--journey", str(BOOKSHOP), "--seconds", "5", "--json")
    demo = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=ENOUGH_SECONDS, check=True)
    found = json.loads(demo.stdout)
    assert found["journey"] == "bookshop"
    assert found["customers"]["buyer"] > 0
    assert found["customers"]["regular"] > 0
    assert found["unread"] == 0


def test_it_says_what_is_wrong_with_a_journey_and_starts_nothing(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("journey: x\n")
    demo = subprocess.run(_command("--journey", str(wrong)), capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False)
    assert demo.returncode == 1
    assert "wrong.yaml:1:1: error" in demo.stderr
    assert "Redis" not in demo.stderr


class Running:
    """A demo in its own terminal, and what it has shown so far."""

    def __init__(self, *arguments: str, columns: int = 100, rows: int = 30) -> None:
        self._terminal, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {name: value for name, value in ENVIRONMENT.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            _command(*arguments),
            stdin=other,
            stdout=other,
            stderr=other,
            env=environment | {"TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - one system call, and it takes no lock that a thread might hold
        )
        os.close(other)
        self.shown = ""

    def wait_for(self, pattern: str) -> str:
        """Wait until the pattern is on the screen; returns its first group."""
        found: list[re.Match[str]] = []

        def is_shown() -> bool:
            self._take()
            match = re.search(pattern, self.shown)
            found.extend([match] if match else [])
            return bool(found) or self.process.poll() is not None

        wait_until(is_shown, ENOUGH_SECONDS, f"{pattern!r} on the demo's screen")
        assert found, self.shown
        return found[0][1]

    def children(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        assert len(children) >= 2, "the worker and Redis"
        return children

    def end(self) -> int:
        """Wait until it has ended by itself; returns its exit code."""

        def has_ended() -> bool:
            self._take()
            return self.process.poll() is not None

        wait_until(has_ended, ENOUGH_SECONDS, "the end of the demo")
        self._take()
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def _take(self) -> None:
        while select.select([self._terminal], [], [], 0)[0]:
            try:
                some = os.read(self._terminal, 65536)
            except OSError:  # its other end is closed
                return
            if not some:
                return
            self.shown += some.decode(errors="replace")


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*arguments: str) -> Running:
        started.append(Running(*arguments))
        return started[-1]

    yield start
    for demo in started:
        demo.kill()


def test_ctrl_c_ends_it_with_a_summary_and_leaves_nothing(running: Callable[..., Running]) -> None:
    demo = running("--rate", "300")
    port = int(demo.wait_for(r"the journey map and the API are at http://127\.0\.0\.1:(\d+)/"))
    demo.wait_for(r"(Latest moves, and why)")
    demo.wait_for(r"(Discovery.*→|→.*Consideration)")
    children = demo.children()
    assert accepts_connections(port)

    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.end() == 0
    assert re.search(r"[\d,]+ applied, [\d,]+ duplicates?, [\d,]+ dead letters?", demo.shown)
    assert "customers" in demo.shown
    assert not any(child.is_running() for child in children)
    assert not accepts_connections(port)


def test_it_plays_recorded_customers_and_other_commands_may_ask_about_them(running: Callable[..., Running], tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text(
        "order_id;email;order_date;total\n1;ada@example.com;2026-01-05;59.90\n2;bob@example.com;soon;1\n3;ada@example.com;2026-02-10;24\n"
    )
    demo = running("--journey", str(BOOKSHOP), "--events", str(orders), "--source", "csv")
    demo.wait_for(r"(All 2 touchpoints are sent)")
    # What the demo tells its user to export.
    told = dict(re.findall(r"(ETAPA_\w+)=(\S+)", demo.shown))
    assert told["ETAPA_JOURNEY"] == str(BOOKSHOP)

    def asked(*command: str) -> str:
        arguments = [sys.executable, "-m", "etapa", *command]
        done = subprocess.run(arguments, capture_output=True, text=True, env=ENVIRONMENT | told, timeout=60, check=False)
        return done.stdout + done.stderr

    wait_until(
        lambda: "ada@example.com is in buyer since 2026-01-05T00:00:00Z" in asked("stage", "ada@example.com"), ENOUGH_SECONDS, "ada's stage"
    )
    assert "Redis agrees with customer-state: 1 customer in" in asked("verify")
    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.end() == 0
    assert "2 applied, 0 duplicates" in demo.shown


def test_two_demos_run_at_the_same_time_and_one_right_after_the_other(running: Callable[..., Running]) -> None:
    first, second = running("--seconds", "3"), running("--seconds", "3")
    ports = {demo.wait_for(r"the journey map and the API are at http://127\.0\.0\.1:(\d+)/") for demo in (first, second)}
    assert len(ports) == 2
    assert first.end() == 0
    third = running("--seconds", "1")
    assert [demo.end() for demo in (second, third)] == [0, 0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of their parent's death")
def test_even_when_it_is_killed_nothing_stays_behind(running: Callable[..., Running]) -> None:
    demo = running()
    demo.wait_for(r"(Latest moves, and why)")
    children = demo.children()
    demo.process.send_signal(signal.SIGKILL)
    psutil.wait_procs(children, timeout=20)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


@pytest.mark.parametrize(("part", "word"), [("run", "the worker ended by itself"), ("redis", "the private Redis does not answer")])
def test_it_says_when_a_part_ends_by_itself(part: str, word: str, running: Callable[..., Running]) -> None:
    demo = running()
    demo.wait_for(r"(Latest moves, and why)")
    children = demo.children()
    parts = [child for child in children if ("run" if "run" in child.cmdline() else "redis") == part]
    assert len(parts) == 1
    parts[0].kill()
    assert demo.end() == 1
    assert word in demo.shown
    assert "Traceback" not in demo.shown
    assert not any(child.is_running() for child in children)


def test_ctrl_c_while_it_starts_ends_it_too(running: Callable[..., Running]) -> None:
    demo = running()
    demo.wait_for(r"(the real one, in its own process)")
    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.end() == 0
    assert "0 touchpoints" in demo.shown
