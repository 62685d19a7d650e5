import re

from etapa.stream import protocol
from tests.simulation.checking.controls import SAFEGUARDS


def test_the_theory_of_operation_names_each_safeguard_that_a_control_takes_away() -> None:
    named = re.findall(r"^- `(\w+)`: .*?Prevents", protocol.__doc__ or "", flags=re.MULTILINE | re.DOTALL)
    assert sorted(named) == sorted(SAFEGUARDS)
