"""Terraform on the same shapes, when it is on this machine.

Its `local_file` needs a provider plugin from a registry, which a machine may not reach; its built-in `terraform_data`
stands in. That favours Terraform: nothing is read from or written to the world, and no plugin process is started.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, best, measure
from benchmarks.shapes import EACH, Shape, write_component, write_terraform

VARIABLES = {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_DATA_DIR": ".terraform"}
PLAN = ("-input=false", "-no-color")
START = 10  # runs of what takes a moment, as of ours; what takes seconds and minutes is done once


def program() -> str | None:
    return shutil.which("terraform")


def version() -> str:
    said = subprocess.run(["terraform", "version", "-json"], capture_output=True, text=True, check=True, env={**os.environ, **VARIABLES})
    return str(json.loads(said.stdout)["terraform_version"])


class Terraform:
    """Each measured work, as Terraform does it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> Cost:
        return best(lambda: measure(["terraform", "version"], self._folder, VARIABLES), START)

    def validate(self) -> Cost:
        project = write_component(self._folder / "one")
        (project / "main.tf").write_text('resource "terraform_data" "store" {\n  input = "artifacts"\n}\n', encoding="utf-8")
        self._init(project)
        return best(lambda: measure(["terraform", "validate"], project, VARIABLES), START)

    def first_plan(self, shape: Shape, size: int) -> Cost:
        return measure(["terraform", "plan", *PLAN], self._project(shape, size, "first"), VARIABLES)

    def noop_plan(self, shape: Shape, size: int) -> Cost:
        """On a state written here: applying this much through Terraform only to plan after it would take minutes."""
        project = self._project(shape, size, "noop")
        (project / "terraform.tfstate").write_text(json.dumps(_state(shape, size)), encoding="utf-8")
        return measure(["terraform", "plan", *PLAN, "-detailed-exitcode"], project, VARIABLES)

    def apply(self, shape: Shape, size: int) -> Cost:
        return measure(["terraform", "apply", *PLAN, "-auto-approve"], self._project(shape, size, "apply"), VARIABLES)

    def refused(self) -> Cost:
        project = self._folder / "locked"
        project.mkdir()
        slow = 'resource "terraform_data" "slow" {\n  provisioner "local-exec" {\n    command = "exec sleep 60"\n  }\n}\n'
        (project / "main.tf").write_text(slow, encoding="utf-8")
        self._init(project)
        with _running(["terraform", "apply", *PLAN, "-auto-approve"], project, project / ".terraform.tfstate.lock.info"):
            return best(lambda: measure(["terraform", "apply", *PLAN, "-auto-approve"], project, VARIABLES, code=1), START)

    def _project(self, shape: Shape, size: int, purpose: str) -> Path:
        project = write_terraform(shape, size, self._folder / f"{shape.name}-{size}-{purpose}")
        self._init(project)
        return project

    def _init(self, project: Path) -> None:
        measure(["terraform", "init", *PLAN], project, VARIABLES)


@contextmanager
def _running(command: list[str], folder: Path, sign: Path) -> Iterator[None]:
    """The command at work in the background, from the moment `sign` is there."""
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **VARIABLES}, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        end = time.monotonic() + 30
        while not sign.exists() and time.monotonic() < end:
            time.sleep(0.05)
        yield
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _state(shape: Shape, size: int) -> dict[str, Any]:
    each = shape is EACH
    names = ["parts"] if each else [f"f{number}" for number in range(size)]
    resources = [
        {
            "mode": "managed",
            "type": "terraform_data",
            "name": name,
            "provider": 'provider["terraform.io/builtin/terraform"]',
            "instances": [_instance(f"part {key}\n", key) for key in range(size)] if each else [_instance(f"file number {name[1:]}\n")],
        }
        for name in names
    ]
    return {"version": 4, "terraform_version": version(), "serial": 1, "lineage": str(uuid.uuid4()), "outputs": {}, "resources": resources}


def _instance(text: str, key: int | None = None) -> dict[str, Any]:
    typed = {"value": text, "type": "string"}
    attributes = {"id": str(uuid.uuid4()), "input": typed, "output": typed, "triggers_replace": None}
    return {"schema_version": 0, "attributes": attributes, "sensitive_attributes": []} | ({} if key is None else {"index_key": key})
