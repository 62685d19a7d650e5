"""The GitHub workflows: checked by their tools, pinned to commits, and with no more rights than needed."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.tools import go_tool, python_tool

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    return found


def test_actionlint_finds_nothing() -> None:
    done = subprocess.run([go_tool("actionlint"), *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    command = [python_tool("zizmor"), "--offline", "--no-progress", "--persona", "pedantic", *map(str, WORKFLOWS)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GH_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each
def test_actions_are_pinned_to_commits_with_their_version_beside(path: Path) -> None:
    uses = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert uses
    assert [one for one in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_every_python_that_is_promised_is_checked() -> None:
    promised = re.findall(r"Programming Language :: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert loaded("check")["jobs"]["check"]["strategy"]["matrix"]["python"] == promised


def test_pypi_is_reached_with_a_proof_of_identity_and_no_stored_token() -> None:
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert loaded("release")["jobs"]["pypi"]["permissions"] == {"id-token": "write", "attestations": "write"}
    assert set(re.findall(r"secrets\.(\w+)", release)) == {"GITHUB_TOKEN"}
