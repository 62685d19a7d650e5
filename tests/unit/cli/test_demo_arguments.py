"""What `etapa demo` takes beside its flags. The demo itself runs in tests/integration."""

from tests.unit.cli.process import etapa


def test_the_journey_may_come_first_as_in_simulate() -> None:
    done = etapa("demo", "nowhere.yaml")
    assert done.returncode == 2
    assert done.stderr.decode() == "Error: nowhere.yaml: cannot read it: no such file or directory\n"


def test_events_without_their_flag_are_told() -> None:
    done = etapa("demo", "nowhere.yaml", "orders.csv")
    assert done.returncode == 2
    assert done.stderr.decode() == "Error: orders.csv: if these are your touchpoints, write --events orders.csv\n"
