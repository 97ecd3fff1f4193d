"""docs/spec.md: what an environment file may say."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.spec.platform import PlatformModel
from pages.tables import Schema, table

HEAD = """\
# What an environment file may say

One file per environment, `environments/<name>.yaml`. Its first line points editors to the schema, which
`deployer schema --write` puts there:

```yaml
# yaml-language-server: $schema=../.deployer/schema.json
version: 1
extends: base.yaml
platform: demo
target: local
components:
  database: {module: sqlite}
  artifacts: {module: directory}
  tracking: {module: mlflow, port: 5000}
```

Every mistake in all files is reported at once, as `file:line:column: path: what is wrong (value ...); what is allowed; did you mean`.
"""

REFERENCES = """
## References

| written | means |
|---|---|
| `${component.output}` | an output of a component, e.g. `${tracking.url}` |
| `${resource.NAME.OUTPUT}`, `${resource.NAME[KEY].OUTPUT}` | an output of a resource of `resources:` (in a module: of that module) |
| `${each.key}`, `${each.value}`, `${each.value.x}` | the entry, inside a resource with `for_each` |
| `${platform.name}`, `${platform.environment}`, `${settings.bind}` | the platform's name, the environment's, a setting |
| `${env:NAME}` | an environment variable |
| `${secret:NAME}` | a secret of `secrets:`; only where a field is marked sensitive |
| `${input.x}`, `${module.path}` | in a module's file: an input, the module's folder |
| `$${` | a literal `${` |

Alone in a value a reference keeps its type; with other text it makes text. What is not known before something is made is
"known after apply" in the plan.

In the inputs of components and the configurations of resources a map of one of these forms makes a value:

| written | makes |
|---|---|
| `{$when: EXPRESSION, $value: X}` | X, or nothing at all (the key or the item is left out) |
| `{$template: NAME, values: {...}}` | the text `templates/NAME` (Jinja2) makes of the values |
| `{$file: PATH}` | the file's text; relative to the folder of the file that says so |

## Folders

`settings.root` is `.deployer/<environment>/root` and the state's folder `.deployer/<environment>/state` unless said otherwise, both in the
project's folder. The root holds everything made on this machine; a path in a resource is relative to it.

## Overlays

`extends: base.yaml` lays this file over another: maps merge, lists replace, `null` removes a key. A file may extend one that extends
another; a circle is refused with its whole path.
"""


SECTIONS = (
    ("settings", "SettingsModel", ""),
    ("secrets.NAME", "SecretModel", "Exactly one of them."),
    ("components.NAME", "ComponentModel", "Beside these stand the inputs of the module: [modules/](modules/README.md)."),
    ("resources.NAME", "ResourceModel", "The configurations of the kinds: [kinds/local.md](kinds/local.md)."),
    ("state", "StateModel", ""),
)


def pages() -> Iterator[tuple[str, str]]:
    """(file under docs/, text)."""
    schema = PlatformModel.model_json_schema()
    named: Schema = schema.get("$defs", {})
    parts = [HEAD, "\n## Keys\n", table(schema)]
    for title, model, more in SECTIONS:
        parts += [f"\n## {title}\n", table(named[model]), f"\n{more}\n" if more else ""]
    yield "spec.md", "".join([*parts, REFERENCES])
