"""What a supervised program is: its configuration, the file the guard starts it from, and supervisord's few lines about it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, Field, WithJsonSchema

from deployer.core.values import Json
from deployer.providers.local import guard
from deployer.providers.parse import Config, refuse

VERSION = 1
UNITS = {"": 1, "B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
TRIES = 3  # times supervisord tries to start a guard that cannot be started; programs that fail are tried again by their guard
STOP_MARGIN = int(guard.REST_GRACE + guard.KILL_PATIENCE) + 5  # seconds a guard may need beyond its program's own stop


def size(value: int | str) -> int:
    """Bytes: `10485760`, `"10MB"` and `"10 MiB"` are the same."""
    if isinstance(value, int):
        return value
    found = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", value)
    if found is None or found[2].upper() not in UNITS:
        refuse("is not a size", 'bytes, or a number with KB, MB or GB, like "10MB"')
    return int(found[1]) * UNITS[found[2].upper()]


def _text(value: str) -> str:
    if "\0" in value:
        refuse("holds a NUL character", "text without it")
    return value


def _route(value: str) -> str:
    if not value.startswith("/"):
        refuse("is not a path of an URL", 'a path like "/health"')
    return value


Size = Annotated[int | str, AfterValidator(size)]
Text = Annotated[str, AfterValidator(_text)]
# Numbers and truth values may be written too: the kind makes text of them before it is checked.
Word = Annotated[Text, WithJsonSchema({"type": ["string", "number", "boolean"]})]
Port = Annotated[int, Ge(1), Le(65535)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Health(Config):
    """GET `path` on the port must answer `status` within `timeout` seconds, and the body must hold `contains`."""

    path: Annotated[str, AfterValidator(_route), Field(description="What is asked for.")] = "/"
    status: Annotated[int, Field(description="The answer's status.")] = 200
    timeout: Annotated[int | float, Gt(0), Le(60), Field(description="Seconds one answer may take.")] = 5
    contains: Annotated[str | None, Field(description="Text the answer must hold.")] = None


class Stop(Config):
    """`signal` goes to the program; after `timeout` seconds everything of it is killed."""

    signal: Annotated[Literal["TERM", "INT", "QUIT", "HUP", "KILL", "USR1", "USR2"], Field(description="What ends the program.")] = "TERM"
    timeout: Annotated[int, Ge(0), Le(3600), Field(description="Seconds it has to end by itself.")] = 30


class Log(Config):
    """Output goes to one file that is turned over at `max_size`."""

    max_size: Annotated[Size, Field(description="Bytes, or text like `10MB`.")] = 10 * 2**20
    backups: Annotated[int, Ge(0), Le(100), Field(description="How many older files are kept.")] = 3


class ProcessConfig(Config):
    """It is ready when it lasts, or when one of its own processes listens on its port and answers."""

    supervisor: Annotated[str, Field(description="The supervisor's socket, e.g. `${supervisor.socket}`.")]
    command: Annotated[list[Word], Field(min_length=1, description="Program and arguments; no shell is in between.")]
    environment: Annotated[
        dict[Variable, Word],
        Field(description="The program's variables. Beside them it has PATH, HOME and the user's name, and nothing of your shell's."),
    ] = Field(default_factory=dict)
    secret_environment: Annotated[dict[Variable, Word], Field(description="More variables, never shown.")] = Field(default_factory=dict)
    directory: Annotated[Text, Field(description="Where it runs.", json_schema_extra={"default": "${settings.root}"})]
    port: Annotated[Port | None, Field(description="The port it listens on; ready means it does.")] = None
    bind: Annotated[str, Field(description="The address it listens on.", json_schema_extra={"default": "${settings.bind}"})]
    health: Annotated[Health | None, Field(description="A request it must answer to be ready.")] = None
    stop: Annotated[Stop, Field(description="How it is ended.")] = Field(default_factory=Stop)
    restart: Annotated[bool, Field(description="Whether it is started again when it ends.")] = True
    log: Annotated[Log, Field(description="What becomes of its output.")] = Field(default_factory=Log)
    running: Annotated[bool, Field(description="Whether it should run.")] = True
    mode: Annotated[Literal["0600"], Field(description="Permissions of its file, which holds the secrets.")] = (
        "0600"  # never another; here so that a plan sees when it was loosened
    )


def program_name(address: str) -> str:
    """`component.name`, as supervisord's program and as file name; other characters give way to a digest."""
    component, _, rest = address.partition("/")
    name = rest.partition("/")[2] or rest
    if all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in (component, name)):
        return f"{component}.{name}"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", f"{component}.{name}")[:80] + "-" + sha256(address.encode()).hexdigest()[:10]


def document(config: Mapping[str, Json], mark: str, salt: str) -> dict[str, Any]:
    """The guard's file: the whole configuration, so that a later read sees what was changed by hand."""
    return {"version": VERSION, "mark": mark, "salt": salt, **config}


def encode(written: Mapping[str, Any]) -> bytes:
    return (json.dumps(written, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")


def decode(data: bytes | None) -> dict[str, Any]:
    """The file's content; empty when it is nothing a guard could use."""
    try:
        found = json.loads(data or b"")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Paths:
    """Where one program's things lie."""

    file: str  # <root>/programs/<name>.json
    ini: str
    log: str
    guard: str
    python: str

    @property
    def root(self) -> str:
        return self.file.rpartition("/")[0].rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.file.rpartition("/")[2].removesuffix(".json")


def ini(paths: Paths, written: Mapping[str, Any]) -> str:
    """The part of supervisord. No secrets, and nothing of the program's own words: those would have to be escaped."""
    command = shlex.join([paths.python, "-I", "-S", paths.guard, paths.file, guard.digest(dict(written))])
    lines = {
        "command": command,
        "directory": "/",
        "autostart": "false",
        "autorestart": str(bool(written["restart"])).lower(),
        "startsecs": 0,
        "startretries": TRIES,
        "stopsignal": "TERM",
        "stopwaitsecs": written["stop"]["timeout"] + STOP_MARGIN,
        "redirect_stderr": "true",
        "stdout_logfile": paths.log,
        "stdout_logfile_maxbytes": written["log"]["max_size"],
        "stdout_logfile_backups": written["log"]["backups"],
    }
    text = "\n".join(f"{key} = {value}" for key, value in lines.items())
    return f"[program:{paths.name}]\n" + text.replace("%", "%%") + "\n"


def interpreter_of(text: str) -> str | None:
    """The interpreter an ini names for the guard: any will do that is still there."""
    found = re.search(r"^command = (.+)$", text, re.MULTILINE)
    try:
        return shlex.split(found[1].replace("%%", "%"))[0] if found else None
    except (ValueError, IndexError):
        return None
