"""Builds a release with the image's own commands in a local folder: without a container, but every command is the Dockerfile's."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from etapa import __version__
from tests.support.tools import python_tool

pytestmark = pytest.mark.release

ROOT = Path(__file__).parents[3]
_SECONDS = 900


def instructions(stage: str) -> Iterator[tuple[str, str]]:
    """The instructions of a stage of the Dockerfile, each with its arguments on one line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    inside = False
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            inside = rest.endswith(f" AS {stage}")
        elif inside and word:
            yield word, rest


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the file system that the image's first stage makes. The compiler is this machine's."""
    root = tmp_path_factory.mktemp("image")
    (root / "opt").mkdir()
    python = root / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ETAPA_", "PYTHON", "VIRTUAL_ENV"))}
    # As the release says it, so that the links of the README lead there.
    kept |= {"ETAPA_SOURCE_URL": "https://example.com/shop/etapa"}
    kept |= {"PATH": f"{Path(sys.base_prefix) / 'bin'}:{python.parent}:{os.environ['PATH']}", "CC": str(quick_compiler(root))}
    folder = root
    for word, rest in instructions("build"):
        inside = re.sub(r"(?<![\w.])/(opt|build)\b", rf"{root}/\1", rest)
        if word == "ENV":
            kept |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif word == "WORKDIR":
            folder = Path(inside)
            folder.mkdir()
        elif word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                to = folder / target / (Path(source).name if target.endswith("/") else "")
                to.parent.mkdir(parents=True, exist_ok=True)
                copy_into(ROOT / source, to)
        elif word == "RUN" and "apt-get" not in rest:
            done = subprocess.run(
                ["sh", "-ec", inside], cwd=folder, env=kept, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
            assert done.returncode == 0, f"{inside}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return root


def quick_compiler(folder: Path) -> Path:
    """This machine's compiler without its optimiser, which takes minutes and has been through the same code when the core was compiled for the tests."""
    compiler = folder / "quick-cc"
    compiler.write_text('#!/bin/sh\nexec cc "$@" -O0\n', encoding="utf-8")
    compiler.chmod(0o755)
    return compiler


def copy_into(source: Path, target: Path) -> None:
    """Copy the source as Docker does with .dockerignore: without what was built or cached here."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    else:
        shutil.copy2(source, target)


def etapa(image: Path, *arguments: str) -> str:
    clean = {"PATH": f"{image}/opt/etapa/bin:/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(image / "opt" / "etapa" / "bin" / "etapa"), *arguments]
    done = subprocess.run(command, cwd=image, env=clean, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wheel(image: Path) -> Path:
    (found,) = (image / "build" / "dist").glob("*.whl")
    return found


def test_the_image_runs_compiled_and_without_the_tools_that_built_it(image: Path) -> None:
    assert f"etapa {__version__}" in etapa(image, "--version")
    python = image / "opt" / "etapa" / "bin" / "python"
    code = "from etapa.journey.engine.compiled import IS_COMPILED; import importlib.util as u; print(IS_COMPILED, u.find_spec('mypy'))"
    done = subprocess.run([python, "-c", code], cwd=image, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "None"]


def test_the_installed_wheel_has_its_journeys_and_sources_and_tries_a_journey(image: Path) -> None:
    for name in ("retail", "subscription", "insurance", "restaurant"):
        assert name in etapa(image, "journeys")
    assert "shopify" in etapa(image, "sources", "list")
    examples = ROOT / "docs" / "examples"
    moved = etapa(image, "simulate", "--journey", str(examples / "bookshop.yaml"), str(examples / "bookshop.jsonl"))
    assert '"to"' in moved


def test_the_wheel_holds_every_schema_and_every_journey_as_they_are(image: Path) -> None:
    with zipfile.ZipFile(wheel(image)) as archive:
        for folder, inside in ((ROOT / "schemas", "etapa/schemas"), (ROOT / "service" / "etapa" / "journeys", "etapa/journeys")):
            for path in folder.rglob("*.*"):
                if "__pycache__" not in path.parts:
                    assert archive.read(f"{inside}/{path.relative_to(folder)}") == path.read_bytes()


def test_pypi_shows_a_readme_whose_links_lead_somewhere(image: Path) -> None:
    with zipfile.ZipFile(wheel(image)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    assert "Description-Content-Type: text/markdown" in text
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith(("https://", "http://", "#"))] == []


def test_the_bill_of_materials_lists_everything_that_is_locked(tmp_path: Path) -> None:
    command = [python_tool("cyclonedx-py"), "requirements", "requirements/runtime.txt", "--of", "JSON", "--output-reproducible"]
    done = subprocess.run([*command, "--output-file", str(tmp_path / "sbom.json")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "sbom.json").read_text(encoding="utf-8")
    locked = re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(locked) > 10
    assert [name for name, version in locked if f"pkg:pypi/{name}@{version}" not in told] == []
