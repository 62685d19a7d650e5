"""The command itself: help, version, wrong use, what it imports, and how it ends when it is interrupted."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tzdata
from click.testing import CliRunner

import etapa as package
from etapa.cli import COMMANDS, main
from tests.unit.cli.journeys import BAD, GOOD
from tests.unit.cli.process import environment, etapa_process, started

SERVER_LIBRARIES = ("faust", "mode", "aiokafka", "redis", "aiohttp", "prometheus_client", "confluent_kafka")


def imported_by(*arguments: str) -> set[str]:
    """The libraries needed only with servers that the command imports when it runs with these arguments."""
    program = (
        "import sys\n"
        "from etapa.cli import main\n"
        "try:\n    main(sys.argv[1:], prog_name='etapa')\n"
        "finally:\n    sys.stderr.write('\\n' + ' '.join(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment(), input=b"", capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.decode().splitlines()[-1].split()) & set(SERVER_LIBRARIES)


def test_help_lists_every_command_in_a_line() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    for name, entry in COMMANDS.items():
        assert name in done.output
        assert entry.summary in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"Usage: main {name}")


def test_the_version_is_printed() -> None:
    done = etapa_process("--version")
    assert (done.returncode, done.stdout) == (0, f"etapa {package.__version__}, zone data {tzdata.IANA_VERSION}\n".encode())


def test_a_mistyped_command_is_wrong_use_with_a_hint() -> None:
    done = etapa_process("validat")
    assert done.returncode == 2
    assert b"No such command 'validat'. Did you mean 'validate'?" in done.stderr


def test_no_command_at_all_shows_the_help_as_wrong_use() -> None:
    done = etapa_process()
    assert done.returncode == 2
    assert b"Usage: etapa" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config"], ["config", "--json"], ["run", "--help"], ["demo", "--help"]])
def test_what_needs_no_server_imports_no_server_library(arguments: list[str]) -> None:
    assert imported_by(*arguments) == set()


def test_validate_and_simulate_import_no_server_library(tmp_path: Path) -> None:
    journey = tmp_path / "journey.yaml"
    journey.write_text(GOOD)
    assert imported_by("validate", str(journey)) == set()
    assert imported_by("simulate", "--journey", str(journey), "-") == set()


def test_a_shell_gets_0_for_good_1_for_a_failed_check_and_2_for_wrong_use() -> None:
    good, bad = etapa_process("validate", "-", stdin=GOOD.encode()), etapa_process("validate", "-", stdin=BAD.encode())
    wrong = etapa_process("validate", "/no/such/file")
    assert [good.returncode, bad.returncode, wrong.returncode] == [0, 1, 2]


def test_ctrl_c_ends_it_without_a_word_about_the_code(tmp_path: Path) -> None:
    journey = tmp_path / "journey.yaml"
    journey.write_text(GOOD)
    with started("simulate", "--journey", str(journey), "-") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        # The first finding shows that it is in the middle of reading.
        process.stdin.write(b"not json\n")
        process.stdin.flush()
        assert process.stderr.readline().startswith(b"line 1: not_json")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGINT
        assert b"Traceback" not in said


def test_a_full_disk_is_one_clear_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "etapa", "config"], env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"Error: the output could not be written: no space left on device\n")


def test_a_reader_that_goes_away_at_once_is_no_error() -> None:
    with started("config") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 128 + signal.SIGPIPE


def test_closed_streams_do_not_matter() -> None:
    command = f"{sys.executable} -m etapa config >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], env=environment(), check=False).returncode == 0
