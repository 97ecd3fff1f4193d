"""docs/kinds/: the configuration and the outputs of every kind, a page for each provider."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from deployer.providers.registry import kind_names, kind_outputs, kind_rules, kind_schema, kind_text
from pages.tables import Schema, grid, table

HEAD = """\
# The kinds of `{provider}`

What stands under `config:` of a resource, in a spec's `resources:` and in a module's file; and what others may refer to with
`${{resource.NAME.OUTPUT}}`. Any value may be a reference. `deployer schema` knows all of it, so an editor does too.

A change of a field that is marked **replaces** makes a new object and removes the old one; **restarts** means an interruption; anything
else changes in place. Only fields that are **sensitive** take `${{secret:NAME}}`; they are never shown.
"""
RULES = ("immutable", "replaces"), ("restart", "restarts"), ("sensitive", "sensitive")


def pages() -> Iterator[tuple[str, str]]:
    """(file under kinds/, text)."""
    for provider, names in groupby(kind_names(), lambda name: name.partition(".")[0]):
        yield f"{provider}.md", HEAD.format(provider=provider) + "".join(_kind(name) for name in names)


def _kind(name: str) -> str:
    schema = kind_schema(name)
    text = kind_text(name)
    parts = [f"\n## {name}\n\n{text[0].upper()}{text[1:]} {schema.get('description', '')}\n", table(_with_rules(schema, name))]
    for field, inner in _fields_of_maps(schema):
        parts += [f"\n`{field}`: {inner.get('description', '')}\n", table(inner)]
    outputs = kind_outputs(name)
    sensitive = kind_rules(name).sensitive_outputs
    rows = [(f"`{output}`", text + (" *sensitive*" if output in sensitive else "")) for output, text in outputs.items()]
    return "".join([*parts, "\nOutputs:\n", grid(("output", ""), rows)])


def _with_rules(schema: Schema, name: str) -> Schema:
    """The schema with the kind's rules in the fields' descriptions."""
    rules = kind_rules(name)
    fields = {}
    for key, field in schema["properties"].items():
        marks = [f" *{word}*" for rule, word in RULES if key in getattr(rules, rule)]
        fields[key] = {**field, "description": field["description"] + "".join(marks)}
    return {**schema, "properties": fields}


def _fields_of_maps(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The fields that are maps with fields of their own."""
    for name, field in schema["properties"].items():
        for choice in (field, *field.get("anyOf", ())):
            if "$ref" in choice:
                yield name, schema["$defs"][choice["$ref"].rpartition("/")[2]]
