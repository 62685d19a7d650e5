"""Compiles the core and the hot part of the way around it with mypyc, into extension modules beside their sources.

    python hatch_build.py             compile what has changed
    python hatch_build.py --remove    remove what was compiled: the sources run as they are, at half the speed

Which modules these are is said in `pyproject.toml` (`tool.etapa.compiled`). Installing Etapa does the same. Where no C compiler or no
headers of Python are found, it is installed uncompiled, with a word about it. With ETAPA_COMPILE=never it always is, with
ETAPA_COMPILE=always that is an error, and with ETAPA_COMPILE=later whatever is there is left as it is.
"""

import os
import re
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT = Path(__file__).resolve().parent
PACKAGE_ROOT = ROOT / "service"
BUILD = ROOT / "build"
HOW_TO_GET_ONE = "Debian, Ubuntu: apt install gcc python3-dev. macOS: xcode-select --install. Then: make setup"


class CompilingHook(BuildHookInterface[Any]):
    """Hatch calls this before it makes a wheel, and before an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or not compile_in_place():
            return
        build_data["infer_tag"] = True
        build_data["pure_python"] = False
        if version != "editable":
            build_data["force_include"] |= {str(built): str(built.relative_to(PACKAGE_ROOT)) for built in compiled_modules()}


class DescriptionHook(MetadataHookInterface):
    """Hatch calls this for the package's description: README.md, with links that lead somewhere also where it stands alone, and where the source is.

    ETAPA_SOURCE_URL says where; without it nothing is said, and links stay as they are.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        text = (ROOT / "README.md").read_text("utf-8")
        source = os.environ.get("ETAPA_SOURCE_URL", "").rstrip("/")
        metadata["urls"] = {}
        if source:
            text = with_absolute_links(text, source)
            metadata["urls"] = {
                "Source": source,
                "Documentation": f"{source}/blob/main/docs/README.md",
                "Changelog": f"{source}/blob/main/CHANGELOG.md",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def with_absolute_links(markdown: str, repository: str) -> str:
    """The text with each relative link leading into the repository; pictures to the file itself."""

    def absolute(found: re.Match[str]) -> str:
        picture, words, path = found.groups()
        return f"{picture}[{words}]({repository}/{'raw' if picture else 'blob'}/main/{path})"

    return re.sub(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)]+)\)", absolute, markdown)


def compile_in_place() -> bool:
    """Compile whatever has changed since it was last compiled. False when it was not to be, or when there is no compiler."""
    wanted = os.environ.get("ETAPA_COMPILE", "auto")
    if wanted == "later":
        return False
    if wanted == "never":
        remove_compiled()
        return False
    problem = _what_is_missing()
    if problem is not None:
        remove_compiled()
        message = f"Etapa is not compiled, and runs at half its speed: {problem}. {HOW_TO_GET_ONE}"
        if wanted == "always":
            raise SystemExit(message)
        sys.stderr.write(message + "\n")
        return False
    sys.stderr.write("Compiling the core, which takes a minute or two …\n")
    _compile()
    return True


def sources() -> list[Path]:
    """The modules to be compiled."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["etapa"]["compiled"]
    return [PACKAGE_ROOT / "etapa" / name for name in told]


def compiled_modules() -> list[Path]:
    """What was compiled and is there."""
    return sorted(built for pattern in ("*.so", "*.pyd") for built in PACKAGE_ROOT.rglob(pattern))


def remove_compiled() -> None:
    """Have the sources run as they are."""
    for built in compiled_modules():
        built.unlink()


def _what_is_missing() -> str | None:
    """Why nothing can be compiled here, or none."""
    import sysconfig

    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.errors import CompileError, DistutilsError
    from setuptools._distutils.sysconfig import customize_compiler

    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "trial.c"
        trial.write_text("#include <Python.h>\n", "utf-8")
        compiler = new_compiler()
        customize_compiler(compiler)
        try:
            with _Silent():
                compiler.compile([str(trial)], output_dir=folder, include_dirs=[sysconfig.get_path("include")])
        except (CompileError, DistutilsError, OSError):
            return "there is no C compiler that finds the headers of Python"
    return None


def _compile() -> None:
    import setuptools  # before mypyc, which looks whether it is there
    from mypyc.build import mypycify

    here = Path.cwd()
    os.chdir(ROOT)
    try:
        with _Silent():
            paths = [str(source.relative_to(ROOT)) for source in sources()]
            extensions = mypycify(["--config-file", "pyproject.toml", *paths], group_name="etapa", target_dir=str(BUILD))
            setuptools.setup(
                name="etapa-compiled",
                # Otherwise it looks for a readme, which is made by the hook above.
                long_description="The compiled modules of Etapa.",
                packages=[],
                package_dir={"": "service"},
                ext_modules=extensions,
                script_args=["--quiet", "build_ext", "--inplace", "--build-temp", str(BUILD)],
            )
    finally:
        os.chdir(here)
    kept = {source.with_suffix("") for source in sources()}
    for built in compiled_modules():
        if built.parent != PACKAGE_ROOT and built.parent / built.name.partition(".")[0] not in kept:
            # A module that is compiled no more must not stand in the way of its source.
            built.unlink()
        else:
            # Those that needed no work are as new as the others.
            built.touch()


class _Silent:
    """Keeps what compilers print, to show it only when they fail."""

    def __enter__(self) -> None:
        self._kept = tempfile.TemporaryFile()
        sys.stdout.flush()
        sys.stderr.flush()
        self._real = os.dup(1), os.dup(2)
        os.dup2(self._kept.fileno(), 1)
        os.dup2(self._kept.fileno(), 2)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, real in zip((1, 2), self._real, strict=True):
            os.dup2(real, number)
            os.close(real)
        if kind is SystemExit:
            self._kept.seek(0)
            sys.stderr.write(self._kept.read().decode("utf-8", "replace"))
        self._kept.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["--remove"]:
        remove_compiled()
    else:
        compile_in_place()
