"""A real supervised environment for tests, ended by pid whatever happens."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployer.core.resource import Change, Live, Mark, Ready, Want
from deployer.providers.local import endings, guard, supervision, uv
from deployer.providers.local.client import Client
from deployer.providers.local.process import ProcessKind
from deployer.providers.local.supervisor import SupervisorKind
from deployer.providers.registry import Options

PYTHON = str(uv.interpreter(None))
SLEEP = [PYTHON, "-IS", "-c", "import time; time.sleep(600)"]
SUPERVISOR = "tracking/local.supervisor/supervisor"
SERVER = "tracking/local.process/server"
# A leader that only waits, and the one that listens as its child: what `mlflow server` looks like.
TWO_LAYERS = """
import http.server, os, sys
if os.fork():
    os.wait()
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(os.environ.get("ANSWER", "OK").encode())
    def log_message(self, *words):
        pass
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Environment:
    """One root with its supervisor and processes."""

    def __init__(self, root: Path, environment: str = "local") -> None:
        self.client = Client(Options(root, Mark("demo", environment), root.parent / "cache"))
        self.supervisor = SupervisorKind(self.client)
        self.process = ProcessKind(self.client)

    def start(self, **config: Any) -> Live:  # noqa: ANN401 - configuration values
        return self.supervisor.create(self.supervisor_want(**config))

    def supervisor_want(self, **config: Any) -> Want:  # noqa: ANN401 - configuration values
        parsed = self.supervisor.parse(config)
        return Want(SUPERVISOR, str(self.supervisor.identify(SUPERVISOR, parsed)), self.client.mark.at(SUPERVISOR), parsed)

    def want(self, address: str = SERVER, **config: Any) -> Want:  # noqa: ANN401 - configuration values
        parsed = self.process.parse({"supervisor": supervision.Layout(self.client.root).socket, **config})
        return Want(address, str(self.process.identify(address, parsed)), self.client.mark.at(address), parsed)

    def server(self, port: int, address: str = SERVER, **config: Any) -> Want:  # noqa: ANN401 - configuration values
        standard = {"command": [PYTHON, "-IS", "-c", TWO_LAYERS, port], "port": port, "stop": {"timeout": 3}}
        return self.want(address, **{**standard, "health": {"path": "/health", "contains": "OK", "timeout": 1}, **config})

    def read(self, want: Want) -> Live:
        live = self.process.read([want.id])[want.id]
        assert live is not None
        return live

    def differences(self, want: Want) -> dict[str, Any]:
        have = self.read(want).config
        return {key: have.get(key) for key in {*want.config, *have} if have.get(key) != want.config.get(key)}

    def update(self, want: Want) -> Live:
        return self.process.update(self.read(want), want, [Change((), None, None)])

    def ready(self, live: Live, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while (seen := self.process.ready(live)) != Ready():
            assert time.monotonic() < deadline, seen
            time.sleep(0.02)

    def begun(self, live: Live) -> None:
        """Waits until the program runs, which is sooner than `ready` for one without a port."""
        wait_for(lambda: self.process.status([live.id])[live.id]["pid"])

    def supervisord(self) -> int:
        return int(supervision.call(supervision.Layout(self.client.root), "getPID"))

    def guard(self, want: Want) -> int:
        return int(guard.read_record(want.id)["guard"])

    def leader(self, want: Want) -> int:
        return int(guard.read_record(want.id)["program"])

    def ours(self) -> set[int]:
        """Every process of this root, by what it says of itself."""
        prefix = f"{self.client.root}/programs/"
        paths = {pid: guard.guards(pid) or guard.program_of(pid) or "" for pid in guard.processes()}
        return {pid for pid, path in paths.items() if path.startswith(prefix)} | endings.strays(supervision.Layout(self.client.root).conf)


@contextmanager
def environment(root: Path, name: str = "local") -> Iterator[Environment]:
    made = Environment(root, name)
    try:
        yield made
    finally:
        wait_for(lambda: not killed(made.ours()))


def wait_for(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def killed(pids: set[int]) -> set[int]:
    guard.send(pids, signal.SIGKILL)
    return pids


def alive(pid: int) -> bool:
    return pid in guard.processes()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
