"""The key that seals what must not be shown: equal values look equal, and nothing can be read back."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from deployer.core.errors import StateError
from deployer.core.values import Seal, sealer

KEY_BYTES = 32


def seal_of(state_folder: Path | None, *, make: bool) -> Seal:
    """The environment's keyed digest. Its key lies beside the state; without one, and unless told to make it, one for this run only."""
    if state_folder is None:
        return sealer(secrets.token_bytes(KEY_BYTES))
    file = state_folder.parent / "seal.key"
    key = _read_key(file)
    if key is None:
        key = _make_key(file) if make else secrets.token_bytes(KEY_BYTES)
    return sealer(key)


def _read_key(file: Path) -> bytes | None:
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{file} cannot be read", why=str(error.strerror), fix="make it readable for you") from None
    if len(key) != KEY_BYTES:
        raise StateError(
            f"{file} is damaged", why=f"{len(key)} bytes instead of {KEY_BYTES}", fix="remove it; the next apply makes a new one"
        )
    return key


def _make_key(file: Path) -> bytes:
    """Written beside and linked into place, so that it is there whole or not at all; whoever came first wins."""
    draft = file.with_name(f".seal-{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
            stream.write(secrets.token_bytes(KEY_BYTES))
            stream.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(draft)
        draft.unlink()
    except OSError as error:
        raise StateError(f"{file} cannot be written", why=str(error.strerror), fix="make its folder writable, or set state.path") from None
    return _read_key(file) or b""
