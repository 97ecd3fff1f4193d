"""The story of `schema`: what editors know about environment files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from deployer.core.errors import StateError
from deployer.modules.schema import inputs_schema
from deployer.providers.registry import kind_names, kind_schema
from deployer.spec.schema import full_schema
from deployer.workflow.modules import library_of
from deployer.workflow.project import PRIVATE, project_of


def schema(folder: Path) -> dict[str, Any]:
    """The JSON Schema, with the inputs of every module the project can use and the configuration of every kind."""
    return full_schema(inputs_schema(library_of(folder).all()), {name: kind_schema(name) for name in kind_names()})


def write_schema(folder: Path) -> Path:
    """Puts it where the first line of the environments points; returns the file."""
    project = project_of(folder)
    file = project / PRIVATE / "schema.json"
    draft = file.with_name(f".schema-{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        draft.write_text(json.dumps(schema(project), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise StateError(f"{file} cannot be written", why=str(error.strerror), fix="make the project's folder writable") from None
    return file
