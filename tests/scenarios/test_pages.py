"""What the pages show is what happens: their specs are valid, their stories run, their links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scenarios.project import COMMAND, REPOSITORY, Project

PAGES = sorted([REPOSITORY / "README.md", *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/*/README.md")])
STORIES = [page for page in PAGES if "```console\n" in page.read_text()]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]*))?\)")
SHOWN_FOLDER = "/srv/demo"  # where the pages' project lies


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}: {self.text.splitlines()[0]}"


def blocks(page: Path) -> list[Block]:
    return [Block(page, language, text) for language, text in FENCED.findall(page.read_text())]


VERSION = re.compile(r"^version: 1$", re.MULTILINE)
# A whole spec, and not a part of one: it says what version it is.
SPECS = [block for page in PAGES for block in blocks(page) if block.language == "yaml" and VERSION.search(block.text)]


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_a_spec_on_a_page_is_valid(block: Block, project: Project) -> None:
    project.write("local", block.text)
    shutil.copy(REPOSITORY / "environments" / "base.yaml", project.folder / "environments")
    project.run("validate", "local")


@pytest.mark.parametrize("page", STORIES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_story_on_a_page_happens_as_it_is_told(page: Path, project: Project) -> None:
    folder = project.folder.resolve()
    for block in blocks(page):
        named = re.match(r"# (\S+)\n", block.text)
        if block.language == "yaml" and named:
            file = folder / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
        if block.language == "console":
            for command, told in commands(block.text):
                said = shell(command, folder, project.variables)
                assert fits(told, said), f"$ {command}\n{said}\n--- but the page says\n{told}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command with what the page says it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, told = part.partition("\n")
        yield command, told


def shell(command: str, folder: Path, variables: dict[str, str]) -> str:
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **variables, "PATH": path, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout.replace(str(folder), SHOWN_FOLDER)


def fits(told: str, said: str) -> bool:
    """Whether the output is what the page shows: `...` is anything, alone on a line any number of lines; no duration is another's."""
    pattern = re.sub(r"\d+(?:\\\.\d+)?\\ s\b", r"[0-9.]+\\ s", re.escape(told))
    pattern = re.sub(r"^\\\.\\\.\\\.\\\n", r"(?:.*\n)*?", pattern, flags=re.MULTILINE).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, said) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    for name, anchor in LINK.findall(text):
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), name
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, f"{name}#{anchor}"
