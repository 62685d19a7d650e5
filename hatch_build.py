"""Compiles the core, and the hot path around it, with mypyc into extension modules beside their sources.

    python hatch_build.py             compile what has changed
    python hatch_build.py --remove    remove what was compiled; the sources then run uncompiled, several times as slowly

`pyproject.toml` lists these modules (`tool.etapa.compiled`). Installing Etapa compiles them too. Without a C compiler or Python's headers,
Etapa is installed uncompiled, with a message that says so. ETAPA_COMPILE=never never compiles, ETAPA_COMPILE=always makes a missing
compiler an error, and ETAPA_COMPILE=later leaves what is there as it is.
"""

import os
import re
import sys
import tempfile
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT = Path(__file__).resolve().parent
PACKAGE_ROOT = ROOT / "service"
BUILD = ROOT / "build"
CALLED_DIRECTLY = ["-fvisibility=hidden", "-fno-semantic-interposition", "-fno-plt"] if sys.platform == "linux" else []
"""For GCC and Clang: nobody replaces functions of a compiled module from outside, so they may call each other directly, and be inlined."""
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
    """Hatch calls this for the package's description: README.md, with links that also work elsewhere, and the source's address.

    ETAPA_SOURCE_URL gives that address; without it there is none, and links stay as they are.
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
    """The text with each relative link pointing into the repository, and pictures to the file itself."""

    def absolute(found: re.Match[str]) -> str:
        picture, words, path = found.groups()
        return f"{picture}[{words}]({repository}/{'raw' if picture else 'blob'}/main/{path})"

    return re.sub(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)]+)\)", absolute, markdown)


def compile_in_place() -> bool:
    """Compile whatever has changed since it was last compiled. False if ETAPA_COMPILE forbids it or there is no compiler."""
    wanted = os.environ.get("ETAPA_COMPILE", "auto")
    if wanted == "later":
        return False
    if wanted == "never":
        remove_compiled()
        return False
    problem = _what_is_missing()
    if problem is not None:
        remove_compiled()
        message = f"Etapa is not compiled, and needs several times the CPU: {problem}. {HOW_TO_GET_ONE}"
        if wanted == "always":
            raise SystemExit(message)
        sys.stderr.write(message + "\n")
        return False
    sys.stderr.write("Compiling the core, which takes two to four minutes …\n")
    with HowLong(30):
        _compile()
    return True


def sources() -> list[Path]:
    """The modules to compile: those that `pyproject.toml` names, and all modules of the rooms that it names. A few are in C."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["etapa"]["compiled"]
    found = {pattern: sorted((PACKAGE_ROOT / "etapa").glob(pattern)) for pattern in told}
    missing = [pattern for pattern, sources in found.items() if not sources]
    if missing:
        raise SystemExit(f"pyproject.toml, tool.etapa.compiled: there is no service/etapa/{missing[0]}")
    return [source for sources in found.values() for source in sources if source.name != "__init__.py"]


def compiled_modules() -> list[Path]:
    """The compiled modules that exist."""
    return sorted(built for pattern in ("*.so", "*.pyd") for built in PACKAGE_ROOT.rglob(pattern))


def remove_compiled() -> None:
    """Remove the compiled modules, so that the sources run uncompiled."""
    for built in compiled_modules():
        built.unlink()


def _what_is_missing() -> str | None:
    """Why nothing can be compiled here; None if something can."""
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
    import setuptools  # before mypyc, which checks whether it is there
    from mypyc.build import mypycify

    here = Path.cwd()
    os.chdir(ROOT)
    try:
        with _Silent():
            paths = [str(source.relative_to(ROOT)) for source in sources() if source.suffix == ".py"]
            extensions = mypycify(["--config-file", "pyproject.toml", *paths], group_name="etapa", target_dir=str(BUILD))
            for extension in extensions:
                extension.extra_compile_args += CALLED_DIRECTLY
            extensions += [_extension_in_c(source) for source in sources() if source.suffix == ".c"]
            setuptools.setup(
                name="etapa-compiled",
                # Otherwise it looks for a readme, which the hook above makes.
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
            # A compiled module that is no longer wanted must not hide its source.
            built.unlink()
        else:
            # Modules that needed no work count as up to date as well.
            built.touch()


def _extension_in_c(source: Path) -> Any:
    from setuptools import Extension

    name = ".".join(source.relative_to(PACKAGE_ROOT).with_suffix("").parts)
    included = [str(header) for header in sorted(source.parent.glob("*.h"))]
    options = [] if sys.platform == "win32" else ["-O3"]
    return Extension(name, [str(source.relative_to(ROOT))], depends=included, extra_compile_args=options)


class HowLong:
    """Says again and again how long something has taken, on the standard error output of the moment when it began."""

    def __init__(self, every: float) -> None:
        """`every`: seconds."""
        self._every = every
        self._is_over = threading.Event()
        self._speaker = threading.Thread(target=self._speak, daemon=True)

    def __enter__(self) -> None:
        self._output = os.dup(2)
        self._speaker.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._speaker.join()
        os.close(self._output)

    def _speak(self) -> None:
        started = time.monotonic()
        while not self._is_over.wait(self._every):
            os.write(self._output, f"… still compiling, after {time.monotonic() - started:.0f} s\n".encode())


class _Silent:
    """Captures what compilers print, and shows it only if they fail."""

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
