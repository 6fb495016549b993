"""
Automaton: regular expressions in linear time.

Python's `re` backtracks, and a query comes from anybody who may search: ``/(a+)+b/`` must not hang the process. So
Lucene's regular expressions become a Thompson automaton, which is made deterministic as far as values lead it:
each character of a value costs one dictionary look-up once its transition is known.

Lucene's dialect: ``. ? + * | ( ) [ ] [^ ] {n,m}``, ``"literal"``, ``<1-99>`` (numbers), ``@`` (any text), ``\\d \\w \\s`` and their
opposites. ``^`` and ``$`` are plain characters, because an expression always covers the whole value. ``~`` (complement) and
``&`` (intersection) are not supported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Self

from gelf_listener.errors import QueryError

__all__ = ["MAX_STATES", "Automaton"]

MAX_STATES = 10_000
"""Most states, as Lucene limits them: a repetition multiplies them."""

_MAX_CACHED = 2_000
_MAX_REPEAT = 1_000
_MAX_DEPTH = 50

_Test = Callable[[str], bool]


def _any(character: str) -> bool:
    return True


def _is_digit(character: str) -> bool:
    return character in "0123456789"


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


def _is_space(character: str) -> bool:
    return character in " \t\n\r"


_CLASSES: dict[str, _Test] = {"d": _is_digit, "w": _is_word, "s": _is_space}


def _negated(test: _Test) -> _Test:
    return lambda character: not test(character)


class _Fragment:
    """A piece of automaton with one way in and one way out."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


class Automaton:
    """
    A regular expression or wildcard pattern that matches whole texts.

    Args:
        pattern: For error messages.
        fold: Whether capital letters in the pattern match the small ones of a lower-cased text.
    """

    def __init__(self, pattern: str, *, fold: bool = False) -> None:
        self._pattern = pattern
        self._fold = fold
        self._tests: list[tuple[_Test, int] | None] = []
        self._jumps: list[list[int]] = []
        self._accept = -1
        self._known: dict[frozenset[int], dict[str, frozenset[int]]] = {}
        self._initial: frozenset[int] = frozenset()

    @classmethod
    @lru_cache(maxsize=256)
    def from_regex(cls, pattern: str, *, fold: bool = False) -> Self:
        """
        Compile a regular expression in Lucene's dialect.

        Raises:
            QueryError: If it is none, with the column within the pattern.
        """
        automaton = cls(pattern, fold=fold)
        automaton._finish(_RegexParser(automaton, pattern).parse())
        return automaton

    @classmethod
    def from_wildcards(cls, parts: tuple[tuple[bool, str], ...]) -> Self:
        """Compile a wildcard pattern; see `nodes.Wildcard`."""
        automaton = cls("".join(text for _, text in parts))
        pieces = []
        for wild, text in parts:
            if not wild:
                pieces += [automaton.one(_equals(character)) for character in text]
            elif text == "?":
                pieces.append(automaton.one(_any))
            else:
                pieces.append(automaton.many(automaton.one(_any)))
        automaton._finish(automaton.chain(pieces))
        return automaton

    def matches(self, text: str) -> bool:
        """Whether the whole text matches; time grows with its length only."""
        states = self._initial
        known = self._known
        for character in text:
            try:
                states = known[states][character]
            except KeyError:
                states = self._step(states, character)
            if not states:
                return False
        return self._accept in states

    # Building blocks

    def state(self) -> int:
        """Add a state."""
        if len(self._tests) >= MAX_STATES:
            raise QueryError(f"the expression needs more than {MAX_STATES} states", self._pattern, 1)
        self._tests.append(None)
        self._jumps.append([])
        return len(self._tests) - 1

    def one(self, test: _Test) -> _Fragment:
        """Match one character."""
        start, end = self.state(), self.state()
        self._tests[start] = (_folded(test) if self._fold else test, end)
        return _Fragment(start, end)

    def nothing(self) -> _Fragment:
        """Match the empty text."""
        state = self.state()
        return _Fragment(state, state)

    def chain(self, pieces: list[_Fragment]) -> _Fragment:
        """Match one piece after the other."""
        if not pieces:
            return self.nothing()
        for before, after in zip(pieces, pieces[1:], strict=False):
            self._jumps[before.end].append(after.start)
        return _Fragment(pieces[0].start, pieces[-1].end)

    def either(self, pieces: list[_Fragment]) -> _Fragment:
        """Match any of the pieces."""
        if len(pieces) == 1:
            return pieces[0]
        start, end = self.state(), self.state()
        for piece in pieces:
            self._jumps[start].append(piece.start)
            self._jumps[piece.end].append(end)
        return _Fragment(start, end)

    def many(self, piece: _Fragment) -> _Fragment:
        """Match a piece any number of times."""
        start, end = self.state(), self.state()
        self._jumps[start] += [piece.start, end]
        self._jumps[piece.end] += [piece.start, end]
        return _Fragment(start, end)

    def maybe(self, piece: _Fragment) -> _Fragment:
        """Match a piece or nothing."""
        return self.either([piece, self.nothing()])

    def _finish(self, whole: _Fragment) -> None:
        self._accept = whole.end
        self._initial = self._closure([whole.start])

    def _closure(self, states: list[int]) -> frozenset[int]:
        seen = set(states)
        waiting = list(seen)
        while waiting:
            for target in self._jumps[waiting.pop()]:
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return frozenset(state for state in seen if self._tests[state] is not None or state == self._accept)

    def _step(self, states: frozenset[int], character: str) -> frozenset[int]:
        targets = []
        for state in states:
            arrow = self._tests[state]
            if arrow is not None and arrow[0](character):
                targets.append(arrow[1])
        result = self._closure(targets)
        if len(self._known) >= _MAX_CACHED:
            self._known.clear()
        arrows = self._known.setdefault(states, {})
        if len(arrows) >= _MAX_CACHED:
            arrows.clear()
        arrows[character] = result
        return result


