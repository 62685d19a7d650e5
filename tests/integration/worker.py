"""The real worker as a separate process, and what can be asked of it from outside."""

import json
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from etapa.settings import SETTINGS, Settings, variable_of
from tests.servers.processes import ServerProcess, free_ports, wait_until

_READY_SECONDS = 60.0
_STOP_SECONDS = 40.0


class StartedWorker:
    """`python -m etapa run` with these settings; ends with the tests at the latest."""

    def __init__(
        self, settings: Settings, folder: Path, command: str = "run", others: Mapping[str, str] | None = None, module: str = "etapa"
    ) -> None:
        """`command` is what to run instead of `run`; `others` are environment variables in addition to the settings.

        `module` runs instead of `etapa`, with the same command line.
        """
        self._port = free_ports(1)[0]
        self._output = folder / f"worker-{self._port}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")}
        environment |= {**environment_of(settings), "ETAPA_HTTP_PORT": str(self._port), **(others or {})}
        self._process = ServerProcess([sys.executable, "-m", module, command], self._output, environment)

    def wait_ready(self, partitions: int | None = None) -> None:
        """Wait until it is ready, with so many partitions (or any number)."""

        def is_ready() -> bool:
            told = self.ask("readyz")
            return bool(told["ready"]) and (partitions is None or len(self.partitions()) == partitions)

        self._process.wait_ready(is_ready, _READY_SECONDS, f"the worker's being ready (partitions: {partitions or 'any'})")

    def partitions(self) -> set[int]:
        """The partitions that it reports as its own."""
        return {int(name.split()[1]) for name in self.ask("readyz")["checked"] if name.startswith("partition ")}

    def ready_partitions(self) -> int:
        """How many partitions it has taken over."""
        told = self.ask("readyz")
        return len(
            self.partitions() - {int(one["name"].split()[1]) for one in told.get("not_ready", ()) if one["name"].startswith("partition ")}
        )

    def ask(self, path: str) -> dict[str, Any]:
        """The JSON object in its answer; `{"ready": False}` while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=10) as answer:
                told: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        except OSError:
            return {"ready": False, "checked": []}
        return told

    def total(self, metric: str) -> float:
        """A counter from its metrics, summed over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return sum(sample.value for family in families for sample in family.samples if sample.name == metric)

    def metric(self, name: str) -> float:
        """The sum of the samples whose name, or name and first labels, have this prefix."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{re.escape(name)}($|[{{ ])", line))

    @property
    def port(self) -> int:
        """Its HTTP address."""
        return self._port

    @property
    def pid(self) -> int:
        return self._process.pid

    def supervised(self) -> dict[int, int]:
        """If it is a supervisor: the process ids of its workers, by number; those that were started last."""
        return {int(number): int(pid) for number, pid in re.findall(r"worker (\d+) is process (\d+)", self.said())}

    def kill(self) -> None:
        """As `kill -9`."""
        self._process.kill()

    def freeze(self) -> None:
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        self._process.signal(number)

    def ask_to_stop(self) -> None:
        self._process.signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Wait until it ends."""
        wait_until(lambda: self._process.returncode is not None, _STOP_SECONDS, f"the end of the worker (its last words:\n{self.said()}\n)")
        code = self._process.returncode
        assert code is not None
        return code

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    def wait_for_words(self, words: str) -> None:
        """Wait until it has logged these words."""
        self._process.wait_ready(lambda: words in self.said(), _READY_SECONDS, f"the worker's saying {words!r}")

    def said(self) -> str:
        return self._output.read_text(errors="replace")


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment variables for these settings."""
    defaults = Settings()
    variables = {}
    for name, setting in SETTINGS.items():
        value = getattr(settings, name)
        if value is not None and value != getattr(defaults, name):
            variables[variable_of(name)] = value.reveal() if hasattr(value, "reveal") else setting.kind.show(value)
    return variables
