"""local.process: a program under the environment's supervisord, with a guard around it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from xmlrpc.client import Fault

from deployer.core.errors import ConfigError, Problem, ProviderError
from deployer.core.protocols import Readiness
from deployer.core.resource import Change, Failed, Live, Ready, Rules, Waiting, Want
from deployer.core.values import Json, Value, replace_leaves
from deployer.providers.local import endings, guard, listeners, readiness, supervision, uv
from deployer.providers.local.client import Found, explaining
from deployer.providers.local.kind import LocalKind
from deployer.providers.local.program import Paths, ProcessConfig, decode, document, encode, ini, interpreter_of, program_name
from deployer.providers.local.readiness import Seen
from deployer.providers.local.supervision import ALREADY_ADDED, ALREADY_STARTED, BAD_NAME, EXITED, NOT_RUNNING, STOPPING, UP, Down, Layout

OURS = ("version", "mark", "salt")  # in the file, not in the configuration
AS_TEXT = ("command", "environment", "secret_environment")
RESTART = ("command", "environment", "secret_environment", "directory", "stop", "restart", "log", "running")


class ProcessKind(LocalKind):
    """`<root>/programs/<component>.<name>.json` is the object; what really runs is compared with it."""

    name = "local.process"
    model = ProcessConfig
    rules: ClassVar[Rules] = Rules(restart=RESTART, sensitive=("secret_environment",))
    outputs: ClassVar[Mapping[str, str]] = {
        "port": "The port it listens on, or null.",
        "url": "Where it answers, `http://...`, or null without a port.",
        "log": "Its log file.",
    }

    @property
    def layout(self) -> Layout:
        return Layout(self.client.root)

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        standard = {"bind": self.client.options.bind, "directory": self.client.root}
        given = {**config, **{key: value for key, value in standard.items() if config.get(key) is None}}
        given |= {key: replace_leaves(given[key], _text) for key in AS_TEXT if given.get(key) is not None}
        if isinstance(given["directory"], str):
            given["directory"] = self.client.absolute(given["directory"])
        parsed = self.checked(given)
        if parsed["health"] is not None and parsed["port"] is None:
            raise ConfigError([Problem("needs a port to ask", "health", allowed="give the process its port")])
        return parsed

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:  # noqa: ARG002 - the address says it all
        return self.client.absolute(f"programs/{program_name(address)}.json")

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:
        port, bind = config["port"], config["bind"]
        known = isinstance(port, int) and isinstance(bind, str)
        url = readiness.url(bind, port) if known else (None if port is None else port)  # still unknown, because the port is
        return {"port": port, "url": url, "log": self._paths(object_id).log}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        infos = self._infos()
        return {path: self._live(found, infos) if found else None for path, found in self.client.look(ids)}

    def create(self, want: Want) -> Live:
        return self._carry_out(want, adopt=False)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:  # noqa: ARG002 - what is right already is left alone
        return self._carry_out(want, adopt=True)

    def delete(self, live: Live) -> None:
        """Stops the program and removes its files, its log too; its own file goes last."""
        self.client.refuse_foreign(self.client.look_at(live.id, 0), "", adopt=True)
        paths = self._paths(live.id)
        with suppress(Down), _explained(paths.name, down=True):
            self._stop(paths.name)
            with self.client.locked(self.layout.programs):
                Path(paths.ini).unlink(missing_ok=True)
                supervision.call(self.layout, "reloadConfig")
                supervision.attempt(self.layout, (BAD_NAME,), "removeProcessGroup", paths.name)
        endings.end(guard.leftovers(live.id, guard.read_record(live.id)) - endings.ourselves())
        with explaining("remove the files of", live.id):
            for path in (Path(paths.ini), *map(Path, self.log_files(live.id)), *Path(live.id).parent.glob(f"{paths.name}.run*")):
                path.unlink(missing_ok=True)
        self.client.remove(live.id)

    def ready(self, live: Live) -> Readiness:
        written = decode(found.data if (found := self.client.look_at(live.id)) else None)
        try:
            seen = self._seen(live.id, supervision.programs(self.layout))
        except Down:
            return Failed("the environment's supervisord does not run", "apply again: it is started anew")
        if written.get("running", True) is False:
            return Waiting("stopping") if seen.up else Ready()
        return readiness.judge(seen, written, self._paths(live.id))

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        problems = list(super().check(wants))
        for want, live in wants:
            problems += self._missing(want)
            if live is None or live.config.get("running") is False:
                problems += self._port_taken(want)
        return problems

    # For `status` and `logs`.

    def status(self, ids: Sequence[str]) -> dict[str, dict[str, Json]]:
        """State, pid, since, restarts, memory and last exit of each of these processes."""
        infos = self._infos()
        return {object_id: readiness.status(self._seen(object_id, infos)) for object_id in ids}

    def log_files(self, object_id: str) -> tuple[str, ...]:
        """The log as it is written now, then the older ones that exist."""
        log = Path(self._paths(object_id).log)
        older = sorted(log.parent.glob(f"{log.name}.*"), key=lambda path: (len(path.name), path.name))
        return tuple(str(path) for path in (log, *older) if path.exists())

    # Carrying out.

    def _carry_out(self, want: Want, *, adopt: bool) -> Live:
        with _explained(program_name(want.address)):
            supervision.call(self.layout, "getState")
            written = self._write(want, adopt=adopt)
            paths, wanted = self._paths(want.id), bool(want.config["running"])
            text = ini(paths, written)
            seen = self._seen(want.id, supervision.programs(self.layout))
            if not wanted or readiness.running(seen, written, paths, supervision.read(paths.ini)) is not True:
                self._stop(paths.name)
            with self.client.locked(self.layout.programs):
                supervision.write(paths.ini, text)
                self._load(paths.name)
            if wanted:
                self._start(paths)
        return self.one(want.id)

    def _write(self, want: Want, *, adopt: bool) -> dict[str, Any]:
        found = self.client.look_at(want.id)
        salt = decode(found.data if found else None).get("salt")
        mark = f"{want.mark.platform}/{want.mark.environment}/{want.address}"
        written = document(want.config, mark, salt if isinstance(salt, str) else secrets.token_hex(16))
        self.client.write(want.id, encode(written), 0o600, self.marked(want), adopt=adopt)
        with self.client.folder(self.layout.logs, make=True):
            return written

    def _load(self, name: str) -> None:
        """Makes supervisord's idea of this one program what its file says; others are not touched."""
        added, changed, _ = supervision.call(self.layout, "reloadConfig")[0]
        if name in changed:
            self._stop(name)
            supervision.attempt(self.layout, (BAD_NAME,), "removeProcessGroup", name)
        if name in added or name in changed:
            supervision.attempt(self.layout, (ALREADY_ADDED,), "addProcessGroup", name)

    def _stop(self, name: str) -> None:
        """Asks, and waits; supervisord kills what does not obey, so this ends."""
        while (info := supervision.programs(self.layout).get(name)) and (supervision.up(self.layout, info) or info["state"] == STOPPING):
            if (
                info["state"] == EXITED
            ):  # one about to come back can only be stopped by starting it: its guard ends before the program begins
                supervision.attempt(self.layout, (ALREADY_STARTED,), "startProcess", name, False)  # noqa: FBT003 - XML-RPC has positions only
            elif info["state"] != STOPPING:
                supervision.attempt(self.layout, (BAD_NAME, NOT_RUNNING), "stopProcess", name, False)  # noqa: FBT003 - as above
            time.sleep(supervision.POLL)

    def _start(self, paths: Paths) -> None:
        if supervision.programs(self.layout)[paths.name]["state"] in UP:
            return
        record = guard.read_record(paths.file)
        if record:  # somebody asks for it now: earlier failures do not slow it down
            guard.write_record(paths.file, record | {"stopped": True})
        supervision.attempt(self.layout, (ALREADY_STARTED,), "startProcess", paths.name, False)  # noqa: FBT003 - as above

    # Looking.

    def _infos(self) -> Mapping[str, Mapping[str, Any]]:
        with suppress(Down):
            return supervision.programs(self.layout)
        return {}

    def _seen(self, object_id: str, infos: Mapping[str, Mapping[str, Any]]) -> Seen:
        info = infos.get(self._paths(object_id).name, {})
        return Seen(info, guard.read_record(object_id), supervision.up(self.layout, info))

    def _paths(self, object_id: str) -> Paths:
        name = object_id.rpartition("/")[2].removesuffix(".json")
        file = f"{self.layout.programs}/{name}.ini"
        named = interpreter_of(supervision.read(file))
        python = named if named and os.access(named, os.X_OK) else str(uv.interpreter(None))
        return Paths(object_id, file, f"{self.layout.logs}/{name}.log", self.layout.guard, python)

    def _live(self, found: Found, infos: Mapping[str, Mapping[str, Any]]) -> Live:
        written, paths, seen = decode(found.data), self._paths(found.path), self._seen(found.path, infos)
        text = supervision.read(paths.ini)
        config: dict[str, Json] = {key: value for key, value in written.items() if key not in OURS}
        config["mode"] = found.mode  # it holds secrets
        config["running"] = readiness.running(seen, written, paths, text)
        token = f"{found.token}-{sha256(text.encode()).hexdigest()[:8]}-{config['running']}-{seen.start}"
        outputs: dict[str, Json] = {"port": None, "url": None, "log": paths.log}
        if isinstance(port := written.get("port"), int):
            outputs |= {"port": port, "url": readiness.url(str(written.get("bind")), port)}
        return Live(found.path, config, outputs, token, self.mark_of(found))

    def _missing(self, want: Want) -> Iterator[Problem]:
        """A program that is nowhere, unless it lies below our root, where an earlier step may still put it."""
        command = want.config["command"]
        program = command[0] if isinstance(command, list) else None
        if not isinstance(program, str) or "/" not in program or self.client.inside(program) or os.access(program, os.X_OK):
            return
        yield Problem(f"the program {program} does not exist or may not be run", want.address, allowed="install it or correct command[0]")

    def _port_taken(self, want: Want) -> Iterator[Problem]:
        port, bind = want.config["port"], want.config["bind"]
        if not isinstance(port, int) or not isinstance(bind, str) or not listeners.listening(port, bind):
            return
        held = listeners.holder(port, bind)
        if held is not None and not held.belongs(self.client.root):
            yield Problem(f"port {port} on {bind} is held by {held}", want.address, allowed=f"stop it ({held.stop}) or choose another port")


@contextmanager
def _explained(name: str, *, down: bool = False) -> Iterator[None]:
    """What supervisord says, in our words. With `down`, that nobody answers is left to the caller."""
    try:
        yield
    except Down:
        if down:
            raise
        raise ProviderError(f"cannot reach supervisord for {name}", why="it does not run", fix="apply again: it is started anew") from None
    except Fault as fault:
        # A file that cannot be parsed may be another program's, which a neighbouring step is about to write anew.
        again = fault.faultCode == supervision.CANT_REREAD
        raise ProviderError(f"supervisord refuses {name}", why=fault.faultString, fix="see supervisord.log", transient=again) from fault


def _text(leaf: Value) -> Value:
    """Numbers and truth values become text, as a shell would have them."""
    if isinstance(leaf, bool):
        return str(leaf).lower()
    return str(leaf) if isinstance(leaf, int | float) else leaf
