"""A saved plan: the plan itself, and the little of the spec that carrying it out needs. No secrets, only where they come from."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from deployer.core.errors import Origin, StalePlanError, UsageError
from deployer.core.plan import Plan
from deployer.core.values import canonical
from deployer.engine.document import plan_from_json, plan_to_json
from deployer.spec.spec import SpecSecret, SpecSettings, SpecState
from deployer.workflow.environment import Site

FORMAT = "deployer-saved-plan/1"
AGAIN = "make a new one with deployer plan ENV --out FILE"


def save_plan(file: Path, plan: Plan, site: Site) -> None:
    """Written beside and renamed, readable by its owner alone."""
    content = {"plan": plan_to_json(plan), "site": _kept(site)}
    document = {"format": FORMAT, "digest": _digest(content), **content}
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
            json.dump(document, stream, ensure_ascii=False, indent=1)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise UsageError(
            f"the plan cannot be saved as {file}", why=(error.strerror or str(error)).lower(), fix="name a file you can write"
        ) from None


def is_saved_plan(file: Path) -> bool:
    """Whether an argument means a saved plan and not an environment: an existing file that is JSON by name or content."""
    if not file.is_file():
        return False
    if file.suffix == ".json":
        return True
    with file.open("rb") as stream:
        return FORMAT.encode() in stream.read(64)


def load_plan(file: Path) -> tuple[Plan, Site]:
    """The plan, and the site it is for. Raises `StalePlanError` for anything else."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise StalePlanError(f"{file} cannot be read", why=(error.strerror or str(error)).lower(), fix=AGAIN) from None
    except ValueError:
        raise StalePlanError(f"{file} cannot be read as a saved plan", why="it is cut off, or no JSON", fix=AGAIN) from None
    if not isinstance(document, dict) or not str(document.get("format", "")).startswith("deployer-saved-plan/"):
        raise StalePlanError(f"{file} is not a saved plan", fix=AGAIN)
    if document["format"] != FORMAT:
        raise StalePlanError(f"{file} has the format {document['format']}; this deployer writes {FORMAT}", fix=AGAIN)
    content = {"plan": document.get("plan"), "site": document.get("site")}
    if document.get("digest") != _digest(content):
        raise StalePlanError(f"{file} was changed since it was saved", fix=AGAIN)
    try:
        return plan_from_json(content["plan"]), _site(document["site"])
    except (KeyError, TypeError, ValueError) as error:
        raise StalePlanError(f"{file} is damaged", why=type(error).__name__, fix=AGAIN) from None


def _digest(content: Any) -> str:  # noqa: ANN401 - any JSON
    return hashlib.sha256(canonical(content)).hexdigest()


def _kept(site: Site) -> dict[str, Any]:
    return {
        "project": str(site.project),
        "environment": site.environment,
        "platform": site.platform,
        "target": site.target,
        "settings": site.settings.as_json(),
        "state": {"url": site.state.url, "path": str(site.state.path) if site.state.path else None},
        "secrets": {
            name: {
                "env": item.env,
                "file": str(item.file) if item.file else None,
                "command": list(item.command),
                "origin": astuple(item.origin),
            }
            for name, item in site.secrets.items()
        },
    }


def _site(kept: dict[str, Any]) -> Site:
    settings, state = kept["settings"], kept["state"]
    return Site(
        Path(kept["project"]),
        kept["environment"],
        kept["platform"],
        kept["target"],
        SpecSettings(Path(settings["root"]), settings["python"], settings["bind"], settings["ready_timeout"]),
        SpecState(state["url"], Path(state["path"]) if state["path"] else None),
        {name: _secret(name, item) for name, item in kept["secrets"].items()},
    )


def _secret(name: str, item: dict[str, Any]) -> SpecSecret:
    return SpecSecret(name, Origin(*item["origin"]), item["env"], Path(item["file"]) if item["file"] else None, tuple(item["command"]))
