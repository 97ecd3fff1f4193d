"""One step at a time: record what begins, call the kind, record what came of it, wait until it works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from deployer.core.errors import InterruptedApplyError, NotReadyError, OwnershipError, ProviderError, StalePlanError
from deployer.core.events import Event, EventSink, EventType
from deployer.core.plan import Action, Step
from deployer.core.protocols import Kind, Ledger, Retry
from deployer.core.resource import Failed, Live, Mark, Ready, Waiting, Want
from deployer.core.state import Entry, EntryType, Pending, StateObject
from deployer.core.values import Sensitive, Unknown, Value, leaves, plain, replace_leaves
from deployer.engine.diff import changes, digest
from deployer.engine.survey import Key
from deployer.engine.values import Known, Resolver, hide, outputs_of, shown_outputs

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT = 0.05, 1.0  # seconds between looks at readiness


@dataclass(frozen=True, slots=True)
class Hands:
    """What acting needs."""

    kinds: Mapping[str, Kind]
    ledger: Ledger
    retry: Retry
    events: EventSink
    clock: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Settled:
    """A step's configuration with nothing unknown any more."""

    id: str
    config: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Operator:
    """Performs steps. `known` grows as objects come to stand; `live` is what the plan's check read."""

    mark: Mark
    hands: Hands
    resolver: Resolver
    known: dict[str, Known]
    live: Mapping[Key, Live | None]
    stop: threading.Event
    ready_timeout: float

    def perform(self, step: Step) -> None:
        """Carries out one step. Every path through here may be cut off anywhere; the next run reads the world and goes on."""
        self.hands.events(Event(EventType.STARTED, step.address, step.action))
        match step.action:
            case Action.CREATE | Action.UPDATE | Action.ADOPT | Action.WAIT:
                self._stand(step)
            case Action.DELETE:
                self._delete(step)
            case Action.FORGET:
                self._write(Entry(EntryType.FORGET, self._object(step)))
            case Action.MOVE:
                self._write(Entry(EntryType.MOVE, replace(self._recorded(step.source), address=step.address), step.source))

    def _stand(self, step: Step) -> None:
        """Create, update, adopt and wait all end the same way: recorded, ready, and known to dependents."""
        settled = self._settle(step)
        kind = self.hands.kinds[step.kind]
        match step.action:
            case Action.CREATE:
                live = self._create(step, settled, kind)
            case Action.UPDATE:
                live = self._update(step, settled, kind)
            case _:
                live = self._current(step, kind, settled.id)
        self._finish(step, settled, kind, live)

    def _settle(self, step: Step) -> Settled:
        kind = self.hands.kinds[step.kind]
        open_before = any(isinstance(leaf, Unknown) for _, leaf in leaves(step.config))
        config: Mapping[str, Value] = replace_leaves(step.config, lambda leaf: self._leaf(step, leaf))
        if open_before:
            config = hide(kind.parse(config), kind.rules, self.resolver.seal)
        object_id = step.object_id if step.object_id is not None else kind.identify(step.address, config)
        if object_id is None:
            raise ProviderError(f"{step.address}: its id is still unknown", why="what it follows from was not made")
        return Settled(object_id, config)

    def _leaf(self, step: Step, leaf: Value) -> Value:
        if isinstance(leaf, Unknown):
            return self.resolver.template(leaf.template)
        if isinstance(leaf, Sensitive) and leaf.value is None and leaf.template is not None:
            opened = self.resolver.template(leaf.template)
            value = opened.value if isinstance(opened, Sensitive) else opened
            if self.resolver.seal(value) != leaf.digest:
                raise StalePlanError(f"{step.address}: a secret changed since the plan was made", fix="make a new plan")
            return Sensitive(leaf.digest, value, leaf.template)
        return leaf

    def _create(self, step: Step, settled: Settled, kind: Kind) -> Live:
        if step.object_id is None:
            self._require_free(step, settled, kind)
        begun = replace(self._object(step), id=settled.id, pending=Pending.CREATE)
        self._begin(step, begun)
        return self._call(step, lambda: kind.create(self._want(step, settled)))

    def _require_free(self, step: Step, settled: Settled, kind: Kind) -> None:
        """An id that was unknown at plan time was not looked at then."""
        live = kind.read([settled.id]).get(settled.id)
        if live is not None and not self.mark.owns(live.mark):
            owner = f"it belongs to {live.mark}" if live.mark is not None else "nobody marked it as ours"
            raise OwnershipError(f"{step.address}: {settled.id} exists already", why=owner, origin=step.origin)

    def _begin(self, step: Step, begun: StateObject) -> None:
        entries = [Entry(EntryType.BEGIN, begun)]
        recorded = self.hands.ledger.recorded(step.address)
        if recorded is not None and recorded.id != begun.id and (step.create_first or self._handed_over(recorded)):
            entries.insert(0, Entry(EntryType.DEPOSE, recorded))
        self.hands.ledger.write(entries)

    def _handed_over(self, recorded: StateObject) -> bool:
        """Whether another step takes the recorded object over; until it has, the record must not be lost."""
        return self.live.get((recorded.kind, recorded.id)) is not None

    def _update(self, step: Step, settled: Settled, kind: Kind) -> Live:
        live = self._current(step, kind, settled.id)
        found = changes(settled.config, live.config, kind.rules, self.resolver.seal)
        want = self._want(step, settled)
        recorded = self.hands.ledger.recorded(step.address)
        if not found and live.mark == want.mark and (recorded is None or recorded.id == live.id):
            return live
        self._begin(step, replace(self._object(step), id=settled.id, pending=Pending.UPDATE))
        return self._call(step, lambda: kind.update(live, want, found))

    def _current(self, step: Step, kind: Kind, object_id: str) -> Live:
        """What is there now; read again when steps before this one may have touched it."""
        live = self.live.get((step.kind, object_id))
        if step.after or live is None:
            live = self._call(step, lambda: kind.read([object_id])).get(object_id)
        if live is None:
            raise ProviderError(f"{step.address}: {object_id} is gone", why="it was there when the plan was made", fix="apply again")
        return live

    def _finish(self, step: Step, settled: Settled, kind: Kind, live: Live) -> None:
        made = replace(
            self._object(step),
            id=live.id,
            digest=digest(settled.config, self.resolver.seal),
            outputs=shown_outputs(live.outputs, kind.rules),
        )
        first = self._call(step, lambda: kind.ready(live))
        if isinstance(first, Ready):
            self._write(Entry(EntryType.END, made))
        else:
            self._write(Entry(EntryType.END, replace(made, pending=Pending.WAIT)))
            self._wait_ready(step, kind, live, first)
            self._write(Entry(EntryType.END, made))
        self.known[step.address] = Known(outputs_of(live.outputs, kind.rules, self.resolver.seal), complete=True)

    def _wait_ready(self, step: Step, kind: Kind, live: Live, readiness: Waiting | Failed) -> None:
        """Looks again until it works, cannot work, or the deadline passes. The object is kept in every case."""
        started, pause = self.hands.clock(), FIRST_WAIT
        current: Ready | Waiting | Failed = readiness
        while not isinstance(current, Ready):
            waited = self.hands.clock() - started
            if isinstance(current, Failed):
                raise NotReadyError(f"not ready: {current.reason}", fix=current.fix, origin=step.origin)
            if waited > self.ready_timeout:
                raise NotReadyError(
                    f"not ready after {waited:.0f} s: {current.reason}", fix="apply again to go on waiting", origin=step.origin
                )
            if self.stop.is_set():
                raise InterruptedApplyError(f"{step.address}: stopped waiting: {current.reason}")
            self.hands.events(Event(EventType.WAITING, step.address, step.action, current.reason, waited))
            self.hands.sleep(pause)
            pause = min(pause * 1.5, LONGEST_WAIT)
            current = self._call(step, lambda: kind.ready(live))

    def _delete(self, step: Step) -> None:
        kind = self.hands.kinds[step.kind]
        going = self._object(step)
        live = self.live.get((step.kind, going.id))
        if step.after:
            live = self._call(step, lambda: kind.read([going.id])).get(going.id)
        if live is None and step.token is None:
            live = Live(going.id, {})  # what an interrupted call left of it is not the object, and goes too
        if live is not None:
            if not step.deposed:
                self._write(Entry(EntryType.BEGIN, replace(self._recorded(step.address, going), pending=Pending.DELETE)))
            self._call(step, lambda: kind.delete(live))
        self._write(Entry(EntryType.FORGET, going))

    def _call(self, step: Step, call: Callable[[], T]) -> T:
        def note(reason: str) -> None:
            self.hands.events(Event(EventType.RETRYING, step.address, step.action, reason))

        return self.hands.retry(call, _transient, note)

    def _write(self, entry: Entry) -> None:
        self.hands.ledger.write([entry])

    def _recorded(self, address: str, otherwise: StateObject | None = None) -> StateObject:
        recorded = self.hands.ledger.recorded(address) or otherwise
        if recorded is None:
            raise StalePlanError(f"{address} is not in the state any more", fix="make a new plan")
        return recorded

    def _object(self, step: Step) -> StateObject:
        return StateObject(step.address, step.kind, step.object_id or "", edges=step.edges, prevent_destroy=step.prevent_destroy)

    def _want(self, step: Step, settled: Settled) -> Want:
        config = plain(settled.config)
        assert isinstance(config, dict)  # noqa: S101 - a configuration is a mapping
        return Want(step.address, settled.id, self.mark.at(step.address), config)


def _transient(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.transient
