"""local.sqlite: a database file; its schema is made beside it, and upgraded in place after a backup."""

# ruff: noqa: PTH103, PTH108, PTH113, PTH118, PTH119, PTH122
# Ids are path strings; pathlib has no descriptors to keep symbolic links out, and costs time in bulk reads.

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, Field

from deployer.core.errors import Problem, ProviderError
from deployer.core.resource import Change, Live, Rules, Want
from deployer.core.values import Json, Value
from deployer.providers.local import database, marks
from deployer.providers.local.client import FOLDER_MODE, Found, explaining
from deployer.providers.local.file import mode_of_a_file
from deployer.providers.local.kind import LocalKind, path_problem, size_text
from deployer.providers.parse import Config, refuse

BACKUPS = "backups"
PLACE = "{path}"  # stands for the file being built in the command and its environment
HALF_MADE = "(half made)"


def _path(value: str) -> str:
    if problem := path_problem(value):
        refuse(*problem)
    if value.endswith((database.NEW, *database.SIDES)) or "?" in value or "#" in value:
        refuse("is a name a database cannot have", f"not ending in {database.NEW}, {', '.join(database.SIDES)}, and without ? and #")
    return value


def _command(value: list[str]) -> list[str]:
    if not value or not value[0]:
        refuse("names no program", 'a program and its arguments, like ["/usr/bin/sqlite3", "{path}", ".read schema.sql"]')
    return value


class SchemaConfig(Config):
    """What makes the tables. `{path}` in an argument or an environment value is the file being built."""

    version: Annotated[str, Field(description="Another version runs the command again, on the database itself, after a backup.")]
    command: Annotated[list[str], AfterValidator(_command), Field(description="Program and arguments.")]
    environment: Annotated[dict[str, str], Field(description="Variables it runs with.")] = Field(default_factory=dict)


class SqliteConfig(Config):
    """`path` is relative to the root."""

    path: Annotated[str, AfterValidator(_path), Field(description="Where it lies.")]
    mode: Annotated[str, AfterValidator(mode_of_a_file), Field(description="Permissions, octal, in quotes.")] = "0600"
    schema_: Annotated[SchemaConfig | None, Field(description="What makes its tables; without it, it is empty.")] = Field(
        default=None, alias="schema"
    )


