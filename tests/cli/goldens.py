"""Expected output kept in files; `DEPLOYER_UPDATE_GOLDEN=1` writes them anew, to be read before they are committed."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def expect(name: str, text: str) -> None:
    file = FOLDER / f"{name}.txt"
    if os.environ.get("DEPLOYER_UPDATE_GOLDEN"):
        file.write_text(text + "\n", "utf-8")
    assert text + "\n" == file.read_text("utf-8"), f"differs from {file}"
