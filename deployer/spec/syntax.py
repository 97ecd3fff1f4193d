"""What stops a file from being read at all: its encoding, and YAML's own grammar, said in our words."""

from __future__ import annotations

import codecs

import yaml

from deployer.core.errors import Origin, Problem

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ONLY_UTF8 = "UTF-8; save the file as UTF-8"
_SPACES = "spaces for indentation"
# libyaml's words -> what is allowed there
_ALLOWED = {
    "did not find expected key": "`key: value` lines with the same indentation within one map",
    "did not find expected <document start>": "one map with the same indentation for all its keys",
    "mapping values are not allowed in this context": "one `key: value` on a line; quote text that holds `: `",
    "did not find expected '-' indicator": "items that begin with `- ` and the same indentation within one list",
    "did not find expected ',' or '}'": "a closing `}`; `,` between items; quote text that holds `{`, `}` or `,`",
    "did not find expected ',' or ']'": "a closing `]`; `,` between items; quote text that holds `[`, `]` or `,`",
    "found unexpected end of stream": "a closing quote",
    "could not find expected ':'": "`key: value`, with a space after the colon",
    "found character that cannot start any token": "text in quotes when it begins with @, ` or %",
}


def encoding_problem(text: bytes, shown: str) -> Problem | None:
    """The first place where the bytes are not UTF-8, or None."""
    if text.startswith(_UTF16):
        return Problem("the file is not UTF-8 but UTF-16 or UTF-32", "", Origin(shown), None, _ONLY_UTF8)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return Problem(f"a byte that is not UTF-8 (0x{text[error.start]:02x})", "", _at(text, error.start, shown), None, _ONLY_UTF8)
    return None


def syntax_problem(error: yaml.YAMLError, text: bytes, shown: str) -> Problem:
    """Why libyaml stopped, and where."""
    if isinstance(error, yaml.reader.ReaderError):
        what = f"not valid YAML: {error.reason} (0x{ord(error.character) if isinstance(error.character, str) else error.character:02x})"
        return Problem(what, "", _at(text, error.position, shown), None, "printable text, tabs and line ends")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return Problem("not valid YAML", "", Origin(shown))
    line = _line(text, mark.line)
    tab = _tab(line, mark.column)
    if tab is not None:
        return Problem("a tab stands where YAML takes spaces only", "", Origin(shown, mark.line + 1, tab + 1), None, _SPACES)
    reason = getattr(error, "problem", None) or "it cannot be read"
    context = getattr(error, "context", None)
    begun = getattr(error, "context_mark", None) or mark
    if reason == "found unexpected end of stream":
        mark = begun  # the opening quote tells more than the end of the file
    begins = f" that begins at {begun.line + 1}:{begun.column + 1}" if context and begun.index != mark.index else ""
    what = f"not valid YAML: {reason}" + (f" {context}{begins}" if context else "")
    return Problem(what, "", Origin(shown, mark.line + 1, mark.column + 1), None, _ALLOWED.get(reason, ""))


def _tab(line: str, column: int) -> int | None:
    indentation = line[: len(line) - len(line.lstrip(" \t"))]
    if "\t" in indentation:
        return indentation.index("\t")
    return column if line[column : column + 1] == "\t" else None


def _line(text: bytes, number: int) -> str:
    """Line `number`, counted from 0, without splitting a large file into all of its lines."""
    start = 0
    for _ in range(number):
        start = text.find(b"\n", start) + 1
        if not start:
            return ""
    end = text.find(b"\n", start)
    return text[start : end if end >= 0 else len(text)].decode(errors="replace")


def _at(text: bytes, offset: int, shown: str) -> Origin:
    start = text.rfind(b"\n", 0, offset) + 1
    return Origin(shown, text.count(b"\n", 0, offset) + 1, len(text[start:offset].decode(errors="replace")) + 1)
