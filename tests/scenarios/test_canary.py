"""A secret nobody may ever see, searched for everywhere: files, logs, output, process arguments, file modes."""

from __future__ import annotations

import stat
from pathlib import Path

import psutil
import yaml

from tests.scenarios.project import Project
from tests.scenarios.small import spec

CANARY = "canary-7f3a-do-not-tell"
OTHER = "canary-9b1c-do-not-tell"


def secretive() -> str:
    document = yaml.safe_load(spec(1))
    document["secrets"] = {"CANARY": {"env": "THE_CANARY"}}
    server = document["resources"]["server"]["config"]
    server["secret_environment"]["CANARY"] = "${secret:CANARY}"
    server["secret_environment"]["URL"] = "https://user:${secret:CANARY}@host/"
    document["resources"]["config"] = {
        "kind": "local.file",
        "config": {"path": "config.ini", "sensitive_content": "password = ${secret:CANARY}\n"},
    }
    return yaml.safe_dump(document)


def told(project: Project, word: str) -> str:
    """Everything deployer says in every verb, as text and as JSON."""
    plan = project.folder / "p.json"
    verbs = [
        ["validate", "local"],
        ["plan", "local"],
        ["plan", "local", "--out", str(plan)],
        ["apply", str(plan), "-y"],
        ["plan", "local"],
        ["status", "local"],
        ["output", "local"],
        ["graph", "local"],
        ["state", "list", "local"],
        ["state", "show", "local", "resources/local.process/server"],
        ["doctor", "local"],
        ["schema"],
        ["recover", "local"],
    ]
    heard = []
    for verb in verbs:
        for words in (verb, [*verb, "--json"]) if "apply" not in verb else (verb,):
            said = project.run(*words, code=None)
            heard.append(f"{words}\n{said.out}\n{said.err}")
    return "\n".join(text for text in heard if word in text)


def leaks(folder: Path, word: str, allowed: set[str]) -> list[str]:
    """Files that hold the secret and are not among those that must."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and word.encode() in path.read_bytes()]
    return [str(path.relative_to(folder)) for path in found if str(path.relative_to(folder)) not in allowed]


def test_a_secret_is_nowhere_but_where_it_must_be(project: Project) -> None:
    project.variables = {"THE_CANARY": CANARY}
    project.write("local", secretive())
    assert told(project, CANARY) == ""
    holders = {".deployer/local/root/programs/resources.server.json", ".deployer/local/root/config.ini"}
    assert leaks(project.folder, CANARY, holders) == []
    assert CANARY.encode() in (project.root() / "config.ini").read_bytes()
    for process in psutil.process_iter():
        try:
            assert CANARY not in " ".join(process.cmdline()), process
        except psutil.Error:
            continue

    # It changes: the old one, the new one, and a hand edit of the file that holds it are all shown as digests only.
    project.variables = {"THE_CANARY": OTHER}
    edited = project.root() / "config.ini"
    edited.write_text("password = canary-edited-by-hand\n")
    heard = [project.run(*words, code=None) for words in (["plan", "local"], ["plan", "local", "--json"], ["apply", "local", "-y"])]
    text = "".join(said.out + said.err for said in heard)
    for word in (CANARY, OTHER, "canary-edited-by-hand"):
        assert word not in text
    assert "(sensitive)" in text
    assert leaks(project.folder, OTHER, holders) == []
    assert leaks(project.folder, CANARY, set()) == []


def test_a_failing_secret_source_names_the_source_and_not_the_value(project: Project) -> None:
    project.write(
        "local", secretive().replace("env: THE_CANARY", "command: [sh, -c, 'echo canary-in-output; echo canary-in-error >&2; exit 3']")
    )
    said = project.run("plan", "local", code=1)
    assert "CANARY" in said.err
    assert "canary-in-output" not in said.out + said.err


def test_everything_made_is_private(project: Project) -> None:
    project.variables = {"THE_CANARY": CANARY}
    project.write("local", secretive())
    project.run("apply", "local", "-y")
    for path in (project.folder / ".deployer").rglob("*"):
        if "envs/" in str(path) or path.is_symlink():
            continue
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode & 0o077 == 0, f"{path} is {mode:o}"
