"""The story of the README: the platform comes up, is used, heals, is repaired, survives, and goes."""

from __future__ import annotations

import json
from http import HTTPStatus

import httpx
import psutil

from tests.scenarios.project import DATA, Project, allowing, wait_for

LOCAL = """\
version: 1
platform: story
target: local
components:
  supervisor: {module: supervisord}
  database: {module: sqlite}
  artifacts: {module: directory}
  tracking: {module: mlflow, port: auto}
  registry: {module: mlflow}
resources:
  motd: {kind: local.file, config: {path: motd.txt, content: "tracking is at ${tracking.url}\\n"}}
"""

EVERYTHING = """\
version: 1
platform: story
target: local
components:
  supervisor: {module: supervisord}
  database: {module: sqlite}
  artifacts: {module: directory}
  tracking: {module: mlflow, port: auto, basic_auth: true, allowed_hosts: [ml.example.org], registry_database: "${registry.store_uri}"}
  registry: {module: mlflow, database: own}
"""


def answer(url: str, host: str | None = None) -> str:
    return httpx.get(url, headers={"Host": host} if host else {}, timeout=10).raise_for_status().text


def experiments(url: str) -> list[str]:
    found = json.loads(answer(f"{url}/api/2.0/mlflow/experiments/search?max_results=100"))
    return [item["name"] for item in found["experiments"]]


def test_the_platform_comes_up_is_used_heals_is_repaired_survives_and_goes(project: Project) -> None:
    project.write("local", LOCAL)
    project.run("apply", "local", "-y")
    assert project.run("verify", "local", "--json").result["ok"] is True
    url = project.outputs()["MLFLOW_TRACKING_URI"]
    assert "deployer-verify" in experiments(url)

    assert project.run("apply", "local", "-y", "--json").result["applied"] is False
    nothing_to_do(project)

    it_heals(project, url)
    it_is_repaired(project, url)
    its_state_comes_back(project)
    its_data_survives(project)

    gone = project.run("destroy", "local", "-y", *allowing(), "--json").result
    assert gone["left"] == []
    assert not [path for path in project.root().rglob("*") if path.is_file()]
    wait_for(lambda: not project.processes(), 20, "every process to end")


def nothing_to_do(project: Project) -> None:
    project.run("plan", "local", "--detailed-exitcode")


def it_heals(project: Project, url: str) -> None:
    """A killed server comes back by itself."""
    killed = server(project)
    assert killed is not None
    killed.kill()
    wait_for(lambda: (new := server(project)) and new.pid != killed.pid, 60, "a new server")
    wait_for(lambda: answers(url), 60, "the new server's answer")
    nothing_to_do(project)


def it_is_repaired(project: Project, url: str) -> None:
    """A file edited by hand: the plan names it, apply mends it."""
    motd = project.root() / "motd.txt"
    motd.write_text("something else\n")
    plan = project.run("plan", "local", "--detailed-exitcode", "--json", code=2).result["plan"]
    assert [item["address"] for item in plan["drift"]] == ["resources/local.file/motd"]
    project.run("apply", "local", "-y")
    assert motd.read_text() == f"tracking is at {url}\n"
    nothing_to_do(project)


def its_state_comes_back(project: Project) -> None:
    """The state is lost; the marks on the objects bring it back."""
    for file in project.state().iterdir():
        if file.name.startswith("state"):
            file.unlink()
    project.run("recover", "local")
    nothing_to_do(project)


def its_data_survives(project: Project) -> None:
    """Destroy keeps data nobody let go; the next apply adopts it."""
    kept = project.run("destroy", "local", "-y", "--json").result
    assert {item["address"] for item in kept["kept"]} >= set(DATA)
    wait_for(lambda: not project.processes(), 20, "every process to end")
    project.run("apply", "local", "-y")
    assert "deployer-verify" in experiments(project.outputs()["MLFLOW_TRACKING_URI"])


def test_with_users_and_a_registry_of_its_own_it_works_and_no_password_shows(project: Project) -> None:
    project.write("local", EVERYTHING)
    shown = project.run("apply", "local", "-y")
    assert project.run("verify", "local", "--json").result["ok"] is True
    nothing_to_do(project)

    outputs = project.outputs()
    url, password = outputs["MLFLOW_TRACKING_URI"], outputs["MLFLOW_TRACKING_PASSWORD"]
    assert answer(f"{url}/health", "ml.example.org") == "OK"

    said = shown.out + shown.err + project.run("output", "local").out + project.run("logs", "local", "tracking").out
    assert password not in said
    holders = [path for path in project.folder.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]
    assert {path.stat().st_mode & 0o777 for path in holders} == {0o600}
    assert not any(path.is_relative_to(project.state()) for path in holders)
    assert not any(password in word for process in project.processes() for word in process.cmdline())

    (project.root() / "secrets/tracking/admin_password").unlink()  # MLflow keeps the first password it was told
    project.run("apply", "local", "-y")
    assert project.outputs()["MLFLOW_TRACKING_PASSWORD"] != password
    assert project.run("verify", "local", "--json").result["ok"] is True

    its_users_survive(project)
    data = (*DATA, "registry/local.sqlite/store", "tracking/local.sqlite/users")
    assert project.run("destroy", "local", "-y", *allowing(*data), "--json").result["left"] == []


def its_users_survive(project: Project) -> None:
    """Users are data: destroy keeps them, and with them the password that opens them."""
    before = project.outputs()
    project.run("destroy", "local", "-y")
    project.run("apply", "local", "-y")
    after = project.outputs()
    assert after["MLFLOW_TRACKING_PASSWORD"] == before["MLFLOW_TRACKING_PASSWORD"]
    login = (after["MLFLOW_TRACKING_USERNAME"], after["MLFLOW_TRACKING_PASSWORD"])
    url = f"{after['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/experiments/search?max_results=1"
    assert httpx.get(url, auth=login, timeout=20).status_code == HTTPStatus.OK
    assert httpx.get(url, timeout=20).status_code == HTTPStatus.UNAUTHORIZED


def server(project: Project) -> psutil.Process | None:
    """The process that runs `mlflow server`, not the guard in front of it."""
    for process in project.processes():
        if process.cmdline()[1:4] == ["-m", "mlflow", "server"]:
            return process
    return None


def answers(url: str) -> bool:
    try:
        return answer(f"{url}/health") == "OK"
    except httpx.HTTPError:
        return False
