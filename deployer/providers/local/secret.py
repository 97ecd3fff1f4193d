"""local.secret: a random value, made once and kept; it leaves through a sensitive output only."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field

from deployer.core.resource import Change, Live, Rules, Want
from deployer.core.values import Json, Value
from deployer.providers.local.client import Found
from deployer.providers.local.kind import LATER, LocalKind, path_problem
from deployer.providers.parse import Config, refuse

# From the narrowest to the widest: a value belongs to the first that holds all its characters.
ALPHABETS: Mapping[str, str] = {
    "digits": string.digits,
    "hex": string.digits + "abcdef",
    "alphanumeric": string.digits + string.ascii_letters,
    "urlsafe": string.digits + string.ascii_letters + "-_",
}
OTHER = "other"  # what somebody else wrote there


def _path(value: str) -> str:
    if problem := path_problem(value):
        refuse(*problem)
    return value


class SecretConfig(Config):
    """`path` defaults to secrets/<component>/<name>; `length` counts characters."""

    path: Annotated[Annotated[str, AfterValidator(_path)] | None, Field(description="Where it lies, relative to the root.")] = None
    length: Annotated[int, Ge(16), Le(4096), Field(description="How many characters.")] = 32
    alphabet: Annotated[Literal["digits", "hex", "alphanumeric", "urlsafe"], Field(description="Which characters.")] = "alphanumeric"
    mode: Annotated[Literal["0600"], Field(description="Permissions.")] = (
        "0600"  # never another; here so that a plan sees when it was loosened
    )


class SecretKind(LocalKind):
    """A file that holds nothing but the value. Length and alphabet are read off the value, so nothing else can be lost."""

    name = "local.secret"
    model = SecretConfig
    # The path is in the id already, and its default is not in the configuration.
    rules: ClassVar[Rules] = Rules(immutable=("length", "alphabet"), computed=("path",), sensitive_outputs=("value",))
    outputs: ClassVar[Mapping[str, str]] = {"path": "The absolute path.", "value": "The value itself."}

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        return self.checked(self.inner_path(config))

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:
        match config["path"]:
            case None:
                return self.default_path("secrets", address)
            case str() as path:
                return self.client.absolute(path)
            case _:
                return None

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:  # noqa: ARG002 - the value is random
        return {"path": object_id, "value": LATER}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        return {path: self._live(found) if found else None for path, found in self.client.look(ids)}

    def create(self, want: Want) -> Live:
        """Keeps the value when the file is ours already: a crash must not change it."""
        found = self.client.look_at(want.id)
        self.client.refuse_foreign(found, want.address)
        if found is None:
            value = generate(str(want.config["alphabet"]), int(str(want.config["length"])))
            self.client.write(want.id, value.encode(), 0o600, self.marked(want))
        return self.one(want.id)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:  # noqa: ARG002 - only mode and mark can change
        """Restores mode and mark; the value stays."""
        self.client.write(want.id, str(live.outputs["value"]).encode(), 0o600, self.marked(want), adopt=True)
        return self.one(want.id)

    def delete(self, live: Live) -> None:
        self.client.refuse_foreign(self.client.look_at(live.id, 0), "", adopt=True)
        self.client.remove(live.id)

    def _live(self, found: Found) -> Live:
        value = _value(found)
        config: dict[str, Json] = {
            "path": self.client.relative(found.path),
            "length": len(value),
            "alphabet": classify(value),
            "mode": found.mode,
        }
        return Live(found.path, config, {"path": found.path, "value": value}, found.token, self.mark_of(found))


def generate(alphabet: str, length: int) -> str:
    """A value of exactly this alphabet: one that happens to fit a narrower one is thrown away (see `classify`)."""
    while True:
        value = "".join(secrets.choice(ALPHABETS[alphabet]) for _ in range(length))
        if classify(value) == alphabet:
            return value


def classify(value: str) -> str:
    """The narrowest alphabet that holds all characters of the value, or "other"."""
    return next((name for name, allowed in ALPHABETS.items() if value and set(value) <= set(allowed)), OTHER)


def _value(found: Found) -> str:
    """What the file holds, without the line end an editor adds; "" for what is no secret of ours."""
    try:
        return (found.data or b"").decode().rstrip("\n")
    except UnicodeDecodeError:
        return ""
