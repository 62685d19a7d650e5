"""Compiles the text of `.proto` files from a registry to descriptors. protoc runs in its own process, because its input is foreign."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from etapa.registry.confluent import NEEDED, Registered
from etapa.registry.refusal import SchemaRefused

LONGEST: Final = 20.0
"""Seconds that protoc may take."""
_MAIN: Final = "etapa-record.proto"


def compiled(registered: Registered) -> tuple[str, list[FileDescriptorProto]]:
    """The name of the schema's own file, and all files, each after those that it imports. Raises `SchemaRefused`."""
    with tempfile.TemporaryDirectory(prefix="etapa-proto-") as folder:
        root = Path(folder)
        for name, text in ((_MAIN, registered.text), *registered.references):
            place = root / _harmless(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        output = root / ".descriptors"
        command = [sys.executable, "-I", "-m", "grpc_tools.protoc", f"-I{root}", f"-I{_well_known()}", "--include_imports"]
        try:
            done = subprocess.run(
                [*command, f"--descriptor_set_out={output}", _MAIN], cwd=root, capture_output=True, text=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            raise SchemaRefused(f"protoc takes more than {LONGEST:.0f} s for it") from None
        if done.returncode != 0:
            raise SchemaRefused(f"protoc says: {_first_lines(done.stderr)}")
        found = FileDescriptorSet.FromString(output.read_bytes())
    return _MAIN, list(found.file)


def _harmless(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not re.fullmatch(r"[\w./@+-]{1,500}", name) or name.startswith("google/protobuf/"):
        raise SchemaRefused(f"it refers to a schema by the name {name!r}, which cannot be a file name")
    return name


def _well_known() -> Path:
    """The folder of the files that come with protoc."""
    try:
        import grpc_tools
    except ImportError:
        raise SchemaRefused(NEEDED) from None
    return Path(grpc_tools.__path__[0]) / "_proto"


def _first_lines(text: str) -> str:
    return " ".join(text.replace(_MAIN, "the schema").split())[:250]
