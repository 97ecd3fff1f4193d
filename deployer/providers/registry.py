"""Which providers and kinds there are, and how to open one. A new provider is one line; nothing heavy is imported to ask."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from deployer.core.errors import UsageError
from deployer.core.protocols import Provider
from deployer.core.resource import Mark, Rules

# Name -> package. Each package has KINDS (name -> "module:Class") and open_provider(options).
PROVIDERS: Mapping[str, str] = {
    "local": "deployer.providers.local",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a provider needs to know about the environment it works for."""

    root: Path  # everything of the environment lies below it
    mark: Mark  # platform and environment; the address is empty
    cache: Path  # shared by all environments of the machine
    python: str | None = None  # the interpreter for environments; None: the running one's version
    bind: str = "127.0.0.1"


class _Model(Protocol):
    def model_json_schema(self) -> dict[str, Any]: ...


class _Class(Protocol):
    """What a kind's class says without being opened."""

    rules: Rules
    outputs: Mapping[str, str]
    model: _Model


class _Package(Protocol):
    KINDS: Mapping[str, str]

    def open_provider(self, options: Options) -> Provider: ...


def provider_names() -> tuple[str, ...]:
    return tuple(sorted(PROVIDERS))


def kind_names() -> tuple[str, ...]:
    """Every kind of every provider, sorted."""
    return tuple(sorted(kind for provider in PROVIDERS for kind in _package(provider).KINDS))


def kind_rules(kind: str) -> Rules:
    """The kind's field rules, its outputs named. Raises `UsageError` for a kind nobody has; imports that kind's file only."""
    found = _kind(kind)
    return replace(found.rules, outputs=tuple(found.outputs))


def kind_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of the kind's configuration, from its own model; references are not in it."""
    return _kind(kind).model.model_json_schema()


def kind_outputs(kind: str) -> Mapping[str, str]:
    """What others may refer to, each with what it is."""
    return _kind(kind).outputs


def kind_text(kind: str) -> str:
    """What the kind is, in a sentence or two."""
    text = sys.modules[_kind(kind).__module__].__doc__ or ""
    return text.partition(": ")[2].strip()


def _kind(kind: str) -> _Class:
    place = next((places[kind] for places in (_package(name).KINDS for name in PROVIDERS) if kind in places), None)
    if place is None:
        raise UsageError(f"there is no kind {kind}", fix=_meant(kind, kind_names()))
    module, _, name = place.partition(":")
    return cast("_Class", getattr(import_module(module), name))


def open_provider(name: str, options: Options) -> Provider:
    """The provider, ready to work. Raises `UsageError` for a name that has none."""
    if name not in PROVIDERS:
        raise UsageError(f"the target {name} has no provider in this version of deployer", fix=_meant(name, provider_names()))
    return _package(name).open_provider(options)


def _package(name: str) -> _Package:
    return cast("_Package", import_module(PROVIDERS[name]))


def _meant(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"use one of {', '.join(known)}" + (f"; did you mean {close[0]}?" if close else "")
