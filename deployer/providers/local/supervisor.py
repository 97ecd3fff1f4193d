"""local.supervisor: the supervisord of an environment. It survives the command that started it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le
from pydantic import Field

from deployer.core.errors import Problem
from deployer.core.protocols import Readiness
from deployer.core.resource import Change, Failed, Live, Ready, Rules, Waiting, Want
from deployer.core.values import Json, Value
from deployer.providers.local import endings, guard, marks, supervision
from deployer.providers.local.client import Found, explaining, half
from deployer.providers.local.kind import LocalKind
from deployer.providers.local.program import Size
from deployer.providers.local.supervision import Layout
from deployer.providers.parse import Config

UNWANTED = "\n; not to be running\n"
REFUSED = frozenset("*?[];#%\"'\\\n\r")  # what supervisord would read as a pattern, a comment, a quote or a name to fill in


class SupervisorConfig(Config):
    """`log_max_size` and `log_backups` are about supervisord's own log. `running` says that it should."""

    log_max_size: Annotated[Size, Field(description="How large the log grows before it is turned over.")] = 10 * 2**20
    log_backups: Annotated[int, Ge(0), Le(100), Field(description="How many older logs are kept.")] = 3
    running: Annotated[bool, Field(description="Whether it should run.")] = True
    mode: Annotated[Literal["0700"], Field(description="Permissions of its folder, which keep others from its socket.")] = (
        "0700"  # never another; here so that a plan sees when it was loosened
    )


class SupervisorKind(LocalKind):
    """`<root>/supervisor`: one per environment. After a reboot a plan says `running: false -> true`."""

    name = "local.supervisor"
    model = SupervisorConfig
    rules: ClassVar[Rules] = Rules(restart=("log_max_size", "log_backups", "running"))
    outputs: ClassVar[Mapping[str, str]] = {
        "socket": "The socket it is spoken to by: what `supervisor` of a process wants.",
        "config_dir": "The folder of its programs.",
    }

    @property
    def layout(self) -> Layout:
        return Layout(self.client.root)

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        return self.checked(config)

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:  # noqa: ARG002 - there is one per root
        return self.layout.folder

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:  # noqa: ARG002 - as above
        return {"socket": self.layout.socket, "config_dir": self.layout.programs}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        return {
            path: self._live(found) if found and not self.client.made_by_the_way(path) else None for path, found in self.client.look(ids)
        }

    def create(self, want: Want) -> Live:
        self.client.refuse_foreign(self._standing(want.id), want.address)
        return self._make(want)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:  # noqa: ARG002 - what is right already is left alone
        self.client.refuse_foreign(self._standing(live.id), want.address, adopt=True)
        return self._make(want)

    def delete(self, live: Live) -> None:
        self.client.refuse_foreign(self._standing(live.id), "", adopt=True)
        supervision.shut_down(self.layout)
        with explaining("remove", live.id), suppress(FileNotFoundError):
            for path in Path(live.id).iterdir():  # the mark goes last
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            Path(live.id).rmdir()
        self.client.prune(self.layout.logs)

    def ready(self, live: Live) -> Readiness:
        match _wanted(supervision.read(self.layout.conf)), supervision.answering(self.layout):
            case False, _:
                return Ready()
            case _, None:
                strays = endings.strays(self.layout.conf)
                reason = f"supervisord does not answer on {self.layout.socket}"
                return Waiting(reason) if strays else Failed("supervisord has ended", f"see {live.id}/supervisord.log and apply again")
            case _:
                return Ready()

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        problems = list(super().check(wants))
        for want, _ in wants:
            problems += path_problems(self.layout, want.address)
        return problems

    # Glue.

    def _make(self, want: Want) -> Live:
        self._folder(want)
        with self.client.folder(self.layout.logs, make=True):  # a program whose log has no folder would keep supervisord from starting
            pass
        with self.client.locked(want.id), explaining("set up supervisord in", want.id):
            marks.put(want.id, self.marked(want, opaque=True))
            Path(want.id).chmod(0o700)
            Path(self.layout.programs).mkdir(0o700, exist_ok=True)
            supervision.write(self.layout.guard, Path(guard.__file__).read_text(encoding="utf-8"))
            supervision.write(self.layout.conf, self._conf(want.config))
            running = supervision.answering(self.layout)
            if running is not None and (not want.config["running"] or running != supervision.identification(self._conf(want.config))):
                self._stop_for(restart=bool(want.config["running"]))
            elif want.config["running"]:
                supervision.start(self.layout)
        return self.one(want.id)

    def _stop_for(self, *, restart: bool) -> None:
        up = [name for name, info in supervision.programs(self.layout).items() if supervision.up(self.layout, info)]
        supervision.shut_down(self.layout)
        if restart:
            supervision.start(self.layout)
            for name in up:
                supervision.attempt(self.layout, (supervision.ALREADY_STARTED, supervision.BAD_NAME), "startProcess", name, False)  # noqa: FBT003

    def _folder(self, want: Want) -> None:
        """Marked before it stands under its name."""
        target = Path(want.id)
        with self.client.locked(str(target.parent)), explaining("make", want.id):
            if not target.exists():
                new = target.with_name(half(target.name))
                new.mkdir(0o700, exist_ok=True)
                marks.put(str(new), self.marked(want, opaque=True))
                new.rename(target)

    def _standing(self, path: str) -> Found | None:
        found = self.client.look_at(path, 0)
        return None if found is None or self.client.made_by_the_way(path) else found

    def _conf(self, config: Mapping[str, Json]) -> str:
        text = supervision.conf(self.layout, int(str(config["log_max_size"])), int(str(config["log_backups"])))
        return text if config["running"] else text + UNWANTED

    def _live(self, found: Found) -> Live:
        text = supervision.read(self.layout.conf)
        config: dict[str, Json] = {"log_max_size": _number(text, "logfile_maxbytes"), "log_backups": _number(text, "logfile_backups")}
        config["running"] = self._running(text, {**config, "running": _wanted(text)})
        config["mode"] = found.mode
        token = f"{found.identity}-{supervision.identification(text)}-{config['running']}"
        return Live(found.path, config, self.predict(found.path, config), token, self.mark_of(found))

    def _running(self, text: str, config: Mapping[str, Json]) -> Json:
        """True, false, or what is wrong in words."""
        running = supervision.answering(self.layout)
        if running is None:
            return False
        if None in (config["log_max_size"], config["log_backups"]) or text != self._conf(config):
            return "with a configuration that was edited"
        if running != supervision.identification(text):
            return "with an older configuration"
        return True if supervision.read(self.layout.guard) == supervision.read(guard.__file__) else "with another version of the guard"


def path_problems(layout: Layout, address: str) -> list[Problem]:
    """What supervisord cannot do with a root."""
    fix = "set settings.root to a short path of plain characters"
    length = len(layout.socket.encode("utf-8", "surrogateescape"))
    if length > supervision.SOCKET_LIMIT:
        what = f"the socket path {layout.socket} has {length} bytes, and {supervision.SOCKET_LIMIT} are possible"
        return [Problem(what, address, allowed=fix)]
    if refused := sorted(REFUSED & set(layout.root)):
        return [Problem(f"the root {layout.root!r} holds {' '.join(refused)}, which supervisord cannot take", address, allowed=fix)]
    return []


def _wanted(text: str) -> bool:
    """Whether supervisord should run, as its file says."""
    return not text.endswith(UNWANTED)


def _number(text: str, key: str) -> int | None:
    found = re.search(rf"^{key} = (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None
