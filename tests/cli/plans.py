"""Plans to be shown."""

from __future__ import annotations

from deployer.core.errors import Origin
from deployer.core.plan import Action, Drift, Impact, Plan, Step
from deployer.core.resource import ABSENT, Change, Mark
from deployer.core.values import OutputRef, Sensitive, Template, Unknown

FILE = "environments/local.yaml"
LATER = Unknown(Template((OutputRef("tracking/local.port/http", "port"),)))
HIDDEN = Sensitive("5ea1", "canary-secret")


def step(action: Action, address: str, **more: object) -> Step:
    kind = address.split("/")[1]
    facts: dict[str, object] = {"object_id": f"/root/{address}", "reason": "not there yet", "origin": Origin(FILE, 5, 3), **more}
    return Step(f"{action}:{address}", action, address, kind, **facts)  # type: ignore[arg-type]


def plan(*steps: Step, **more: object) -> Plan:
    facts: dict[str, object] = {"unchanged": 3, "reads": 4, "seconds": 0.12, **more}
    return Plan("p1", Mark("demo", "local"), "local", "local:m:/root", "d", "lineage", 7, steps, **facts)  # type: ignore[arg-type]


EVERYTHING = plan(
    step(
        Action.CREATE,
        "tracking/local.process/server",
        config={
            "command": ["mlflow", "server"],
            "environment": {"A": "b" * 150},
            "port": LATER,
            "secret_environment": {"P": HIDDEN},
            "health": None,
        },
    ),
    step(
        Action.UPDATE,
        "tracking/local.file/config",
        reason="the spec changed: content, mode",
        impact=Impact.IN_PLACE,
        changes=(
            Change(("content",), "one\ntwo\nthree\n", "one\n2\nthree\n"),
            Change(("mode",), "0600", "0644"),
            Change(("values", 0, "key"), ABSENT, LATER),
            Change(("password",), HIDDEN, Sensitive("0ther", "canary-two")),
        ),
    ),
    step(
        Action.UPDATE,
        "tracking/local.process/worker",
        reason="the spec changed: command",
        impact=Impact.RESTART,
        changes=(Change(("command",), "a" * 80, "b" * 80),),
    ),
    step(
        Action.DELETE,
        "database/local.sqlite/store",
        reason="the spec changed: path",
        impact=Impact.DATA_LOSS,
        data="database /root/mlflow.db (3.1 MB)",
        replaces=True,
    ),
    step(
        Action.CREATE,
        "database/local.sqlite/store",
        reason="the spec changed: path",
        replaces=True,
        impact=Impact.REPLACE,
        changes=(Change(("path",), "mlflow.db", "other.db"),),
    ),
    step(
        Action.CREATE,
        "tracking/local.python_env/env",
        reason="the spec changed: lock",
        replaces=True,
        impact=Impact.REPLACE,
        create_first="its kind asks for it",
        changes=(Change(("lock",), "x", "y"),),
    ),
    step(Action.DELETE, "old/local.file/gone", reason="it left the spec", origin=None, prevent_destroy=True),
    step(Action.MOVE, "new/local.file/name", reason="moved", source="old/local.file/name"),
    step(Action.ADOPT, "artifacts/local.directory/store", reason="ours by its mark"),
    step(Action.WAIT, "pipelines/local.process/server", reason="made before, not ready yet"),
    step(Action.FORGET, "extra/local.file/lost", reason="gone from the world, not wanted", origin=None),
    drift=(
        Drift("tracking/local.file/config", "local.file", (Change(("content",), "edited by hand", "as applied"),)),
        Drift("artifacts/local.file/note", "local.file", gone=True),
    ),
)
EMPTY = plan()
DESTROY = plan(
    step(Action.DELETE, "tracking/local.process/server", reason="everything is to go", origin=None),
    step(Action.DELETE, "database/local.sqlite/store", reason="everything is to go", impact=Impact.DATA_LOSS, data="database (3.1 MB)"),
    destroy=True,
    kept=("artifacts/local.directory/store",),
    unchanged=1,
)
