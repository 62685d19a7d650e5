"""What tests of the simulation share."""

from collections.abc import Iterator

import pytest

from tests.support import quiet


@pytest.fixture
def quiet_logs() -> Iterator[None]:
    """Nothing is logged in this test; ask for it with `pytest.mark.usefixtures`."""
    with quiet.quiet_logs():
        yield
