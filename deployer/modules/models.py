"""Module files as pydantic models, and the models into definitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from deployer.core.values import Path as TreePath
from deployer.modules.definition import NAME, RESOURCE_NAME, Input, Output, ResourceDefinition, VerifyDefinition
from deployer.modules.inputs import Complaint, conform, show
from deployer.modules.references import meant, one_of, references
from deployer.modules.types import TypeName, parse_type

_NUMERIC = (TypeName.INTEGER, TypeName.NUMBER, TypeName.PORT, TypeName.SIZE, TypeName.DURATION, TypeName.ANY)
_PATTERNED = (TypeName.STRING, TypeName.PATH, TypeName.ANY)

_SAID = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "dict_type": "must be a map",
    "list_type": "must be a list",
    "model_type": "must be a map",
    "model_attributes_type": "must be a map",
}

Name = Annotated[str, StringConstraints(pattern=NAME)]
ResourceName = Annotated[str, StringConstraints(pattern=RESOURCE_NAME)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]+$")]


class Strict(BaseModel):
    """Nothing unknown, nothing converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class InputModel(Strict):
    type: str
    doc: str = ""
    default: Any = None
    required: bool = False
    sensitive: bool = False
    values: list[str | int | float | bool] = Field(default_factory=list)
    fields: dict[Identifier, InputModel] = Field(default_factory=dict)
    pattern: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None


class OutputModel(Strict):
    doc: str = ""
    env: Identifier | None = None
    sensitive: bool = False


class ModuleModel(Strict):
    component: Name
    module: Name
    summary: Line
    description: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    requires: dict[Name, str] = Field(default_factory=dict)
    inputs: dict[Identifier, InputModel] = Field(default_factory=dict)
    outputs: dict[Identifier, OutputModel] = Field(default_factory=dict)


class ResourceModel(Strict):
    kind: str
    config: dict[str, Any] = Field(default_factory=dict)
    when: str | None = None
    for_each: Any = None
    depends_on: list[str] = Field(default_factory=list)
    prevent_destroy: bool = False


class VerifyModel(Strict):
    python: str
    script: str
    environment: dict[str, Any] = Field(default_factory=dict)
    secret_environment: dict[str, Any] = Field(default_factory=dict)


class TargetModel(Strict):
    resources: dict[ResourceName, ResourceModel] = Field(default_factory=dict)
    outputs: dict[Identifier, Any] = Field(default_factory=dict)
    service: str | None = None
    verify: VerifyModel | None = None


def complaints_of(error: ValidationError, model: type[BaseModel]) -> Iterator[Complaint]:
    """What pydantic found, in the words of every other message."""
    for item in error.errors(include_url=False):
        path: TreePath = tuple(step for step in item["loc"] if step != "[key]")
        match item["type"]:
            case "extra_forbidden":
                known = _fields_at(model, path)
                yield Complaint(path, f"there is no key {path[-1]}", None, one_of(known), meant(str(path[-1]), known))
            case "missing":
                yield Complaint(path[:-1], f"the key {path[-1]} is missing")
            case "string_pattern_mismatch":
                yield Complaint(path, "does not have the form it must have", show(item["input"]), f"the form is {item['ctx']['pattern']}")
            case _:
                yield Complaint(path, _SAID.get(item["type"], item["msg"]), show(item["input"]))


def _fields_at(model: type[BaseModel], path: TreePath) -> list[str]:
    """The keys allowed beside the last step; the maps between models are told apart by the names above them."""
    nested: Mapping[str, type[BaseModel]] = {"inputs": InputModel, "fields": InputModel, "outputs": OutputModel, "resources": ResourceModel}
    owner: type[BaseModel] = model
    for step in path[:-1]:
        owner = VerifyModel if step == "verify" else nested.get(str(step), owner)
    return list(owner.model_fields)


def input_of(model: InputModel, path: TreePath, complain: Callable[[Complaint], None]) -> Input:
    """The declaration, its own mistakes complained about: a type that is none, a default it would refuse itself."""
    try:
        kind = parse_type(model.type)
    except ValueError as error:
        complain(Complaint((*path, "type"), str(error)))
        kind = parse_type(TypeName.ANY)
    for complaint in _contradictions(model, kind.innermost.name):
        complain(Complaint((*path, *complaint.path), complaint.what, complaint.value, complaint.allowed))
    fields = {name: input_of(item, (*path, "fields", name), complain) for name, item in model.fields.items()}
    bounds = (model.pattern, model.minimum, model.maximum)
    built = Input(kind, model.doc, model.default, model.required, model.sensitive, tuple(model.values), fields, *bounds)
    if model.default is not None and not any(references(model.default)):
        for complaint in conform(model.default, built)[1]:
            complain(
                Complaint((*path, "default", *complaint.path), complaint.what, complaint.value, complaint.allowed, complaint.suggestion)
            )
    return built


def _contradictions(model: InputModel, declared: TypeName) -> Iterator[Complaint]:
    if model.required and model.default is not None:
        yield Complaint(("required",), "a required input needs no default")
    if model.fields and declared is not TypeName.OBJECT:
        yield Complaint(("fields",), f"fields belong to an object, and this is {declared}")
    if model.pattern is not None and declared not in _PATTERNED:
        yield Complaint(("pattern",), f"a pattern belongs to text, and this is {declared}")
    if (model.minimum is not None or model.maximum is not None) and declared not in _NUMERIC:
        yield Complaint((), f"minimum and maximum belong to numbers, and this is {declared}")
    try:
        re.compile(model.pattern or "")
    except re.error as error:
        yield Complaint(("pattern",), f"is not a regular expression: {error}", show(model.pattern))
    for name, item in model.fields.items():
        if any(references(item.default)):
            yield Complaint(("fields", name, "default"), "the default of a field cannot hold a reference")


def output_of(model: OutputModel) -> Output:
    return Output(model.doc, model.env, model.sensitive)


def resource_of(name: str, model: ResourceModel) -> ResourceDefinition:
    return ResourceDefinition(name, model.kind, model.config, model.when, model.for_each, tuple(model.depends_on), model.prevent_destroy)


def verify_of(model: VerifyModel) -> VerifyDefinition:
    return VerifyDefinition(model.python, model.script, model.environment, model.secret_environment)
