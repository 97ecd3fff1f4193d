"""The shape of a spec's top level, as strict pydantic models. Components' inputs are the modules' to check."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from deployer.spec.spec import Target

NAME = r"^[a-z][a-z0-9-]{0,39}$"
COMPONENT = r"^[a-z][a-z0-9_-]{0,39}$"
MODULE = r"^[a-z0-9][a-z0-9_-]{0,62}$"
RESOURCE = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$"
KIND = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"
SOURCE = r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
ADDRESS = r"^[a-z][a-z0-9_-]*/[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*/[A-Za-z0-9_][A-Za-z0-9_-]*(\[[^\[\]]+\])?$"
# What a pattern allows, in words.
PATTERNS = {
    NAME: "1 to 40 lower-case letters, digits and dashes, a letter first",
    COMPONENT: "1 to 40 lower-case letters, digits, dashes and underscores, a letter first",
    MODULE: "the name of a module: lower-case letters, digits, dashes and underscores",
    RESOURCE: "1 to 63 letters, digits, dashes and underscores",
    KIND: "a kind, provider.noun, e.g. local.file",
    SOURCE: "1 to 63 letters, digits, dashes and underscores, no digit first",
    VARIABLE: "the name of an environment variable",
    ADDRESS: "an address, component/kind/name, e.g. tracking/local.process/server",
}
# Words that begin references of other sorts, so that `${word.output}` could not name a component.
RESERVED = frozenset({"each", "env", "input", "module", "platform", "resource", "resources", "secret", "settings"})


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise PydanticCustomError("spec", "", {"what": "is a reserved word", "allowed": f"any name but {', '.join(sorted(RESERVED))}"})
    return name


def _each(value: Any) -> Any:  # noqa: ANN401 - outside data
    if value is not None and not isinstance(value, dict | list) and not (isinstance(value, str) and "${" in value):
        raise PydanticCustomError("spec", "", {"what": "cannot be iterated", "allowed": "a map, a list, or a reference to one"})
    return value


def _map(value: Any) -> Any:  # noqa: ANN401 - outside data
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "")
    return value


def _when(value: Any) -> Any:  # noqa: ANN401 - outside data
    if not isinstance(value, bool | str | None) or value == "":
        raise PydanticCustomError("spec", "", {"what": "must be a condition", "allowed": "true, false, or an expression as text"})
    return value


def _pattern(pattern: str) -> StringConstraints:
    return StringConstraints(pattern=pattern)


ComponentName = Annotated[str, _pattern(COMPONENT), AfterValidator(_not_reserved)]
KnownComponent = Annotated[str, _pattern(COMPONENT)]
ResourceName = Annotated[str, _pattern(RESOURCE)]
Address = Annotated[str, _pattern(ADDRESS)]
# Checked without being copied: ten thousand of them pass here.
Config = Annotated[Any, BeforeValidator(_map), WithJsonSchema({"type": "object"})]
Each = Annotated[Any, BeforeValidator(_each), WithJsonSchema({"type": ["object", "array", "string"]})]
When = Annotated[Any, BeforeValidator(_when), WithJsonSchema({"type": ["boolean", "string"]})]
Text = Annotated[str, StringConstraints(min_length=1)]


class Strict(BaseModel):
    """No conversions, no unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid")


class SettingsModel(Strict):
    root: Annotated[Text | None, Field(description="Folder of the environment's files, relative to the project.")] = None
    python: Annotated[Text | None, Field(description="Interpreter to build Python environments with.")] = None
    bind: Annotated[Text, Field(description="Address services listen on.")] = "127.0.0.1"
    ready_timeout: Annotated[int, Field(ge=1, le=86_400, description="Seconds to wait for an object to work.")] = 300


class SecretModel(Strict):
    env: Annotated[str | None, _pattern(VARIABLE), Field(description="Environment variable that holds the secret.")] = None
    file: Annotated[Text | None, Field(description="File that holds the secret, relative to this spec file.")] = None
    command: Annotated[list[str] | None, Field(min_length=1, description="Program and arguments that print the secret.")] = None


class ComponentModel(Strict):
    model_config = ConfigDict(strict=True, extra="allow")

    module: Annotated[str, _pattern(MODULE), Field(description="The module that realises this component.")]
    depends_on: Annotated[list[KnownComponent], Field(description="Components to make first.")] = []
    prevent_destroy: Annotated[bool, Field(description="Refuse plans that destroy this component's resources.")] = False


class ResourceModel(Strict):
    kind: Annotated[str, _pattern(KIND), Field(description="The type of the resource.")]
    config: Annotated[Config, Field(description="Its configuration, as its kind defines it.")] = {}
    for_each: Annotated[Each, Field(description="One resource for each entry; see each.key and each.value.")] = None
    depends_on: Annotated[list[Text], Field(description="Resources to make first.")] = []
    when: Annotated[When, Field(description="Leave the resource out unless this holds.")] = None
    prevent_destroy: Annotated[bool, Field(description="Refuse plans that destroy this resource.")] = False


class StateModel(Strict):
    backend: Annotated[Literal["local"], Field(description="Where the state is kept.")] = "local"
    path: Annotated[Text | None, Field(description="Folder of the local backend, relative to the project.")] = None


class PlatformModel(Strict):
    """One environment of one platform."""

    version: Annotated[Literal[1], Field(description="Version of the spec's format.")]
    extends: Annotated[Text | None, Field(description="File this one is laid over, relative to this file.")] = None
    platform: Annotated[str, _pattern(NAME), Field(description="Name of the platform, part of every id and mark.")]
    target: Annotated[Target, Field(strict=False, description="Where the platform runs.")]
    settings: Annotated[SettingsModel, Field(description="What holds for the whole environment.")] = SettingsModel()
    secrets: Annotated[dict[Annotated[str, _pattern(SOURCE)], SecretModel], Field(description="Sources for ${secret:NAME}.")] = {}
    components: Annotated[dict[ComponentName, ComponentModel], Field(description="What the platform consists of.")] = {}
    resources: Annotated[dict[ResourceName, ResourceModel], Field(description="Plain resources of any kind.")] = {}
    modules: Annotated[list[Text], Field(description="Folders of your own modules, relative to this file.")] = []
    state: Annotated[StateModel, Field(description="Where the state is kept.")] = StateModel()
    moved: Annotated[dict[Address, Address], Field(description="Old address -> new address of what was renamed.")] = {}


def known_keys(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys a map at `path` may have; () when any key may stand there."""
    match path:
        case ():
            return tuple(PlatformModel.model_fields)
        case ("settings",):
            return tuple(SettingsModel.model_fields)
        case ("state",):
            return tuple(StateModel.model_fields)
        case ("secrets", _):
            return tuple(SecretModel.model_fields)
        case ("resources", _):
            return tuple(ResourceModel.model_fields)
    return ()


def without(data: dict[str, Any], error: ValidationError) -> PlatformModel | None:
    """The data's model with every mistaken value left out; None when a component, a resource or the whole cannot be without it."""
    rest = copy.deepcopy(data)
    for detail in error.errors(include_url=False):
        *above, last = detail["loc"]
        inner: Any = rest
        for step in above:
            inner = inner.get(step) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or last not in inner:
            return None
        del inner[last]
    try:
        return PlatformModel.model_validate(rest)
    except ValidationError:
        return None
