"""local.file: a text file with its mode; content that must not be shown goes in `sensitive_content`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from deployer.core.errors import ConfigError, Problem
from deployer.core.resource import Change, Live, Rules, Want
from deployer.core.values import Json, Sensitive, Unknown, Value
from deployer.providers.local.client import LIMIT, Found
from deployer.providers.local.kind import LocalKind, path_problem
from deployer.providers.parse import Config, refuse


def _path(value: str) -> str:
    if problem := path_problem(value):
        refuse(*problem)
    return value


def mode_of_a_file(value: str) -> str:
    """`600` and `0600` are the same; the owner must be able to read, or we could not look any more."""
    digits = value.removeprefix("0")
    if len(digits) != 3 or not set(digits) <= set("01234567") or digits[0] not in "4567":  # noqa: PLR2004 - a number that speaks for itself
        refuse("is not a mode a file can have", 'three octal digits in quotes, readable for the owner, like "0600" or "0644"')
    return f"0{digits}"


def _text(value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        refuse("holds half a character (a lone surrogate)", "text that can be written as UTF-8")
    if size > LIMIT:
        refuse(f"is {size} bytes long", f"a file's content may have {LIMIT} bytes")
    return value


Text = Annotated[str, AfterValidator(_text)]


class FileConfig(Config):
    """`path` is relative to the root; exactly one of the two contents is given."""

    path: Annotated[str, AfterValidator(_path), Field(description="Where it lies.")]
    content: Annotated[Text | None, Field(description="The whole text.")] = None
    sensitive_content: Annotated[Text | None, Field(description="The whole text, never shown.")] = None
    mode: Annotated[str, AfterValidator(mode_of_a_file), Field(description="Permissions, octal, in quotes.")] = "0600"


class FileKind(LocalKind):
    """A file, replaced whole and never followed through a symbolic link."""

    name = "local.file"
    model = FileConfig
    rules: ClassVar[Rules] = Rules(immutable=("path",), sensitive=("sensitive_content",))
    outputs: ClassVar[Mapping[str, str]] = {
        "path": "The absolute path.",
        "digest": "The content's SHA-256 in hexadecimal digits; not there for sensitive content.",
    }

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        parsed = self.checked(self.inner_path(config))
        if (parsed["content"] is None) == (parsed["sensitive_content"] is None):
            raise ConfigError([Problem("exactly one of content and sensitive_content must be given", "content")])
        if isinstance(parsed["content"], Sensitive):  # then it must not be shown, wherever it was written
            parsed["content"], parsed["sensitive_content"] = None, parsed["content"]
        return parsed

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:  # noqa: ARG002 - the signature is the contract's
        path = config["path"]
        return self.client.absolute(path) if isinstance(path, str) else None

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:
        match config["content"]:
            case None:
                return {"path": object_id}
            case Unknown() as later:
                return {"path": object_id, "digest": later}
            case text:
                return {"path": object_id, "digest": _digest(text.encode())}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        return {path: self._live(found) if found else None for path, found in self.client.look(ids)}

    def create(self, want: Want) -> Live:
        return self._write(want, adopt=False)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:  # noqa: ARG002 - the signature is the contract's
        return self._write(want, adopt=True)

    def delete(self, live: Live) -> None:
        self.client.refuse_foreign(self.client.look_at(live.id, 0), live.mark.address if live.mark else "", adopt=True)
        self.client.remove(live.id)

    def _write(self, want: Want, *, adopt: bool) -> Live:
        secret = want.config["sensitive_content"] is not None
        content = str(want.config["sensitive_content" if secret else "content"])
        # `opaque` on a file says that its content must not be shown, so that a read knows where to report it.
        self.client.write(want.id, content.encode(), int(str(want.config["mode"]), 8), self.marked(want, opaque=secret), adopt=adopt)
        return self.one(want.id)

    def _live(self, found: Found) -> Live:
        text, marked = _readable(found), found.marked
        shown = marked is not None and not marked.opaque  # what nobody marked may be a secret of somebody's
        config: dict[str, Json] = {
            "path": self.client.relative(found.path),
            "content": text if shown else None,
            "sensitive_content": None if shown else text,
            "mode": found.mode,
        }
        outputs: dict[str, Json] = {"path": found.path}
        if shown and found.data is not None:
            outputs["digest"] = _digest(found.data)
        return Live(found.path, config, outputs, found.token, self.mark_of(found))


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _readable(found: Found) -> str:
    """The content, or words in its place that equal no content anybody wants."""
    if found.data is None:
        return f"({found.note})"
    try:
        return found.data.decode()
    except UnicodeDecodeError:
        return f"(not text: {len(found.data)} bytes, sha256 {_digest(found.data)})"
