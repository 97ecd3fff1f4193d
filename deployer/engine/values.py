"""Resolves the references in a configuration with what is known now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.core.errors import ConfigError, GraphError, Problem
from deployer.core.protocols import Secrets
from deployer.core.resource import Rules
from deployer.core.values import Json, OutputRef, Seal, Sensitive, Template, Unknown, Value, leaves, matches, replace_leaves, show_path

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Known:
    """The outputs of one resource so far. Names missing from an incomplete one are known after apply."""

    outputs: Mapping[str, Value]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Resolver:
    """Everything a template may need: outputs by address, secrets by name, and the seal for what must not be shown."""

    known: Mapping[str, Known]
    secrets: Secrets
    seal: Seal

    def tree(self, value: Value) -> Value:
        """The tree with every `Template` turned into JSON, `Sensitive` or `Unknown`."""
        return replace_leaves(value, lambda leaf: self.template(leaf) if isinstance(leaf, Template) else leaf)

    def template(self, template: Template) -> Value:
        if len(template.parts) == 1:
            return self._whole(template)
        values = [self._part(part) for part in template.parts]
        if any(unknown(value) for value in values):
            return Unknown(template)
        text = "".join(_text(value) for value in values)
        hidden = any(isinstance(value, Sensitive) for value in values)
        return Sensitive(self.seal(text), text, template) if hidden else text

    def _whole(self, template: Template) -> Value:
        value = self._part(template.parts[0])
        if isinstance(value, Sensitive):
            return Sensitive(value.digest, value.value, template)
        return Unknown(template) if isinstance(value, Unknown) else value

    def _part(self, part: str | OutputRef | object) -> Value:
        if isinstance(part, str):
            return part
        if isinstance(part, OutputRef):
            return self.output(part)
        text = self.secrets(part.name)  # type: ignore[attr-defined]
        return Sensitive(self.seal(text), text)

    def output(self, ref: OutputRef) -> Value:
        """The value a reference stands for. Raises `GraphError` when the resource is there and has no such output."""
        known = self.known.get(ref.address, Known({}))
        value: Value = known.outputs
        for key in ref.output.split("."):
            if isinstance(value, Sensitive) and isinstance(value.value, dict | list):
                value = _step(value.value, key)
                value = value if value is _NOTHING else Sensitive(self.seal(value), value)
            elif isinstance(value, Unknown):
                return value
            else:
                value = _step(value, key)
            if value is _NOTHING and not known.complete:
                return Unknown(Template((ref,)))
            if value is _NOTHING:
                has = ", ".join(sorted(known.outputs)) or "none"
                raise GraphError(f"{ref.address} has no output {ref.output}", why=f"its outputs are: {has}")
        return value


def _step(value: Value, key: str) -> Value:
    """What is there at the key, which may be null, or `_NOTHING`."""
    if isinstance(value, Mapping):
        return value.get(key, _NOTHING)
    if isinstance(value, list) and key.isdigit() and int(key) < len(value):
        return value[int(key)]
    return _NOTHING


def _text(value: Value) -> str:
    inner = value.value if isinstance(value, Sensitive) else value
    if isinstance(inner, bool):
        return "true" if inner else "false"
    return "" if inner is None else str(inner)


def unknown(value: Value) -> bool:
    """Whether anything in the tree is known after apply."""
    return isinstance(value, Unknown) or (isinstance(value, dict | list) and any(isinstance(leaf, Unknown) for _, leaf in leaves(value)))


def hide(config: Mapping[str, Value], rules: Rules, seal: Seal) -> dict[str, Value]:
    """A parsed want with every leaf its kind calls sensitive sealed, literals too."""
    if not rules.sensitive:
        return dict(config)

    def walk(value: Value, path: tuple[str | int, ...]) -> Value:
        if isinstance(value, Mapping):
            return {key: walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, index)) for index, item in enumerate(value)]
        covered = value is not None and any(matches(pattern, path) for pattern in rules.sensitive)
        if not covered or isinstance(value, Sensitive | Unknown):
            return value
        if not isinstance(value, str):
            raise ConfigError([Problem("a sensitive field holds text", path=show_path(path), allowed="put the value in quotes")])
        return Sensitive(seal(value), value, Template((value,)))

    return {key: walk(item, (key,)) for key, item in config.items()}


def outputs_of(outputs: Mapping[str, Json], rules: Rules, seal: Seal) -> Mapping[str, Value]:
    """Live outputs with the sensitive ones sealed."""
    if not rules.sensitive_outputs:
        return outputs
    return {name: Sensitive(seal(value), value) if name in rules.sensitive_outputs else value for name, value in outputs.items()}


def shown_outputs(outputs: Mapping[str, Json], rules: Rules) -> dict[str, Json]:
    """The outputs a state may keep."""
    return {name: value for name, value in outputs.items() if name not in rules.sensitive_outputs}
