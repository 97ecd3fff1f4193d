from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.core.errors import ConfigError, ProviderError
from deployer.core.resource import Want
from deployer.core.values import Unknown
from deployer.providers.local import listeners
from tests.providers.local.rigs import MARK, create, kind, somebody_else, there, want

PORT = "local.port"
LISTEN = (
    "import socket, sys; s = socket.create_server((sys.argv[1], int(sys.argv[2]))); print(s.getsockname()[1], flush=True); sys.stdin.read()"
)


@contextmanager
def listener(port: int = 0, bind: str = "127.0.0.1", program: str = "") -> Iterator[tuple[int, int]]:
    """Port and pid of a process that listens."""
    environment = {**os.environ, **({"DEPLOYER_PROGRAM": program} if program else {})}
    command = [sys.executable, "-c", LISTEN, bind, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        process.communicate()


def number(live_output: object) -> int:
    assert isinstance(live_output, int)
    return live_output


@pytest.mark.parametrize(
    "config", [{}, {"port": 0}, {"port": 65536}, {"port": "http"}, {"port": "80"}, {"port": 80, "bind": "localhost"}, {"port": True}]
)
def test_what_is_no_port_is_refused(tmp_path: Path, config: dict[str, str | int]) -> None:
    with pytest.raises(ConfigError):
        kind(PORT, tmp_path).parse(config)


def test_the_address_comes_from_the_settings(tmp_path: Path) -> None:
    assert kind(PORT, tmp_path).parse({"port": 80, "bind": None}) == {"port": 80, "bind": "127.0.0.1"}


def test_a_fixed_port_is_known_before_and_a_free_one_is_not(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    assert made.predict("/x", made.parse({"port": 80})) == {"port": 80, "bind": "127.0.0.1"}
    assert isinstance(made.predict("/x", made.parse({"port": "auto"}))["port"], Unknown)


def test_a_free_port_is_outside_what_the_kernel_gives_to_clients_and_stays(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    wanted = want(made, {"port": "auto"})
    port = number(made.create(wanted).outputs["port"])
    low, high = listeners.ephemeral()
    assert not low <= port <= high
    assert made.create(wanted).outputs["port"] == port
    assert made.update(there(made, wanted.id), wanted, []).outputs["port"] == port


def test_many_that_ask_at_once_get_different_ports(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    with ThreadPoolExecutor(16) as pool:
        ports = list(pool.map(lambda name: create(made, {"port": "auto"}, str(name)).outputs["port"], range(60)))
    assert len(set(ports)) == 60


def test_a_port_that_is_listened_on_is_not_given_away(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    wanted = want(made, {"port": "auto"})
    first = number(made.create(wanted).outputs["port"])
    made.delete(there(made, wanted.id))
    with listener(first):
        assert made.create(wanted).outputs["port"] != first


def test_a_free_port_is_found_even_when_the_kernel_gives_out_all_of_the_span() -> None:
    low, high = listeners.ephemeral()
    port = listeners.free("127.0.0.1", (low, high), seed="x", taken=())
    assert not low <= port <= high


def test_no_free_port_at_all_is_explained() -> None:
    with pytest.raises(ProviderError, match="no port is free"):
        listeners.free("192.0.2.1", (20000, 20005), seed="x", taken=())


def test_a_wanted_port_somebody_else_holds_is_named_with_process_user_and_fix(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    with listener() as (port, pid):
        (problem,) = made.check([(want(made, {"port": port}), None)])
        assert problem.path == "test/local.port/thing"
        assert f"port {port} on 127.0.0.1 is held by python" in problem.what
        assert f"(pid {pid}, user " in problem.what
        assert f"kill {pid}" in problem.allowed
    assert made.check([(want(made, {"port": port}), None)]) == []


def test_a_wanted_port_our_own_process_holds_is_fine(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    with listener(program=f"{tmp_path}/programs/tracking.server.json") as (port, _):
        assert made.check([(want(made, {"port": port}), None)]) == []


def test_a_process_is_ours_by_its_parent_too() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LISTEN!r}, *sys.argv[1:]], env={{}})"
    environment = {**os.environ, "DEPLOYER_PROGRAM": "/srv/demo/programs/a.b.json"}
    command = [sys.executable, "-c", child, "127.0.0.1", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        holder = listeners.holder(port, "127.0.0.1")
        assert holder is not None
        assert holder.pid != process.pid
        assert holder.belongs("/srv/demo")
        process.communicate()


def test_a_port_of_another_environment_is_named_with_its_root_also_when_its_mark_is_the_same(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    with listener(program=f"{tmp_path}er/programs/tracking.server.json") as (port, pid):
        (problem,) = made.check([(want(made, {"port": port}), None)])
    assert f"(pid {pid}, user " in problem.what
    assert f"of the environment in {tmp_path}er)" in problem.what
    assert "destroy that environment" in problem.allowed


def test_a_port_wanted_twice_names_the_other(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    one, two = want(made, {"port": 18750}, "one"), want(made, {"port": 18750}, "two")
    (problem,) = made.check([(one, None), (two, None)])
    assert (problem.path, "test/local.port/one" in problem.what) == ("test/local.port/two", True)


def test_a_port_not_known_yet_is_not_checked(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    wanted = want(made, {"port": "auto"})
    assert made.check([(wanted, None), (Want("a/b/c", wanted.id, MARK, {"port": 80, "bind": None}), None)]) == []


@pytest.mark.parametrize(
    ("bind", "says"), [("192.0.2.1", "not an address of this machine"), ("2001:db8::1", "not an address of this machine")]
)
def test_an_address_of_another_machine_is_found_before_the_first_change(tmp_path: Path, bind: str, says: str) -> None:
    made = kind(PORT, tmp_path)
    for port in (18751, "auto"):
        (problem,) = made.check([(want(made, {"port": port, "bind": bind}), None)])
        assert says in problem.what


def test_a_port_for_root_is_refused_to_others() -> None:
    with somebody_else():
        refusal = listeners.refusal(81, "127.0.0.1")
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:  # noqa: PTH123 - one number
        assert (refusal is not None) == (int(file.read()) > 81)


def test_a_socket_bound_but_not_listening_is_an_obstacle_too(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        made = kind(PORT, tmp_path)
        (problem,) = made.check([(want(made, {"port": bound.getsockname()[1]}), None)])
    assert "in use" in problem.what


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", True),  # noqa: S104 - compared only
        ("127.0.0.1", "0.0.0.0", True),  # noqa: S104 - compared only
        ("127.0.0.2", "127.0.0.1", False),
        ("::", "127.0.0.1", True),
        ("::1", "127.0.0.1", False),
    ],
)
def test_only_addresses_that_overlap_collide(one: str, other: str, *, collide: bool) -> None:
    family = socket.AF_INET6 if ":" in one else socket.AF_INET
    with socket.socket(family) as held:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        held.bind((one, 0))
        held.listen()
        assert listeners.listening(held.getsockname()[1], other) is collide


def test_a_found_port_somebody_else_took_since_moves(tmp_path: Path) -> None:
    made = kind(PORT, tmp_path)
    wanted = want(made, {"port": "auto"})
    first = made.create(wanted)
    with listener(number(first.outputs["port"])) as (port, pid):
        taken = there(made, wanted.id)
        assert str(taken.config["port"]).startswith(f"{port}, taken by python")
        assert f"pid {pid}" in str(taken.config["port"])
        moved = made.update(taken, wanted, [])
        assert moved.outputs["port"] != port
        assert moved.config == wanted.config
    with listener(number(moved.outputs["port"]), program=f"{tmp_path}/programs/a.b.json"):
        assert there(made, wanted.id).config == wanted.config


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"port": "x", "bind": 1}', b'{"port": true, "bind": "::"}', b"null", b"7"]
)
def test_a_record_somebody_spoilt_is_drift_and_is_repaired(tmp_path: Path, content: bytes) -> None:
    made = kind(PORT, tmp_path)
    wanted = want(made, {"port": "auto"})
    made.create(wanted)
    Path(wanted.id).write_bytes(content)
    spoilt = there(made, wanted.id)
    assert spoilt.config["port"] == "(unreadable: not a port record)"
    assert made.update(spoilt, wanted, []).config == wanted.config
