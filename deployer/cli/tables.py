"""Answers as tables and pages: status, outputs, modules, state, checks."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime

from deployer.cli.text import PLAIN, Paint, count, duration, size, table
from deployer.cli.values import SENSITIVE, UNKNOWN, show
from deployer.core.state import Holder, State
from deployer.workflow.answers import ComponentStatus, Field, Health, ModulePage, Output, Preflight, Status

COLOURS = {Health.HEALTHY: "green", Health.STARTING: "yellow", Health.UNHEALTHY: "red", Health.ABSENT: "dim"}

DEEP = "      "


def moment(seconds: float) -> str:
    """Local time with its offset."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")


def status_text(status: Status, paint: Paint = PLAIN, columns: int = 100) -> str:
    head = ("component", "health", "url", "version", "for", "restarts", "memory")
    lines = table(head, [_status_row(item, status.at) for item in status.components], columns)
    for health, colour in COLOURS.items():
        lines = [lines[0], *(line.replace(health.value, paint(health.value, colour), 1) for line in lines[1:])]
    for item in status.components:
        if item.cause:
            lines += ["", f"{paint(item.component, 'bold')} {paint(item.cause, COLOURS[item.health])}"]
            lines += [f"  fix: {item.fix}"] if item.fix else []
    if status.holder:
        lines += ["", f"locked by {holder_text(status.holder)}"]
    return "\n".join(lines) if status.components else "This environment has no components."


def _status_row(item: ComponentStatus, now: float) -> tuple[str, ...]:
    return (
        item.component,
        item.health.value,
        item.url,
        item.version,
        duration(max(0.0, now - item.since)) if item.since else "",
        "" if item.restarts is None else str(item.restarts),
        "" if item.memory is None else size(item.memory),
    )


def holder_text(holder: Holder) -> str:
    return f"{holder.user}@{holder.host} pid {holder.pid} ({holder.command}) since {moment(holder.since)}"


def outputs_text(outputs: Sequence[Output], paint: Paint = PLAIN, columns: int = 100) -> str:
    """`component.output  value`, aligned. Text is never shortened, so that it can be copied; a map or a list is."""
    side = max((len(f"{item.component}.{item.name}") for item in outputs), default=0)
    return "\n".join(
        f"{paint(f'{item.component}.{item.name}'.ljust(side), 'bold')}  {_value(item, columns - side - 2)}" for item in outputs
    )


def _value(item: Output, columns: int) -> str:
    if not item.known:
        return UNKNOWN
    if item.value is None and item.sensitive:
        return SENSITIVE
    return item.value if isinstance(item.value, str) else show(item.value, max(20, columns - 20))


def modules_table(pages: Sequence[ModulePage], columns: int = 100) -> str:
    rows = [(f"{page.component}/{page.module}", ", ".join(page.targets), page.summary) for page in pages]
    return "\n".join(table(("module", "targets", "what it is"), rows, columns))


def module_page(page: ModulePage, paint: Paint = PLAIN) -> str:
    """Everything one module says about itself."""
    lines = [f"{paint(f'{page.component}/{page.module}', 'bold')}: {page.summary}"]
    lines += ["", page.description.strip()] if page.description.strip() else []
    lines += [f"targets: {', '.join(page.targets)}"]
    lines += [f"{name} {version}" for name, version in page.versions.items()]
    for title, pairs in (("needs", page.requires.items()),):
        lines += ["", paint(title, "bold"), *(f"  {name}: {why}" for name, why in pairs)] if page.requires else []
    for title, fields in (("inputs", page.inputs), ("outputs", page.outputs)):
        lines += ["", paint(title, "bold"), *(line for field in fields for line in _field(field, paint))] if fields else []
    return "\n".join(lines)


def _field(field: Field, paint: Paint) -> list[str]:
    facts = [field.type, "required" if field.required else f"default {field.default}" if field.default else ""]
    facts += ["sensitive" if field.sensitive else "", f"as {field.variable}" if field.variable else ""]
    told = ", ".join(fact for fact in facts if fact)
    return [
        f"  {paint(field.name, 'cyan')}{f' ({told})' if told else ''}",
        *textwrap.wrap(field.doc, 100, initial_indent=DEEP, subsequent_indent=DEEP),
    ]


def state_table(state: State, columns: int = 100) -> str:
    rows = [(item.address, item.id, item.pending.value) for item in state.objects.values()]
    rows += [(item.address, item.id, "deposed") for item in state.deposed]
    last = f"{count(len(rows), 'object')}" + (
        f", serial {state.serial}, lineage {state.lineage}" if state.lineage else ": nothing was applied"
    )
    return "\n".join([*(table(("address", "id", "pending"), sorted(rows), columns) if rows else []), last])


def checks_text(seen: Preflight, paint: Paint = PLAIN, *, failing_only: bool = False) -> str:
    """A line a check, its fix below it when it failed."""
    lines: list[str] = []
    for check in seen.checks:
        if check.ok and failing_only:
            continue
        sign = paint("✓", "green") if check.ok else paint("!", "yellow") if check.warning else paint("✗", "red")
        lines.append(f"{sign} {check.name}: {check.detail}")
        lines += [f"    fix: {check.fix}"] if check.fix and not check.ok else []
    lines += [f"{paint('✗', 'red')} {problem}" for problem in seen.problems]
    return "\n".join(lines)
