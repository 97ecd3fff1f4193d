"""What ships beside the code: locks, pages, environments, the wheel."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from tests.scenarios.project import REPOSITORY, Project, allowing

LOCKS = sorted([REPOSITORY / "requirements.lock", *REPOSITORY.glob("modules/*/*/requirements.lock")])
ENVIRONMENTS = sorted(path.stem for path in REPOSITORY.glob("environments/*.yaml") if path.stem != "base")
# What is imported by another name than it is installed by, or comes as a part of something.
PACKAGES = {"yaml": "pyyaml", "pydantic_core": "pydantic", "annotated_types": "pydantic"}
PROGRAMS = {"supervisor", "uv"}  # run, not imported
FOLDERS = ("modules", "templates", "environments")
PACKAGE = re.compile(r"^([a-z0-9][a-z0-9._-]*)==\S+( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def must(*command: str) -> None:
    done = subprocess.run(command, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_generated_pages_are_current() -> None:
    must(sys.executable, str(REPOSITORY / "docs" / "generate.py"), "--check")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_lock_holds_exact_versions_with_hashes_and_names_no_index(lock: Path) -> None:
    strange = [line for line in lock.read_text().splitlines() if not (PACKAGE.match(line) or HASH.match(line))]
    assert strange == []


def test_what_a_lock_was_asked_for_is_in_it() -> None:
    for wanted in REPOSITORY.glob("modules/*/*/requirements.in"):
        names = {re.split(r"[\[=<> ]", line)[0] for line in wanted.read_text().splitlines() if line and not line.startswith("#")}
        assert names <= {line.split("==")[0] for line in wanted.with_suffix(".lock").read_text().splitlines()}


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    page = (REPOSITORY / "docs" / "dependencies.md").read_text()
    named = {name.strip().lower() for row in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for name in row.split(",")}
    assert {re.split(r"[\[=<>~!; ]", item)[0].lower() for item in wanted} <= named


def test_every_dependency_is_used_and_everything_imported_is_a_dependency() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    declared = {re.split(r"[\[=<>~!; ]", item)[0] for item in project["project"]["dependencies"]}
    imported = {name for file in (REPOSITORY / "deployer").rglob("*.py") for name in _imports(file)}
    packages = {PACKAGES.get(name, name) for name in imported - sys.stdlib_module_names - {"deployer"}}
    assert packages | PROGRAMS == declared


def _imports(file: Path) -> Iterator[str]:
    """The top-level names a file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_ready_environment_is_valid_and_points_editors_to_the_schema(environment: str, project: Project) -> None:
    project.run("-C", str(REPOSITORY), "validate", environment)
    first = (REPOSITORY / "environments" / f"{environment}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../.deployer/schema.json"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("w")
    must(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY))
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_modules_templates_and_environments(wheel: Path) -> None:
    inside = {name.removeprefix("deployer/_data/") for name in ZipFile(wheel).namelist() if name.startswith("deployer/_data/")}
    files = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*") if path.is_file()]
    assert inside == {str(path.relative_to(REPOSITORY)) for path in files if "__pycache__" not in path.parts}


def test_the_wheel_works_in_an_empty_folder_elsewhere(wheel: Path, project: Project) -> None:
    """Installed into an environment of its own: init, apply, verify and destroy need nothing of the repository."""
    venv = project.folder / "venv"
    uv = str(Path(sys.executable).parent / "uv")
    must(uv, "venv", "--python", sys.executable, str(venv))
    must(uv, "pip", "install", "--python", str(venv / "bin/python"), "--constraint", str(_without_hashes(project.folder)), str(wheel))
    installed = Project(project.folder, (str(venv / "bin/deployer"),))
    installed.run("init", "demo", "--yes")
    demo = Project(project.folder / "demo", installed.command)
    file = demo.folder / "environments" / "local.yaml"
    file.write_text(file.read_text().replace("port: 5000", "port: auto"))
    demo.run("apply", "local", "-y")
    assert demo.run("verify", "local", "--json").result["ok"] is True
    assert demo.run("destroy", "local", "-y", *allowing(), "--json").result["left"] == []


def test_the_example_module_works_in_two_environments_side_by_side(project: Project) -> None:
    shutil.copytree(REPOSITORY / "examples" / "own-module", project.folder, dirs_exist_ok=True)
    text = (project.folder / "environments" / "local.yaml").read_text()
    project.write("other", text.replace("Our platform", "Their platform"))
    for environment in ("local", "other"):
        project.run("apply", environment, "-y")
    for environment, title in (("local", "Our platform"), ("other", "Their platform")):
        page = httpx.get(project.outputs(environment)["DASHBOARD_URL"]).text
        assert f"<h1>{title}</h1>" in page
        project.run("plan", environment, "--detailed-exitcode")
    assert project.run("destroy", "local", "-y", "--json").result["left"] == []
    project.run("plan", "other", "--detailed-exitcode")
    assert project.run("destroy", "other", "-y", "--json").result["left"] == []


def _without_hashes(folder: Path) -> Path:
    """The versions the repository is tested with, as constraints."""
    lines = (REPOSITORY / "requirements.lock").read_text().splitlines()
    file = folder / "constraints.txt"
    file.write_text("\n".join(line.removesuffix(" \\") for line in lines if PACKAGE.match(line)) + "\n")
    return file
