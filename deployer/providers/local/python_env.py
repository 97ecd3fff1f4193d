"""local.python_env: an environment of pinned, hashed packages for one service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints

from deployer.core.errors import Problem
from deployer.core.protocols import Readiness
from deployer.core.resource import Change, Failed, Live, Ready, Rules, Want
from deployer.core.values import Json, Value
from deployer.providers.local import marks, uv
from deployer.providers.local.client import Found, explaining, half
from deployer.providers.local.kind import LocalKind, standing
from deployer.providers.parse import Config, refuse

HASH = "--hash=sha256:"


def _hashed(lock: str) -> str:
    if "==" in lock and HASH not in lock:
        refuse("has packages without hashes", "make it with `uv pip compile --generate-hashes`")
    return lock


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]


class PythonEnvConfig(Config):
    """It lies in `envs/`, named by `name` and a digest of the rest."""

    lock: Annotated[str, AfterValidator(_hashed), Field(description="The pinned, hashed requirements: the lock file's text.")]
    name: Annotated[Name, Field(description="What its folder's name begins with.")]
    python: Annotated[str | None, Field(description="Interpreter or version; without it the one deployer runs on.")] = None
    intact: Annotated[Literal[True], Field(description="Whether nothing of it is missing.")] = (
        True  # never anything else; here so that a plan sees what was damaged
    )


class PythonEnvKind(LocalKind):
    """Named by its content, so a change is always a new one made before the old one goes."""

    name = "local.python_env"
    model = PythonEnvConfig
    rules: ClassVar[Rules] = Rules(create_first=True)
    outputs: ClassVar[Mapping[str, str]] = {"path": "The folder.", "bin": "Its `bin`.", "python": "Its interpreter."}

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        return self.checked(config)

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:  # noqa: ARG002 - the configuration says it all
        if not _known(config):
            return None
        return self.client.absolute(f"envs/{config['name']}-{self._recipe(config).digest[:12]}")

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:  # noqa: ARG002 - all lies below the id
        return {"path": object_id, "bin": f"{object_id}/bin", "python": f"{object_id}/bin/python"}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        return {path: self._live(found) if found else None for path, found in self.client.look(ids, 0)}

    def create(self, want: Want) -> Live:
        """Links a finished copy into place; what a crash left unfinished there is replaced."""
        self.client.refuse_foreign(self.client.look_at(want.id, 0), want.address)
        if not uv.complete(want.id):
            self._place(want, uv.template(self.client.options.cache, self._recipe(want.config)))
        with explaining("mark", want.id):
            marks.put(want.id, self.marked(want, opaque=True))
        return self.one(want.id)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:
        """Only a damaged environment or a lost mark comes here: the name follows from the content."""
        with explaining("mark", live.id):
            if changes:
                Path(live.id, uv.NOTE).unlink(missing_ok=True)
            marks.put(live.id, self.marked(want, opaque=True))
        return self.create(want)

    def delete(self, live: Live) -> None:
        self.client.refuse_foreign(self.client.look_at(live.id, 0), "", adopt=True)
        with explaining("remove", live.id):
            Path(live.id, uv.NOTE).unlink(missing_ok=True)  # first: what is half removed is not complete
            with suppress(FileNotFoundError):
                shutil.rmtree(live.id)
        self.client.prune(str(Path(live.id).parent))

    def ready(self, live: Live) -> Readiness:
        return Ready() if uv.complete(live.id) else Failed("the environment is not complete", "run apply again: it is built anew")

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        problems = list(super().check(wants))
        for want, _ in wants:
            if _known(want.config):
                problems += self._lacking(want.address, self._recipe(want.config))
        return problems

    def _lacking(self, address: str, recipe: uv.Recipe) -> Iterator[Problem]:
        if uv.interpreter(recipe.python) is None:
            yield Problem(f"there is no Python {recipe.python} on this machine", address, allowed=uv.missing_fix(recipe.python))
        needed = recipe.packages * uv.MEGABYTES_PER_PACKAGE
        for folder in (str(self.client.options.cache), self.client.root):
            free = shutil.disk_usage(standing(folder)).free >> 20
            if free < needed:
                what = f"{recipe.packages} packages need about {needed} MB, and {folder} has {free} MB left"
                yield Problem(what, address, allowed="free some space, or choose another settings.root")
                return

    def _recipe(self, config: Mapping[str, Value]) -> uv.Recipe:
        return uv.Recipe(config["lock"], config["python"] or self.client.options.python)

    def _place(self, want: Want, template: Path) -> None:
        target = Path(want.id)
        with explaining("build", want.id), self.client.locked(str(target.parent)), _beside(template, target) as new:
            uv.copy(template, new)
            marks.put(str(new), self.marked(want, opaque=True))
            uv.write_note(new, {**uv.note(template), "wanted": want.config["python"], uv.CONTENTS: uv.contents(new)})
            with suppress(FileNotFoundError):
                shutil.rmtree(target)
            new.rename(target)

    def _live(self, found: Found) -> Live:
        note, damage, lock = uv.note(found.path), uv.damage(found.path), ""
        with suppress(OSError):
            lock = Path(found.path, uv.LOCK).read_text(encoding="utf-8")
        name = found.path.rpartition("/")[2].rpartition("-")[0]
        config: dict[str, Json] = {"lock": lock, "name": name, "python": note.get("wanted"), "intact": damage or True}
        token = f"{found.identity}-{damage}"
        return Live(found.path, config, self.predict(found.path, config), token, self.mark_of(found))


def _known(config: Mapping[str, Value]) -> bool:
    return all(config[key] is None or isinstance(config[key], str) for key in ("lock", "name", "python"))


@contextmanager
def _beside(template: Path, target: Path) -> Iterator[Path]:
    """Where to build: in the cache when it is the same file system, so that a kill leaves nothing below the root."""
    same = template.stat().st_dev == target.parent.stat().st_dev
    new = (template.parent if same else target.parent) / half(str(target))
    if new.exists():
        shutil.rmtree(new)
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)
