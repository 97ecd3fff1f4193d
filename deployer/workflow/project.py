"""Where things lie: the project's folder, an environment's file, caches."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from deployer.core.errors import UsageError
from deployer.workflow.answers import Where

FOLDER = "environments"
PRIVATE = ".deployer"
SUFFIXES = (".yaml", ".yml")


def locate(where: Where) -> tuple[Path, Path]:
    """The project's folder and the environment's file, both absolute. Raises `UsageError` naming what is there instead.

    A path of `.../environments/NAME.yaml` brings its project with it; any other file belongs to the folder we are in.
    """
    if where.environment.endswith(SUFFIXES) or "/" in where.environment:
        file = (where.folder / where.environment).absolute()
        if not file.is_file():
            raise UsageError(f"there is no file {file}")
        project = file.parent.parent if file.parent.name == FOLDER else where.folder.absolute()
        return project, file
    if where.environment.endswith(".json"):
        raise UsageError(f"there is no file {where.folder / where.environment}", fix="a saved plan is made by deployer plan ENV --out FILE")
    project = project_of(where.folder)
    file = project / FOLDER / f"{where.environment}.yaml"
    if not file.is_file():
        raise _unknown(where.environment, project)
    return project, file


def project_of(folder: Path) -> Path:
    """The folder itself when it is a project; else the one project right below it; else the folder."""
    folder = folder.absolute()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    if (folder / FOLDER).is_dir():
        return folder
    below = [child for child in sorted(folder.iterdir()) if (child / FOLDER).is_dir() and any((child / FOLDER).glob("*.yaml"))]
    return below[0] if len(below) == 1 else folder


def environment_names(project: Path) -> list[str]:
    """Names of the environments of a project; files that others extend are among them."""
    return sorted(path.stem for path in (project / FOLDER).glob("*.yaml"))


def cache_folder() -> Path:
    """What all environments of the machine share: built Python environments, parsed specs."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - not needed to find a file

    return user_cache_path("deployer")


def _unknown(name: str, project: Path) -> UsageError:
    names = environment_names(project)
    if not names:
        why = f"{project} has no {FOLDER}/ with environments"
        return UsageError(f"there is no environment {name!r}", why=why, fix="make a project with deployer init, or name its folder with -C")
    near = get_close_matches(name, names, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return UsageError(f"there is no environment {name!r}", why=f"{project / FOLDER} has {', '.join(names)}{meant}")
