"""A small platform of every local kind, in two versions: quick enough to be killed fifty times."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import yaml

from tests.scenarios.project import REPOSITORY, Project

APP = """\
import http.server, os, socketserver

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["GREETING"].encode())

    def log_message(self, *words):
        pass

socketserver.TCPServer.allow_reuse_address = True
with socketserver.TCPServer(("127.0.0.1", int(os.environ["PORT"])), Handler) as server:
    server.serve_forever()
"""

MARKER = "what the user wrote"


def locked(*names: str) -> str:
    """The lines of our own lock for these packages, hashes included."""
    text = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.findall(r"^([a-z0-9.-]+)==.*?(?=^[a-z0-9.-]+==|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    whole = dict(zip(blocks, re.findall(r"^[a-z0-9.-]+==.*?(?=^[a-z0-9.-]+==|\Z)", text, flags=re.MULTILINE | re.DOTALL), strict=True))
    return "".join(whole[name] for name in names)


def spec(version: int, port: int | str = "auto") -> str:
    """Version 2 changes text, a secret's user and the environment (made first), drops one part and adds another."""
    second = version == 2
    server = {
        "supervisor": "${resource.supervisor.socket}",
        "command": ["${resource.env.python}", "-u", "${resource.app.path}"],
        "environment": {"PORT": "${resource.http.port}", "GREETING": f"version {version}"},
        "secret_environment": {"PASSWORD": "${resource.password.value}"},
        "port": "${resource.http.port}",
        "health": {"path": "/", "status": 200, "timeout": 5, "contains": f"version {version}"},
    }
    resources = {
        "folder": {"kind": "local.directory", "config": {"path": "data", "data": True}},
        "database": {"kind": "local.sqlite", "config": {"path": "${resource.folder.path}/app.db"}},
        "password": {"kind": "local.secret", "config": {}},
        "supervisor": {"kind": "local.supervisor", "config": {}},
        "http": {"kind": "local.port", "config": {"port": port}},
        "env": {
            "kind": "local.python_env",
            "config": {"name": "app", "lock": locked(*(["iniconfig", "idna"] if second else ["iniconfig"]))},
        },
        "app": {"kind": "local.file", "config": {"path": "app/app.py", "content": APP}},
        "server": {"kind": "local.process", "config": server},
        "parts": {
            "kind": "local.file",
            "for_each": ["b", "c"] if second else ["a", "b"],
            "config": {"path": "parts/${each.key}", "content": f"{version} ${{resource.app.path}}"},
        },
    }
    return yaml.safe_dump({"version": 1, "platform": "small", "target": "local", "components": {}, "resources": resources})


def write_row(project: Project) -> None:
    with sqlite3.connect(project.root() / "data" / "app.db") as database:
        database.execute("create table if not exists notes (text)")
        database.execute("insert into notes values (?)", (MARKER,))


def rows(project: Project) -> list[str]:
    with sqlite3.connect(project.root() / "data" / "app.db") as database:
        return [text for (text,) in database.execute("select text from notes")]


def listing(root: Path) -> set[str]:
    """Every file and folder of the environment, what programs write while running and what packages hold left out."""
    names = {str(path.relative_to(root)) for path in root.rglob("*")}
    return {name for name in names if not re.match(r"envs/[^/]+/|.*(\.log|\.pid|\.sock|__pycache__)", name)}
