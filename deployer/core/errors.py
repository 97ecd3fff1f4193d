"""One tree of errors. A message says what happened, why, and what to do next; the CLI alone turns it into an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where in the user's files a value stands. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: `file:line:column: path: what is wrong (value ...); what is allowed; did you mean`."""

    what: str
    path: str = ""
    origin: Origin | None = None
    value: str | None = None
    allowed: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        head = "".join(f"{part}: " for part in (self.origin, self.path) if part)
        shown = f" (value {self.value})" if self.value is not None else ""
        tail = f"; {self.allowed}" if self.allowed else ""
        meant = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{head}{self.what}{shown}{tail}{meant}"


class DeployerError(Exception):
    """Anything we can explain. `fix` says what to do next."""

    code = "error"

    def __init__(self, what: str, *, why: str = "", fix: str = "", origin: Origin | None = None) -> None:
        self.what, self.why, self.fix, self.origin = what, why, fix, origin
        super().__init__(what)

    def __str__(self) -> str:
        head = f"{self.origin}: " if self.origin else ""
        why = f": {self.why}" if self.why else ""
        fix = f"\n  fix: {self.fix}" if self.fix else ""
        return f"{head}{self.what}{why}{fix}"


class SpecError(DeployerError):
    """Every mistake in what the user wrote, all at once."""

    code = "spec"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(DeployerError):
    """A resource's configuration its kind refuses. `problems` carry paths inside the configuration, without origin."""

    code = "config"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PreflightError(DeployerError):
    """What would go wrong, found before the first change."""

    code = "preflight"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class GraphError(DeployerError):
    """A cycle or an unknown reference between resources: the whole path, with its spec lines."""

    code = "graph"


class OwnershipError(DeployerError):
    """An object with our id exists and belongs to somebody else, whom the message names."""

    code = "ownership"


class StalePlanError(DeployerError):
    """A saved plan that may not run: the world moved, it ran already, or it is another environment's or lineage's."""

    code = "stale_plan"


class DataLossError(DeployerError):
    """A step would destroy data and nobody allowed it. `addresses` are the ones to name."""

    code = "data_loss"

    def __init__(self, what: str, addresses: Sequence[str], *, fix: str = "") -> None:
        self.addresses = tuple(addresses)
        super().__init__(what, fix=fix)


class StateError(DeployerError):
    """A state, journal or lock that cannot be used as it is: corrupt, newer than we are, missing."""

    code = "state"


class LockHeldError(StateError):
    """Somebody else holds the lock; the message names the holder. Exit code 3."""

    code = "lock_held"

    def __init__(self, what: str, holder: Mapping[str, str | int | float], *, why: str = "", fix: str = "") -> None:
        self.holder = dict(holder)
        super().__init__(what, why=why, fix=fix)


class FencedError(StateError):
    """We lost the lock while working: another holder's epoch is on it, and our write was refused."""

    code = "fenced"


class ProviderError(DeployerError):
    """A call to the outside failed. `transient` errors are worth another try."""

    code = "provider"

    def __init__(self, what: str, *, why: str = "", fix: str = "", origin: Origin | None = None, transient: bool = False) -> None:
        self.transient = transient
        super().__init__(what, why=why, fix=fix, origin=origin)


class NotReadyError(DeployerError):
    """An object was made and did not become ready; it is kept, and the next apply goes on waiting."""

    code = "not_ready"


class ApplyError(DeployerError):
    """Some steps failed or were left out. `failures` maps a step's address to its message; `skipped` waited for those."""

    code = "apply"

    def __init__(self, failures: Mapping[str, str], skipped: Sequence[str]) -> None:
        self.failures, self.skipped = dict(failures), tuple(skipped)
        lines = [f"{address}: {message}" for address, message in self.failures.items()]
        if skipped:
            lines.append(f"not started because of that: {', '.join(skipped)}")
        super().__init__("\n".join(lines), fix="mend the cause and run apply again; what was made is kept and recorded")


class InterruptedApplyError(DeployerError):
    """Ctrl-C: nothing new was started, what ran was recorded. Exit code 130."""

    code = "interrupted"


class UsageError(DeployerError):
    """The command was asked for something that does not exist or does not fit."""

    code = "usage"
