"""What module.yaml and a target's resource file say, as frozen values. pydantic checks them where they enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from deployer.core.errors import Origin
from deployer.core.values import Path as TreePath
from deployer.core.values import Value
from deployer.modules.types import InputType

Locate: TypeAlias = Callable[[TreePath], Origin]
"""Where a path of a file's tree stands; the nearest thing above it when the path itself does not exist."""

MODULE_FILE = "module.yaml"
NAME = r"^[a-z][a-z0-9_-]{0,62}$"  # of a component or module
RESOURCE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
# Names with a meaning of their own in references, so that no component can have them.
RESERVED = ("input", "each", "resource", "resources", "platform", "settings", "module", "env", "secret")


@dataclass(frozen=True, slots=True)
class Input:
    """One input, or one field of an object. `values`, `pattern`, `minimum` and `maximum` bind the innermost type."""

    type: InputType
    doc: str = ""
    default: Value = None
    required: bool = False
    sensitive: bool = False
    values: tuple[Value, ...] = ()
    fields: Mapping[str, Input] = field(default_factory=dict)
    pattern: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One output. `env` is the variable `deployer output --format env` prints it as."""

    doc: str = ""
    env: str | None = None
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """One module.yaml. `targets` are the names of the targets it has a resource file for; `origin` is the file's."""

    component: str
    name: str
    summary: str
    folder: Path
    locate: Locate = field(repr=False, compare=False)
    description: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    requires: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    targets: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.component}/{self.name}"


@dataclass(frozen=True, slots=True)
class ResourceDefinition:
    """One resource as a file says it, nothing evaluated."""

    name: str
    kind: str
    config: Mapping[str, Value]
    when: str | None = None
    for_each: Value = None
    depends_on: tuple[str, ...] = ()
    prevent_destroy: bool = False


@dataclass(frozen=True, slots=True)
class VerifyDefinition:
    """How `deployer verify` uses the component, nothing evaluated."""

    python: Value
    script: str
    environment: Mapping[str, Value] = field(default_factory=dict)
    secret_environment: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """One target's resource file."""

    resources: Mapping[str, ResourceDefinition]
    outputs: Mapping[str, Value]
    locate: Locate = field(repr=False, compare=False)
    service: str | None = None
    verify: VerifyDefinition | None = None
