"""One JSON object in what a model wrote, read piece by piece: in its code fence or without one, and nothing beside it.

RFC 8259 is the grammar. A stream goes on while it is read, so what is wrong is found at the first character that no
object could have there, or at the end of a number or a word.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"`{3,}\s*[A-Za-z0-9]{0,20}\s*(?=\{)")
_FENCE_SO_FAR = re.compile(r"`{1,2}|`{3,}\s*[A-Za-z0-9]{0,20}\s*")
_SPACE = re.compile(r"[ \t\n\r]*")
_IN_STRING = re.compile(r'[^"\\\x00-\x1f]*')
_SCALAR = re.compile(r"[-+.0-9A-Za-z]*")
_WHOLE_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MAY_END = ("first key", "first value", "comma")
_BEGINS_SCALAR = "-0123456789tfn"
_ESCAPE = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4})")
_ESCAPE_SO_FAR = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?")


class NotAnObjectError(Exception):
    """What came is not the text of one JSON object, or more than that."""


class ObjectText:
    """What a model writes, as the text of one object: without the white space and the fence around it."""

    def __init__(self) -> None:
        self._before = ""
        self._fenced = False
        self._after = ""
        self._object = _Object()
        self.begun = False
        """True once the object's first character has come."""

    def feed(self, text: str) -> str:
        """The part of the object that `text` completes. Raises NotAnObjectError."""
        if not self.begun:
            text = self._begin(text)
        if not self.begun:
            return ""
        size = self._object.feed(text)
        self._end(text[size:])
        return text[:size]

    @property
    def complete(self) -> bool:
        return self._object.complete

    def _begin(self, text: str) -> str:
        """The text from the object's brace on; what is before it is white space or a fence."""
        self._before = (self._before + text).lstrip()
        fence = _FENCE.match(self._before)
        if fence is not None or self._before.startswith("{"):
            self.begun, self._fenced = True, fence is not None
            return self._before[fence.end() if fence else 0 :]
        self._before = self._before.rstrip()
        if self._before and not _FENCE_SO_FAR.fullmatch(self._before):
            raise NotAnObjectError
        return ""

    def _end(self, rest: str) -> None:
        """Behind the object come white space and the other fence."""
        self._after += "".join(rest.split())
        if self._after.strip("`") or (self._after and not self._fenced):
            raise NotAnObjectError


class _Object:
    """The grammar. `feed` stops behind the object's last brace."""

    def __init__(self) -> None:
        self._open: list[str] = []
        """The brackets that are open, by the one that closes each."""
        self._expect = "object"
        """`object`, then `key`, `colon`, `value`, `comma`; `first key` and `first value` behind an opening bracket."""
        self._inside = ""
        """`key`, `string` or `scalar`, where the text so far ends inside one."""
        self._part = ""
        """A scalar, or an escape, so far."""
        self.complete = False

    def feed(self, text: str) -> int:
        """How many characters of `text` belong to the object. Raises NotAnObjectError."""
        at = 0
        while at < len(text) and not self.complete:
            if self._inside == "scalar":
                at = self._scalar(text, at)
            elif self._inside:
                at = self._string(text, at)
            else:
                at = _end(_SPACE, text, at)
                if at < len(text):
                    at = self._token(text, at)
        return at

    def _token(self, text: str, at: int) -> int:
        """A bracket, a sign or the beginning of a value; where the next one may be."""
        sign, value = text[at], "value" in self._expect
        if sign == '"' and (value or "key" in self._expect):
            self._inside = "string" if value else "key"
        elif (sign == "{" and (value or self._expect == "object")) or (sign == "[" and value):
            self._open.append("}" if sign == "{" else "]")
            self._expect = "first key" if sign == "{" else "first value"
        elif self._expect in _MAY_END and sign == self._open[-1]:
            self._open.pop()
            self._expect, self.complete = "comma", not self._open
        elif sign == ":" and self._expect == "colon":
            self._expect = "value"
        elif sign == "," and self._expect == "comma":
            self._expect = "key" if self._open[-1] == "}" else "value"
        elif value and sign in _BEGINS_SCALAR:
            self._inside = "scalar"
            return at
        else:
            raise NotAnObjectError
        return at + 1

    def _scalar(self, text: str, at: int) -> int:
        end = _end(_SCALAR, text, at)
        self._part += text[at:end]
        if end < len(text):
            if not _WHOLE_SCALAR.fullmatch(self._part):
                raise NotAnObjectError
            self._inside, self._part, self._expect = "", "", "comma"
        return end

    def _string(self, text: str, at: int) -> int:
        if self._part:
            return self._escape(text, at)
        at = _end(_IN_STRING, text, at)
        if at == len(text):
            return at
        if text[at] == '"':
            self._expect = "colon" if self._inside == "key" else "comma"
            self._inside = ""
        elif text[at] == "\\":
            self._part = "\\"
        else:
            raise NotAnObjectError
        return at + 1

    def _escape(self, text: str, at: int) -> int:
        self._part += text[at]
        if _ESCAPE.fullmatch(self._part):
            self._part = ""
        elif not _ESCAPE_SO_FAR.fullmatch(self._part):
            raise NotAnObjectError
        return at + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
