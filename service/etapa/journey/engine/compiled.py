"""Whether the core runs compiled (see `hatch_build.py`), for reports and messages."""

from typing import Final

from etapa.journey.engine.judging import classify

IS_COMPILED: Final = not (classify.__file__ or "").endswith(".py")
"""Uncompiled it does the same, at a fraction of the speed."""
