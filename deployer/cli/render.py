"""The plan as a person reads it: what, why, where it was asked for, and what it costs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployer.cli.text import PLAIN, Paint, count, duration
from deployer.cli.values import change_lines, show
from deployer.core.plan import Action, Drift, Impact, Plan, Step, totals
from deployer.core.resource import Change
from deployer.core.values import leaves, show_path

SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.ADOPT: ("=", "cyan"),
    Action.WAIT: ("…", "cyan"),
    Action.FORGET: ("x", "dim"),
    Action.MOVE: (">", "cyan"),
}
INDENT = "      "


@dataclass(frozen=True, slots=True)
class Block:
    """What is said about one object: a step, or both halves of a replacement."""

    sign: str
    style: str
    verb: str
    step: Step
    impact: Impact
    data: str | None


def render_plan(plan: Plan, paint: Paint = PLAIN, columns: int = 100) -> str:
    """The whole plan. `columns` is the width values are clipped to."""
    lines = [f"{paint(str(plan.mark), 'bold')} on {plan.target}{' (destroy)' if plan.destroy else ''}", ""]
    lines += _drift(plan.drift, paint, columns)
    for block in blocks(plan.steps):
        lines += _block(block, paint, columns) if not plan.destroy else [_head(block, paint)]
        lines += [] if plan.destroy else [""]
    lines += [""] if plan.destroy and plan.steps else []
    lines += _kept(plan.kept, paint)
    lines += _alarm(plan, paint)
    lines.append(total_line(plan, paint))
    return "\n".join(lines)


def blocks(steps: Sequence[Step]) -> Iterator[Block]:
    """One block an object, in the order of the plan."""
    halves: dict[str, list[Step]] = {}
    for step in steps:
        if step.replaces:
            halves.setdefault(step.address, []).append(step)
    done: set[str] = set()
    for step in steps:
        if step.address in halves and step.replaces:
            if step.address not in done:
                done.add(step.address)
                yield _replacement(halves[step.address])
        else:
            sign, style = SIGNS[step.action]
            yield Block(sign, style, step.action.value, step, step.impact, step.data)


def _replacement(halves: Sequence[Step]) -> Block:
    told = next((step for step in halves if step.changes), next((step for step in halves if step.action is Action.CREATE), halves[0]))
    loses = [step.data for step in halves if step.data]
    impact = Impact.DATA_LOSS if any(step.impact is Impact.DATA_LOSS for step in halves) else Impact.REPLACE
    sign = "+/-" if any(step.create_first for step in halves) else "-/+"
    return Block(sign, "magenta", "replace", told, impact, loses[0] if loses else None)


def _block(block: Block, paint: Paint, columns: int) -> Iterator[str]:
    step = block.step
    yield _head(block, paint)
    if step.source:
        yield f"{INDENT}from {step.source}"
    where = f"  {paint(str(step.origin), 'dim')}" if step.origin else ""
    yield f"{INDENT}{step.reason}{where}"
    if step.create_first:
        yield f"{INDENT}{paint(f'the new one is made first: {step.create_first}', 'dim')}"
    if step.prevent_destroy and block.verb in ("delete", "replace"):
        yield f"{INDENT}{paint('prevent_destroy stands in the way', 'red')}"
    for line in _details(block, columns - len(INDENT)):
        yield f"{INDENT}{_coloured(line, paint)}"


def _head(block: Block, paint: Paint) -> str:
    sign, verb = paint(block.sign.rjust(3), block.style, "bold"), paint(block.verb, block.style)
    return f"  {sign} {paint(block.step.address, 'bold')}  {verb}{_impact(block, paint)}"


def _details(block: Block, columns: int) -> Iterator[str]:
    if block.step.changes:
        for change in block.step.changes:
            yield from change_lines(change, columns)
    elif block.step.action is Action.CREATE and block.step.config:
        for path, leaf in leaves(block.step.config):
            name = show_path(path)
            if leaf not in (None, {}, []):
                yield f"{name}: {show(leaf, max(20, columns - len(name) - 2))}"


def _coloured(line: str, paint: Paint) -> str:
    mark = line.lstrip()[:1]
    if line.startswith("  ") and mark in "+-":
        return paint(line, "green" if mark == "+" else "red")
    return line


def _impact(block: Block, paint: Paint) -> str:
    match block.impact:
        case Impact.DATA_LOSS:
            return "  " + paint(f"DATA LOSS: {block.data or block.step.object_id or 'its data'}", "alarm")
        case Impact.RESTART:
            return "  " + paint("(restart)", "yellow")
        case Impact.IN_PLACE if block.step.action is Action.UPDATE:
            return "  (in place)"
        case _:
            return ""


def _drift(drift: Sequence[Drift], paint: Paint, columns: int) -> list[str]:
    if not drift:
        return []
    lines = [paint("Changed behind deployer's back (not by the spec):", "yellow", "bold")]
    for item in drift:
        lines.append(f"  {paint('!', 'yellow')} {item.address}{'  is gone' if item.gone else ''}")
        lines += [
            f"{INDENT}{_coloured(line, paint)}" for change in item.changes for line in change_lines(_behind(change), columns - len(INDENT))
        ]
    return [*lines, ""]


def _behind(change: Change) -> Change:
    """As it happened: what was applied, and what somebody made of it. The plan's own change is the way back."""
    return Change(change.path, change.after, change.before)


def _kept(kept: Sequence[str], paint: Paint) -> list[str]:
    if not kept:
        return []
    return [paint("Kept, for a later apply to adopt:", "cyan"), *(f"  {address}" for address in kept), ""]


def _alarm(plan: Plan, paint: Paint) -> list[str]:
    lost = [step for step in plan.steps if step.impact is Impact.DATA_LOSS]
    if not lost:
        return []
    lines = [paint(f"DATA LOSS: {count(len(lost), 'object')} with data would be destroyed", "alarm")]
    lines += [f"  {step.address}: {step.data or step.object_id}" for step in lost]
    flags = "--allow-data-loss all" if plan.destroy else " ".join(f"--allow-data-loss {step.address}" for step in lost)
    return [*lines, f"  to allow it: {flags}", ""]


def total_line(plan: Plan, paint: Paint = PLAIN) -> str:
    """The last line: objects by fate, reads made, seconds taken."""
    cost = paint(f"{count(plan.reads, 'read')}, {duration(plan.seconds)}.", "dim")
    if plan.empty:
        what = "Nothing to destroy." if plan.destroy else f"No changes: {count(plan.unchanged, 'object')} as the spec says."
        return f"{paint(what, 'green', 'bold')} {cost}"
    sums = totals(plan)
    parts = [(sums.create, "create"), (sums.update, "update"), (sums.replace, "replace"), (sums.delete, "delete"), (sums.other, "settle")]
    said = ", ".join(f"{number} to {verb}" for number, verb in parts if number)
    return f"{paint('Plan:', 'bold')} {said}; {plan.unchanged} unchanged. {cost}"
