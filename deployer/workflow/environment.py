"""An environment, opened: its spec, what it wants, the hands and the memory that belong to it."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from deployer.core.errors import DeployerError, Origin, Problem, SpecError
from deployer.core.events import EventSink
from deployer.core.protocols import Backend, Kind, Provider, Secrets
from deployer.core.resource import Desired, Mark
from deployer.core.state import State
from deployer.core.values import Seal, sealer
from deployer.modules.mistakes import ExpandMistakesError
from deployer.providers.registry import Options, open_provider
from deployer.spec.load import SpecMistakesError, load
from deployer.spec.spec import Spec, SpecSecret, SpecSettings, SpecState
from deployer.workflow.answers import Where
from deployer.workflow.project import PRIVATE, cache_folder, locate
from deployer.workflow.seal import seal_of

if TYPE_CHECKING:  # imported where it is used: `validate` has no state, a held lock no plan
    from deployer.engine.safety import Premises
    from deployer.engine.survey import PlanSettings
    from deployer.modules.expand import Expanded

Look: TypeAlias = Callable[[Spec], None]


@dataclass(frozen=True, slots=True)
class Site:
    """The little of a spec that says where and as whom to work; a saved plan carries it."""

    project: Path
    environment: str
    platform: str
    target: str
    settings: SpecSettings
    state: SpecState
    secrets: Mapping[str, SpecSecret]

    @property
    def mark(self) -> Mark:
        return Mark(self.platform, self.environment)


def site_of(spec: Spec) -> Site:
    return Site(spec.project, spec.environment, spec.platform, spec.target.value, spec.settings, spec.state, spec.secrets)


@dataclass(frozen=True, slots=True)
class Tools:
    """What every story works with, once a spec (or a saved plan) has said where."""

    mark: Mark
    provider: Provider
    backend: Backend
    secrets: Secrets
    root: Path
    bind: str
    state_folder: Path | None
    ready_timeout: float

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return self.provider.kinds

    def state(self) -> State:
        """The state as it is now, without a lock."""
        from deployer.state.open import read  # noqa: PLC0415 - see above

        return read(self.backend, self.mark)

    def seal(self, *, make: bool) -> Seal:
        """`make`: keep the key for later runs; else an environment that has none gets one for this run only."""
        return seal_of(self.state_folder, make=make)

    def plan_settings(self, events: EventSink, *, keep_key: bool) -> PlanSettings:
        from deployer.engine.survey import PlanSettings  # noqa: PLC0415 - see above

        return PlanSettings(self.seal(make=keep_key), self.secrets, self.provider.identity(), uuid.uuid4().hex, time.monotonic, events)

    def premises(self, state: State) -> Premises:
        from deployer.engine.safety import Premises  # noqa: PLC0415 - see above

        return Premises(self.mark, self.provider.identity(), state, self.kinds)


@dataclass(frozen=True, slots=True)
class Environment:
    """A spec with all that follows from it."""

    spec: Spec
    expanded: Expanded
    tools: Tools

    @property
    def desired(self) -> Desired:
        return self.expanded.desired


def _nothing(spec: Spec) -> None:
    pass


def read_spec(where: Where) -> Spec:
    """The environment's spec alone. Raises `SpecError` with every mistake, `UsageError` for a name that is none."""
    project, file = locate(where)
    return load(file, project=project, cache=project / PRIVATE / "cache")


def expanded_spec(where: Where, early: Look = _nothing) -> tuple[Spec, Expanded]:
    """The spec and what its modules make of it; nothing outside is touched. Raises `SpecError` with the mistakes of all hops at once.

    `early` sees a spec without mistakes before anything is worked out, and may refuse it.
    """
    try:
        spec = read_spec(where)
    except SpecMistakesError as mistakes:
        raise _with_more(mistakes.problems, _mistakes(mistakes.rest)) from None
    early(spec)
    try:
        return spec, expansion(spec)
    except ExpandMistakesError as mistakes:
        raise _with_more(mistakes.problems, rehearsal(spec, mistakes.rest)) from None


def rehearsal(spec: Spec, desired: Desired) -> list[Problem]:
    """The mistakes a plan would find in the resources; nothing outside is read, no secret is asked for."""
    from deployer.engine.rehearsal import rehearse  # noqa: PLC0415 - see above

    with _provider(site_of(spec)) as provider:
        return rehearse(desired, provider.kinds, sealer(b"compared and forgotten"))


def _mistakes(spec: Spec | None) -> Sequence[Problem]:
    """What the later hops say of what the first one left."""
    if spec is None:
        return ()
    try:
        return rehearsal(spec, expansion(spec).desired)
    except ExpandMistakesError as mistakes:
        return [*mistakes.problems, *rehearsal(spec, mistakes.rest)]
    except DeployerError:  # it stands on what was told already: a folder that is missing, a target without a provider
        return ()


def _with_more(told: Sequence[Problem], more: Iterable[Problem]) -> SpecError:
    """All of them by place; nothing is said twice about one."""
    places = {(problem.origin, problem.path) for problem in told}
    new = [problem for problem in more if (problem.origin, problem.path) not in places]
    return SpecError(sorted([*told, *new], key=lambda problem: problem.origin or Origin("")))


def expansion(spec: Spec) -> Expanded:
    """What the spec's modules make of it; reads module files only."""
    from deployer.modules.expand import expand  # noqa: PLC0415 - see above
    from deployer.modules.load import library  # noqa: PLC0415 - see above
    from deployer.workflow.kinds import KindRules  # noqa: PLC0415 - see above

    return expand(spec, library(spec.modules, spec.project), KindRules(), dict(os.environ))


@contextmanager
def opening(where: Where, early: Look = _nothing) -> Iterator[Environment]:
    """Everything a story needs, closed afterwards. `early` as in `expanded_spec`."""
    spec, expanded = expanded_spec(where, early)
    with tools_for(site_of(spec)) as tools:
        yield Environment(spec, expanded, tools)


@contextmanager
def opening_to_destroy(where: Where) -> Iterator[tuple[Spec, Desired, Tools]]:
    """As `opening`, but modules that cannot be read any more do not keep anything from being removed."""
    spec = read_spec(where)
    try:
        desired = expansion(spec).desired
    except SpecError:
        desired = Desired(site_of(spec).mark, spec.target.value, {}, digest=spec.digest)
    with tools_for(site_of(spec)) as tools:
        yield spec, desired, tools


@contextmanager
def tools_for(site: Site) -> Iterator[Tools]:
    """The provider, backend and secrets of a site."""
    from deployer.spec.secrets import SecretReader  # noqa: PLC0415 - see above
    from deployer.state.open import open_backend  # noqa: PLC0415 - see above

    with _provider(site) as provider:
        backend = open_backend(site.state.url, site.project)
        secrets = SecretReader(site.secrets, site.project, dict(os.environ))
        settings = site.settings
        yield Tools(site.mark, provider, backend, secrets, settings.root, settings.bind, site.state.path, float(settings.ready_timeout))


@contextmanager
def _provider(site: Site) -> Iterator[Provider]:
    settings = site.settings
    provider = open_provider(site.target, Options(settings.root, site.mark, cache_folder(), settings.python, settings.bind))
    try:
        yield provider
    finally:
        provider.close()