def _folded(test: _Test) -> _Test:
    return lambda character: test(character) or test(character.upper())


def _equals(wanted: str) -> _Test:
    return lambda character: character == wanted


class _RegexParser:
    """Recursive descent over Lucene's regular expressions."""

    def __init__(self, automaton: Automaton, pattern: str) -> None:
        self._automaton = automaton
        self._pattern = pattern
        self._position = 0
        self._depth = 0

    def parse(self) -> _Fragment:
        fragment = self._union()
        if self._position < len(self._pattern):
            raise self._fail(f"unexpected {self._pattern[self._position]!r} in the regular expression")
        return fragment

    def _fail(self, detail: str, position: int | None = None) -> QueryError:
        return QueryError(detail, self._pattern, (self._position if position is None else position) + 1)

    def _peek(self) -> str:
        return self._pattern[self._position] if self._position < len(self._pattern) else ""

    def _union(self) -> _Fragment:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._fail(f"the regular expression is nested deeper than {_MAX_DEPTH} levels")
        pieces = [self._sequence()]
        while self._peek() == "|":
            self._position += 1
            pieces.append(self._sequence())
        self._depth -= 1
        return self._automaton.either(pieces)

    def _sequence(self) -> _Fragment:
        pieces = []
        while self._peek() not in ("", "|", ")"):
            pieces.append(self._repeated())
        return self._automaton.chain(pieces)

    def _repeated(self) -> _Fragment:
        start = self._position
        piece = self._atom()
        while self._peek() in ("?", "*", "+", "{") and self._peek():
            sign = self._peek()
            if sign == "{":
                least, most = self._bounds()
                piece = self._repeat(start, least, most)
                continue
            self._position += 1
            if sign == "?":
                piece = self._automaton.maybe(piece)
            elif sign == "*":
                piece = self._automaton.many(piece)
            else:
                end = self._position
                piece = self._automaton.chain([piece, self._automaton.many(self._again(start, end - 1))])
        return piece

    def _again(self, start: int, end: int) -> _Fragment:
        """Build the piece between two positions once more: a fragment can stand in one place only."""
        inner = _RegexParser(self._automaton, self._pattern[:end])
        inner._position = start  # noqa: SLF001  (same class)
        inner._depth = self._depth + 1  # noqa: SLF001
        return inner._repeated_all()

    def _repeated_all(self) -> _Fragment:
        if self._depth > _MAX_DEPTH:
            raise self._fail("too many repetitions of repetitions")
        return self._repeated()

    def _repeat(self, start: int, least: int, most: int | None) -> _Fragment:
        end = self._pattern.rindex("{", start, self._position)
        copies = [self._again(start, end) for _ in range(least)]
        if most is None:
            copies.append(self._automaton.many(self._again(start, end)))
        else:
            tail = self._automaton.nothing()
            for _ in range(most - least):
                tail = self._automaton.maybe(self._automaton.chain([self._again(start, end), tail]))
            copies.append(tail)
        return self._automaton.chain(copies)

    def _bounds(self) -> tuple[int, int | None]:
        at = self._position
        close = self._pattern.find("}", at)
        text = self._pattern[at + 1 : close] if close > 0 else ""
        least, comma, most = text.partition(",")
        if not least.isdigit() or not (most.isdigit() or most == "") or len(text) > 20 or not text.isascii():
            raise self._fail("{ needs numbers, as in {2} or {2,5}", at)
        self._position = close + 1
        low = int(least)
        high = (int(most) if most else None) if comma else low
        if low > _MAX_REPEAT or (high or 0) > _MAX_REPEAT or (high is not None and high < low):
            raise self._fail(f"repetition {{{text}}} is out of range (at most {_MAX_REPEAT})", at)
        return low, high

    def _atom(self) -> _Fragment:
        at = self._position
        character = self._peek()
        self._position += 1
        automaton = self._automaton
        if character == "(":
            if self._peek() == ")":
                self._position += 1
                return automaton.nothing()
            piece = self._union()
            if self._peek() != ")":
                raise self._fail("this parenthesis of the regular expression is never closed", at)
            self._position += 1
            return piece
        if character == "[":
            return automaton.one(self._set(at))
        if character == ".":
            return automaton.one(_any)
        if character == "@":
            return automaton.many(automaton.one(_any))
        if character == '"':
            close = self._pattern.find('"', self._position)
            if close < 0:
                raise self._fail("this quotation mark of the regular expression is never closed", at)
            text = self._pattern[self._position : close]
            self._position = close + 1
            return automaton.chain([automaton.one(_equals(letter)) for letter in text])
        if character == "<":
            return self._numbers(at)
        if character in ("~", "&"):
            raise self._fail(f"{character} is not supported in regular expressions; write \\{character} for itself", at)
        if character in ("*", "+", "?", "{"):
            raise self._fail(f"{character} has nothing to repeat", at)
        if character == "\\":
            return automaton.one(self._escaped(at))
        return automaton.one(_equals(character))

    def _escaped(self, at: int) -> _Test:
        letter = self._peek()
        if not letter:
            raise self._fail("a backslash at the end escapes nothing", at)
        self._position += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter.lower() in _CLASSES:
            return _negated(_CLASSES[letter.lower()])
        return _equals(letter)

    def _set(self, at: int) -> _Test:
        """Read a character class up to its bracket."""
        negated = self._peek() == "^"
        if negated:
            self._position += 1
        tests: list[_Test] = []
        ranges: list[tuple[str, str]] = []
        first = True
        while first or self._peek() != "]":
            if not self._peek():
                raise self._fail("this bracket of the regular expression is never closed", at)
            first = False
            here = self._position
            low = self._peek()
            self._position += 1
            if low == "\\":
                letter = self._peek()
                if letter and letter.lower() in _CLASSES:
                    tests.append(self._escaped(here))
                    continue
                if not letter:
                    raise self._fail("a backslash at the end escapes nothing", here)
                self._position += 1
                low = letter
            high = low
            if self._peek() == "-" and self._pattern[self._position + 1 : self._position + 2] not in ("]", ""):
                self._position += 1
                high = self._peek()
                self._position += 1
                if high == "\\" and self._peek():
                    high = self._peek()
                    self._position += 1
                if high < low:
                    raise self._fail(f"{low}-{high} runs backwards", here)
            ranges.append((low, high))
        self._position += 1

        def inside(character: str) -> bool:
            return any(low <= character <= high for low, high in ranges) or any(test(character) for test in tests)

        return _negated(inside) if negated else inside

    def _numbers(self, at: int) -> _Fragment:
        """Read ``<n-m>``: any whole number between the two."""
        close = self._pattern.find(">", at)
        low, dash, high = self._pattern[at + 1 : close].partition("-") if close > 0 else ("", "", "")
        if not dash or not (low.isdigit() and high.isdigit() and (low + high).isascii()):
            raise self._fail("< needs a range of numbers, as in <1-99>; write \\< for itself", at)
        first, last = int(low[:9]), int(high[:9])
        if len(low) > 6 or len(high) > 6 or last < first or last - first > 1000:
            raise self._fail("the range of numbers is too large (at most 1000) or runs backwards", at)
        self._position = close + 1
        automaton = self._automaton
        width = len(low) if len(low) == len(high) else 0
        texts = [str(number).rjust(width, "0") for number in range(first, last + 1)]
        return automaton.either([automaton.chain([automaton.one(_equals(digit)) for digit in text]) for text in texts])
