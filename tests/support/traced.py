"""Keeps what a test process traced: it is killed if its exit takes more than ten seconds, and on a busy machine writing takes longer.

As a pytest plugin under coverage: `pytest -p tests.support.traced`.
"""

import pytest
from coverage import Coverage


def pytest_sessionfinish(session: pytest.Session) -> None:
    tracer = Coverage.current()
    if tracer is not None and hasattr(session.config, "workerinput"):
        tracer.stop()
        tracer.save()