class SqliteKind(LocalKind):
    """A database. The schema's version is kept on the file itself, in a second attribute beside the mark."""

    name = "local.sqlite"
    model = SqliteConfig
    # How the schema is made cannot be read back; only its version is a change.
    rules: ClassVar[Rules] = Rules(immutable=("path",), computed=("schema.command", "schema.environment"))
    outputs: ClassVar[Mapping[str, str]] = {"path": "The absolute path.", "uri": "As SQLAlchemy writes it: `sqlite:////...`."}

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        return self.checked(self.inner_path(config))

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:  # noqa: ARG002 - the path says it all
        path = config["path"]
        return self.client.absolute(path) if isinstance(path, str) else None

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:  # noqa: ARG002 - the id says it all
        return {"path": object_id, "uri": _uri(object_id)}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        there = dict(self.client.look(ids, 0))
        half = dict(self.client.look([path + database.NEW for path, found in there.items() if found is None], 0))
        lives: dict[str, Live | None] = {path: self._live(path, found) if found else None for path, found in there.items()}
        for new, found in half.items():
            # A crash left it while it was built: ours, so that the next plan finishes it or takes it away.
            if found and self.client.mark.owns(self.mark_of(found)):
                lives[new.removesuffix(database.NEW)] = self._live(new.removesuffix(database.NEW), found, half=True)
        return lives

    def create(self, want: Want) -> Live:
        parent, name = os.path.split(want.id)
        with explaining("make the database", want.id), database.alone(self.client, want.id) as lock:
            self.client.refuse_foreign(self.client.look_at(want.id, 0), want.address)
            if self.client.look_at(want.id, 0) is None:
                self._build(want, lock)
            with self.client.locked(parent) as folder:
                self.client.refuse_foreign(self.client.look_at(want.id, 0), want.address)
                if self.client.look_at(want.id, 0) is None:
                    os.rename(name + database.NEW, name, src_dir_fd=folder, dst_dir_fd=folder)
                    os.fsync(folder)
        return self.one(want.id)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:  # noqa: ARG002 - each part is looked at anew
        found = self.client.look_at(want.id, 0)
        if found is None:
            return self.create(want)
        self.client.refuse_foreign(found, want.address, adopt=True)
        schema = _schema(want)
        if schema and schema["version"] != _version(want.id):
            with database.alone(self.client, want.id) as lock:
                backup = self._backup(want.id)
                self._run(want, want.id, lock, f"; the database as it was is in {backup}")
        with explaining("mark", want.id):
            self._stamp(want, want.id)
        return self.one(want.id)

    def delete(self, live: Live) -> None:
        self.client.refuse_foreign(self.client.look_at(live.id, 0), "", adopt=True)
        for side in (*(database.NEW + side for side in ("", *database.SIDES)), *database.SIDES):  # the database itself is the last to go
            with explaining("remove", live.id + side), suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(live.id + side)
        database.forget_lock(live.id)
        self.client.remove(live.id)

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        """Also: twice the space of a database whose schema will change, for its backup."""
        problems = list(super().check(wants))
        for want, live in wants:
            schema = _schema(want)
            if live and schema and schema["version"] != _version(live.id):
                problems += database.backup_space(live.id, want.address)
        return problems

    # Glue.

    def _build(self, want: Want, lock: int) -> None:
        """Beside the place, marked from the first byte on."""
        new = want.id + database.NEW
        database.clear(new)
        self.client.write(new, b"", 0o600, self.marked(want))
        if _schema(want):
            self._run(want, new, lock, "; nothing was kept of it")
        database.settle(new)
        self._stamp(want, new)

    def _run(self, want: Want, path: str, lock: int, left: str) -> None:
        schema = _schema(want)
        command = [str(item).replace(PLACE, path) for item in schema["command"]]
        environment = {key: str(item).replace(PLACE, path) for key, item in schema["environment"].items()}
        error = database.run(command, environment, path, lock)
        if error:
            how, _, lines = error.partition("\n")
            fix = "mend the cause (the lines above are the command's own) and run apply again"
            raise ProviderError(f"the schema of {want.id} was not made", why=f"{how}{left}\n{lines}".rstrip(), fix=fix)
        if not os.path.isfile(path):
            raise ProviderError(f"the schema command made no database at {path}", fix=f"use {PLACE} where it takes its path")

    def _stamp(self, want: Want, path: str) -> None:
        schema = _schema(want)
        opened = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            marks.put(opened, self.marked(want))
            if schema:
                os.setxattr(opened, database.SCHEMA, str(schema["version"]).encode())
            elif marks.raw(opened, database.SCHEMA):
                os.removexattr(opened, database.SCHEMA)
            os.fchmod(opened, int(str(want.config["mode"]), 8))
            os.fsync(opened)
        finally:
            os.close(opened)

    def _backup(self, path: str) -> str:
        folder = self.client.absolute(BACKUPS)
        with explaining("make the folder", folder):
            os.makedirs(folder, FOLDER_MODE, exist_ok=True)
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = os.path.splitext(os.path.basename(path))[0]
        target = os.path.join(folder, f"{name}-{quote(_version(path) or 'unknown', safe='')[:80]}-{when}.db")
        database.backup(path, target)
        return target

    def _live(self, path: str, found: Found, *, half: bool = False) -> Live:
        version = HALF_MADE if half else _version(found.path)
        config: dict[str, Json] = {
            "path": self.client.relative(path),
            "mode": found.mode if not found.note.startswith("a ") else f"({found.note})",
            "schema": {"version": version, "command": [], "environment": {}} if version else None,
        }
        data = None if half else f"database {path} ({size_text(database.size(path))})"
        outputs: dict[str, Json] = {"path": path, "uri": _uri(path)}
        return Live(path, config, outputs, f"{found.identity}-{quote(version)}", self.mark_of(found), data)


def _schema(want: Want) -> Mapping[str, Any]:
    """The schema part of the configuration, empty when there is none (or nothing is known of it yet)."""
    schema = want.config["schema"]
    return schema if isinstance(schema, dict) else {}


def _version(path: str) -> str:
    return marks.raw(path, database.SCHEMA).decode(errors="replace")


def _uri(path: str) -> str:
    return f"sqlite:///{path}"
