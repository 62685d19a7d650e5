"""Programs for the tests of what is shipped: from the PATH, from `make tools`, or built once from Go modules into the user's cache."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GO_MODULES = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.19.5",
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
}
_BUILD_SECONDS = 1200


def python_tool(name: str) -> str:
    """The path of a program from `make tools`. Without it the test is skipped, or fails in CI."""
    path = ROOT / ".venv-tools" / "bin" / name
    if not path.exists():
        _do_without(f"{name} is not here: make tools")
    return str(path)


def go_tool(name: str) -> str:
    """The path of exactly this version of a Go program, built if necessary. Without Go the test is skipped, or fails in CI."""
    module = GO_MODULES[name]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "etapa"
    built = cache / f"{name}-{module.rpartition('@')[2]}"
    if built.exists():
        return str(built)
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not Path(go).exists():
        _do_without(f"{name} is built with Go, which is not on the PATH (Debian: apt install golang; macOS: brew install go)")
    # Into a temporary folder first, so that parallel or interrupted test runs never leave half a program.
    fresh = cache / f".{built.name}-{os.getpid()}"
    environment = os.environ | {"GOBIN": str(fresh), "GOFLAGS": "-modcacherw"}
    done = subprocess.run([go, "install", module], env=environment, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (fresh / name).replace(built)
    shutil.rmtree(fresh, ignore_errors=True)
    return str(built)


def _do_without(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
