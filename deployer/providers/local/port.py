"""local.port: a port number, fixed or found free once and kept in a small file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field

from deployer.core.errors import Problem
from deployer.core.resource import Change, Live, Want
from deployer.core.values import Json, Value
from deployer.providers.local import listeners, marks
from deployer.providers.local.client import Client, Found
from deployer.providers.local.kind import LATER, LocalKind
from deployer.providers.parse import Config, refuse

FOLDER = "ports"
AUTO = "auto"
FIRST, LAST = 20000, 29999  # where free ports are looked for, unless the kernel hands them out to clients


def _address(value: str) -> str:
    from ipaddress import ip_address  # noqa: PLC0415 - only when a configuration is read

    try:
        return str(ip_address(value))
    except ValueError:
        refuse("is not an address", 'an IP address of this machine, like "127.0.0.1"; "0.0.0.0" for all of them')


class PortConfig(Config):
    """It is not taken, only written down and watched over."""

    port: Annotated[Annotated[int, Ge(1), Le(65535)] | Literal["auto"], Field(description="The number, or `auto`: a free one, found once.")]
    bind: Annotated[
        str, AfterValidator(_address), Field(description="The address it is for.", json_schema_extra={"default": "${settings.bind}"})
    ]


class PortKind(LocalKind):
    """`<root>/ports/<component>/<name>` holds the number, so that it stays the same."""

    name = "local.port"
    model = PortConfig
    outputs: ClassVar[Mapping[str, str]] = {"port": "The number.", "bind": "The address."}

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._looking = Lock()

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        return self.checked({**config, "bind": self.client.options.bind} if config.get("bind") is None else config)

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:  # noqa: ARG002 - the address says it all
        return self.default_path(FOLDER, address)

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:  # noqa: ARG002 - nor does the id matter
        return {"port": LATER if config["port"] == AUTO else config["port"], "bind": config["bind"]}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        return {path: self._live(found) if found else None for path, found in self.client.look(ids)}

    def create(self, want: Want) -> Live:
        return self._record(want, adopt=False)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:  # noqa: ARG002 - the file is written whole
        return self._record(want, adopt=True)

    def delete(self, live: Live) -> None:
        self.client.refuse_foreign(self.client.look_at(live.id, 0), "", adopt=True)
        self.client.remove(live.id)

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        """Ports wanted twice, held by a process that is not ours, or not to be had by this user on this address."""
        problems = list(super().check(wants))
        taken: dict[tuple[int, str], str] = {}
        for want, _ in wants:
            port, bind = want.config["port"], want.config["bind"]
            if not isinstance(bind, str) or not (isinstance(port, int) or port == AUTO):
                continue
            other = taken.setdefault((port, bind), want.address) if isinstance(port, int) else want.address
            if other != want.address:
                problems.append(Problem(f"port {port} is wanted by {other} too", want.address, allowed='choose another port, or "auto"'))
            elif problem := self._obstacle(port, bind) if isinstance(port, int) else listeners.refusal(0, bind):
                problems.append(Problem(problem[0], want.address, allowed=problem[1]))
        return problems

    # Glue.

    def _obstacle(self, port: int, bind: str) -> tuple[str, str] | None:
        refusal = listeners.refusal(port, bind)
        if refusal is None or not listeners.listening(port, bind):
            return refusal
        holder = listeners.holder(port, bind)
        if holder is None or holder.belongs(self.client.root):
            return None
        return f"port {port} on {bind} is held by {holder}", f'stop it ({holder.stop}), choose another port, or "auto"'

    def _record(self, want: Want, *, adopt: bool) -> Live:
        bind, auto = str(want.config["bind"]), want.config["port"] == AUTO
        with self._looking:  # two threads that look for a free port must not find the same; the state's lock keeps other processes out
            port = self._kept(want, bind) or self._free(want, bind) if auto else want.config["port"]
            text = json.dumps({"port": port, "bind": bind, "auto": auto})
            self.client.write(want.id, f"{text}\n".encode(), 0o600, self.marked(want), adopt=adopt)
        return self.one(want.id)

    def _kept(self, want: Want, bind: str) -> int | None:
        """The port found before, while nobody else took it."""
        found = self.client.look_at(want.id)
        port, _, auto = _recorded(found) if found else (None, None, False)
        return port if auto and isinstance(port, int) and not self._stolen(port, bind) else None

    def _free(self, want: Want, bind: str) -> int:
        paths = [path for path, marked in marks.find(self.client.absolute(FOLDER)) if marked.kind == self.name and path != want.id]
        taken = {_recorded(found)[0] for _, found in self.client.look(paths) if found}
        return listeners.free(bind, (FIRST, LAST), seed=want.id, taken={port for port in taken if isinstance(port, int)})

    def _stolen(self, port: int, bind: str) -> str | None:
        if not listeners.listening(port, bind):
            return None
        holder = listeners.holder(port, bind)
        return None if holder is None or holder.belongs(self.client.root) else str(holder)

    def _live(self, found: Found) -> Live:
        port, bind, auto = _recorded(found)
        shown: Json = port
        if auto and isinstance(port, int):
            thief = self._stolen(port, str(bind))
            shown = f"{port}, taken by {thief}" if thief else AUTO
        return Live(found.path, {"port": shown, "bind": bind}, {"port": port, "bind": bind}, found.token, self.mark_of(found))


def _recorded(found: Found) -> tuple[Json, Json, bool]:
    """Port, address and whether it was found by us; words in their place when the file does not say."""
    try:
        words = json.loads(found.data or b"")
        port, bind = words["port"], words["bind"]
        if type(port) is int and isinstance(bind, str):
            return port, bind, bool(words.get("auto"))
    except (ValueError, KeyError, TypeError):
        pass
    return f"(unreadable: {found.note or 'not a port record'})", None, False
