"""Importing this before anything of Etapa makes its sources run uncompiled, even if they were compiled.

As a pytest plugin: `pytest -p tests.support.uncompiled`.
"""

import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

PACKAGE = str(Path(__file__).parents[2] / "service" / "etapa")


def _sources_only(path: str) -> FileFinder:
    if not path.startswith(PACKAGE):
        raise ImportError
    return FileFinder(path, (SourceFileLoader, SOURCE_SUFFIXES))


if any(name == "etapa" or name.startswith("etapa.") for name in sys.modules):
    raise ImportError("tests.support.uncompiled must come before anything of Etapa")
sys.path_hooks.insert(0, _sources_only)
sys.path_importer_cache.clear()
