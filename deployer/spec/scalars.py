"""Plain YAML words to values, by the core schema of YAML 1.2: `yes`, dates and `12:30` stay text; what readers disagree on is refused."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_ZERO_LED = re.compile(r"[-+]?0[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 20
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Refused:
    """A word that means different things to different readers, or nothing JSON can say."""

    what: str
    allowed: str
    suggestion: str = ""


def resolve(word: str) -> Scalar | Refused:
    """The value of an unquoted word."""
    if word in _WORDS:
        return _WORDS[word]
    if word[0] in _NUMBER_STARTS:
        return _number(word)
    return word


def _number(word: str) -> Scalar | Refused:
    if _INTEGER.fullmatch(word):
        return _integer(word, 10)
    if _RADIX.fullmatch(word):
        return _integer(word, 0)
    if _ZERO_LED.fullmatch(word):
        return Refused(
            "a number with a leading zero is read differently by different tools", "quote it, or write octal as 0o...", f'"{word}"'
        )
    if _NOT_A_NUMBER.fullmatch(word):
        return Refused("not a finite number", "a finite number, or the word in quotes")
    return _float(word) if _FLOAT.fullmatch(word) else word


def _integer(word: str, radix: int) -> int | Refused:
    digits = len(word) if radix == 10 else 0  # noqa: PLR2004 - decimal; the others have no quadratic conversion to guard against
    number = int(word, radix) if digits <= _MAX_DIGITS else _HIGHEST + 1
    return number if _LOWEST <= number <= _HIGHEST else Refused("an integer out of range", "an integer of 64 bits, or text in quotes")


def _float(word: str) -> float | Refused:
    number = float(word)
    return number if math.isfinite(number) else Refused("a number out of range", "a finite number, or the word in quotes")
