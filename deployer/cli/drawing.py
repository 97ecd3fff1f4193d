"""The graph as Mermaid and DOT text, resources grouped by component."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from deployer.workflow.answers import Node


def grouped(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(node.address.split("/")[0], []).append(node)
    return groups


def mermaid(nodes: Sequence[Node]) -> str:
    """https://mermaid.js.org/syntax/flowchart.html; quotes inside a label are written as `#quot;`."""
    number = {node.address: f"n{index}" for index, node in enumerate(nodes)}
    lines = ["flowchart LR"]
    for index, (component, members) in enumerate(grouped(nodes).items()):
        lines.append(f'  subgraph c{index}["{component}"]')
        lines += [f'    {number[node.address]}["{_label(node).replace(chr(34), "#quot;")}"]' for node in members]
        lines.append("  end")
    lines += [f"  {number[node.address]} --> {number[need]}" for node in nodes for need in node.after if need in number]
    return "\n".join(lines)


def dot(nodes: Sequence[Node]) -> str:
    """https://graphviz.org/doc/info/lang.html."""
    lines = ["digraph deployer {", "  rankdir=LR;", "  node [shape=box];"]
    for index, (component, members) in enumerate(grouped(nodes).items()):
        lines.append(f"  subgraph cluster_{index} {{")
        lines.append(f"    label={_quoted(component)};")
        lines += [f"    {_quoted(node.address)} [label={_quoted(_label(node))}];" for node in members]
        lines.append("  }")
    known = {node.address for node in nodes}
    lines += [f"  {_quoted(node.address)} -> {_quoted(need)};" for node in nodes for need in node.after if need in known]
    return "\n".join([*lines, "}"])


def _label(node: Node) -> str:
    return node.address.partition("/")[2] or node.address


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


DRAWINGS: Mapping[str, Callable[[Sequence[Node]], str]] = {"mermaid": mermaid, "dot": dot}
