from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deployer.core.errors import UsageError
from deployer.core.resource import Mark
from deployer.providers.registry import Options, kind_names, kind_rules, open_provider


def options(folder: Path) -> Options:
    return Options(folder, Mark("demo", "test"), folder / "cache")


def test_a_provider_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kubernetis") as caught:
        open_provider("kubernetis", options(tmp_path))
    assert "use one of local" in caught.value.fix


def test_a_kind_that_does_not_exist_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"local\.fil") as caught:
        kind_rules("local.fil")
    assert "did you mean local.file?" in caught.value.fix


def test_every_kind_of_an_open_provider_answers_to_its_name(tmp_path: Path) -> None:
    provider = open_provider("local", options(tmp_path))
    assert sorted(provider.kinds) == [name for name in kind_names() if name.startswith("local.")]
    assert [provider.kinds[name].name for name in provider.kinds] == list(provider.kinds)
    assert "local.nothing" not in provider.kinds
    assert provider.kinds["local.file"] is provider.kinds["local.file"]


def test_an_identity_names_machine_and_root_and_differs_by_root(tmp_path: Path) -> None:
    one, other = (open_provider("local", options(tmp_path / name)).identity() for name in ("a", "b"))
    assert one != other
    assert one.startswith("local:")
    assert one.endswith(str(tmp_path / "a"))


def test_asking_for_the_kinds_imports_nothing_heavy() -> None:
    code = (
        "import sys; from deployer.providers.registry import kind_names; kind_names(); "
        "print([name for name in ('pydantic', 'psutil', 'httpx', 'sqlite3', 'subprocess') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
