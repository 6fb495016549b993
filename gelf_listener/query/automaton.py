r"""
Automaton: regular expressions in linear time.

Python's `re` backtracks, and a query comes from anybody who may search: ``/(a+)+b/`` must not hang the process. So
Lucene's regular expressions become a Thompson automaton that is made deterministic at once. What would need too many
states is refused when the query is read, as Lucene does, so a value costs two look-ups per character whatever it is.

Lucene's dialect: ``. ? + * | ( ) [ ] [^ ] {n,m}``, ``"literal"``, ``<1-99>`` (numbers), ``@`` (any text),
``\d \w \s`` and their opposites. ``^`` and ``$`` are plain characters, because an expression always covers the whole
value. ``~`` means every text that what follows does not match, ``&`` what matches both of its sides.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from gelf_listener.errors import QueryError

MAX_STATES = 10_000
"""Most states, as Lucene limits them: a repetition multiplies them."""

MAX_WORK = 300_000
"""Most steps to make an expression deterministic: a tenth of a second or so."""

_MAX_CACHED = 4_000
_MAX_REPEAT = 1_000
_MAX_DEPTH = 50
_LAST = 0x10FFFF

_Ranges = tuple[tuple[int, int], ...]
"""Characters, as pairs of first and last code point."""

_ANY: _Ranges = ((0, _LAST),)
_CLASSES: dict[str, _Ranges] = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": ((0x09, 0x0A), (0x0D, 0x0D), (0x20, 0x20)),
}


def _negated(ranges: _Ranges) -> _Ranges:
    result = []
    following = 0
    for low, high in sorted(ranges):
        if low > following:
            result.append((following, low - 1))
        following = max(following, high + 1)
    if following <= _LAST:
        result.append((following, _LAST))
    return tuple(result)


def _folded(ranges: _Ranges) -> _Ranges:
    """Add the small letters of capital ones; of a wide range only the ASCII ones."""
    extra = []
    for low, high in ranges:
        for code in range(low, high + 1) if high - low < 512 else range(max(low, 0x41), min(high, 0x5A) + 1):
            small = chr(code).lower()
            if len(small) == 1 and small != chr(code):
                extra.append((ord(small), ord(small)))
    return ranges + tuple(extra)


# The tree of an expression. `size` is how many states it takes when every copy is made.


@dataclass(frozen=True, slots=True)
class _Set:
    ranges: _Ranges
    size: int = 1


@dataclass(frozen=True, slots=True)
class _Chain:
    parts: tuple[_Tree, ...]
    size: int


@dataclass(frozen=True, slots=True)
class _Either:
    parts: tuple[_Tree, ...]
    size: int


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Tree
    low: int
    high: int | None
    size: int


@dataclass(frozen=True, slots=True)
class _Not:
    """Every text that a tree does not match."""

    part: _Tree
    size: int


_Tree = _Set | _Chain | _Either | _Repeat | _Not
_NOTHING = _Chain((), 1)


class Automaton:
    """
    A regular expression that matches whole texts. Immutable but for a cache, so it may be shared.

    Attributes:
        work: How many steps it took to build, for limits over a whole query.
        rows: For each state, the next one by the class of a character.
        accepting: Whether a text that ends in a state matches.
    """

    __slots__ = ("_class_of_cut", "_classes", "_cuts", "_settled", "accepting", "rows", "work")

    def __init__(self, tree: _Tree, pattern: str) -> None:
        nfa = _Nfa(pattern)
        start, end = nfa.add(tree)
        self._cuts, self._class_of_cut, masks, count = _partition(list(nfa.distinct))
        self._classes: dict[str, int] = {}
        self.work = nfa.work
        self._determine(nfa, nfa.closure([start]), end, masks, count, pattern)

    @classmethod
    @lru_cache(maxsize=256)
    def from_regex(cls, pattern: str, *, fold: bool = False) -> Automaton:
        """
        Compile a regular expression in Lucene's dialect.

        Args:
            pattern: Without the slashes.
            fold: Whether capital letters in the pattern match the small ones of a lower-cased text.

        Raises:
            QueryError: If it is none or needs too many states, with the column within the pattern.
        """
        return cls(_RegexParser(pattern, fold=fold).parse(), pattern)

    def matches(self, text: str) -> bool:
        """Whether the whole text matches; time grows with its length only."""
        rows = self.rows
        classes = self._classes
        state = 0
        for character in text:
            try:
                state = rows[state][classes[character]]
            except KeyError:
                state = rows[state][self._classify(character)]
            if state in self._settled:
                break
        return self.accepting[state]

    def characters(self, kind: int) -> tuple[tuple[int, int], ...]:
        """Return the characters of a class, by its number in `rows`."""
        ends = [*self._cuts[1:], _LAST + 1]
        runs = zip(self._cuts, ends, self._class_of_cut, strict=True)
        return tuple((start, end - 1) for start, end, each in runs if each == kind and start <= _LAST)

    def _classify(self, character: str) -> int:
        found = self._class_of_cut[bisect_right(self._cuts, ord(character)) - 1]
        if len(self._classes) >= _MAX_CACHED:
            self._classes.clear()
        self._classes[character] = found
        return found

    def _determine(
        self, nfa: _Nfa, first: frozenset[int], end: int, masks: list[tuple[int, ...]], count: int, pattern: str
    ) -> None:
        """Make the automaton deterministic (subset construction)."""
        numbers = {first: 0}
        waiting = [first]
        self.rows: list[list[int]] = []
        for states in waiting:
            targets: list[list[int]] = [[] for _ in range(count)]
            self.work += count
            for state in states:
                index = nfa.sets[state]
                if index is not None:
                    for kind in masks[index]:
                        targets[kind].append(state + 1)
                    self.work += len(masks[index])
            row = []
            shared: dict[tuple[int, ...], frozenset[int]] = {}
            for target in targets:
                key = tuple(target)
                closure = shared.get(key)
                if closure is None:
                    closure = shared[key] = nfa.closure(target)
                    self.work += nfa.visits
                number = numbers.setdefault(closure, len(numbers))
                if number == len(waiting):
                    waiting.append(closure)
                row.append(number)
                if self.work > MAX_WORK or len(numbers) > MAX_STATES:
                    raise QueryError("the regular expression is too complex: it needs too many states", pattern, 1)
            self.rows.append(row)
        self.accepting = [end in states for states in waiting]
        self._settled = frozenset(number for number, row in enumerate(self.rows) if set(row) == {number})


def _partition(distinct: list[_Ranges]) -> tuple[list[int], list[int], list[tuple[int, ...]], int]:
    """
    Sort all characters into classes that no set tells apart.

    Returns:
        Where runs of characters start, the class of each run, the classes each set has, and how many there are.
    """
    cuts = sorted({0, *(low for ranges in distinct for low, _ in ranges)} | {h + 1 for r in distinct for _, h in r})
    members: list[set[int]] = [set() for _ in cuts]
    changes: dict[int, list[tuple[int, int]]] = {}
    for index, ranges in enumerate(distinct):
        for low, high in ranges:
            changes.setdefault(low, []).append((index, 1))
            changes.setdefault(high + 1, []).append((index, -1))
    inside: dict[int, int] = {}
    for place, cut in enumerate(cuts):
        for index, step in changes.get(cut, ()):
            inside[index] = inside.get(index, 0) + step
            if not inside[index]:
                del inside[index]
        members[place] = set(inside)
    kinds: dict[frozenset[int], int] = {}
    class_of_cut = [kinds.setdefault(frozenset(found), len(kinds)) for found in members]
    of_set: list[list[int]] = [[] for _ in distinct]
    for found, kind in kinds.items():
        for index in found:
            of_set[index].append(kind)
    return cuts, class_of_cut, [tuple(found) for found in of_set], len(kinds)


class _Nfa:
    """Thompson's construction. A state with a set leads to the state after it."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.work = 0
        self.distinct: dict[_Ranges, int] = {}
        self.sets: list[int | None] = []
        self.jumps: list[list[int]] = []
        self.visits = 0
        self._indexes: dict[int, int] = {}  # by identity: hashing a class of thousands for every copy takes seconds

    def state(self, index: int | None = None) -> int:
        self.sets.append(index)
        self.jumps.append([])
        return len(self.sets) - 1

    def add(self, tree: _Tree) -> tuple[int, int]:
        """Add a tree; return its first and last state."""
        if isinstance(tree, _Set):
            index = self._indexes.get(id(tree))
            if index is None:
                index = self._indexes[id(tree)] = self.distinct.setdefault(tree.ranges, len(self.distinct))
            return self.state(index), self.state()
        if isinstance(tree, _Chain):
            start = end = self.state()
            for part in tree.parts:
                end = self._append(end, part)
            return start, end
        if isinstance(tree, _Either):
            start, end = self.state(), self.state()
            for part in tree.parts:
                first, last = self.add(part)
                self.jumps[start].append(first)
                self.jumps[last].append(end)
            return start, end
        if isinstance(tree, _Not):
            return self._add_complement(tree)
        return self._add_repeat(tree)

    def _add_complement(self, tree: _Not) -> tuple[int, int]:
        """Add the deterministic automaton of a part, which ends where that one does not."""
        inner = Automaton(tree.part, self._pattern)
        self.work += inner.work
        places = [self.state() for _ in inner.rows]
        end = self.state()
        for place, row, accepting in zip(places, inner.rows, inner.accepting, strict=True):
            if not accepting:
                self.jumps[place].append(end)
            for kind, target in enumerate(row):
                index = self.distinct.setdefault(inner.characters(kind), len(self.distinct))
                self.jumps[place].append(self.state(index))
                self.jumps[self.state()].append(places[target])
            if len(self.sets) > MAX_STATES:
                raise QueryError("the regular expression is too complex: it needs too many states", self._pattern, 1)
        return places[0], end

    def _append(self, end: int, part: _Tree) -> int:
        first, last = self.add(part)
        self.jumps[end].append(first)
        return last

    def _add_repeat(self, tree: _Repeat) -> tuple[int, int]:
        start = at = self.state()
        for _ in range(tree.low):
            at = self._append(at, tree.part)
        end = self.state()
        if tree.high is None:
            loop = self.state()
            self.jumps[at].append(loop)
            self.jumps[self._append(loop, tree.part)].append(loop)
            at = loop
        else:
            for _ in range(tree.high - tree.low):
                self.jumps[at].append(end)  # straight to the end: a chain of skips would cost its square
                at = self._append(at, tree.part)
        self.jumps[at].append(end)
        return start, end

    def closure(self, states: list[int]) -> frozenset[int]:
        """Follow jumps; keep the states that read a character, and those where everything ends."""
        seen = set(states)
        waiting = list(seen)
        while waiting:
            for target in self.jumps[waiting.pop()]:
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        self.visits = len(seen)
        return frozenset(state for state in seen if self.sets[state] is not None or not self.jumps[state])


class _RegexParser:
    """Recursive descent over Lucene's regular expressions."""

    def __init__(self, pattern: str, *, fold: bool) -> None:
        self._pattern = pattern
        self._fold = fold
        self._position = 0
        self._depth = 0

    def parse(self) -> _Tree:
        tree = self._union()
        if self._position < len(self._pattern):
            raise self._fail(f"unexpected {self._pattern[self._position]!r} in the regular expression")
        return tree

    def _fail(self, detail: str, position: int | None = None) -> QueryError:
        return QueryError(detail, self._pattern, (self._position if position is None else position) + 1)

    def _peek(self) -> str:
        return self._pattern[self._position] if self._position < len(self._pattern) else ""

    def _limited(self, size: int, position: int) -> int:
        if size > MAX_STATES:
            raise self._fail(f"the regular expression needs more than {MAX_STATES} states", position)
        return size

    def _one(self, ranges: _Ranges) -> _Set:
        return _Set(_folded(ranges) if self._fold else ranges)

    def _text(self, text: str) -> _Tree:
        return _Chain(tuple(self._one(((ord(letter), ord(letter)),)) for letter in text), len(text) + 1)

    def _union(self) -> _Tree:
        at = self._position
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._fail(f"the regular expression is nested deeper than {_MAX_DEPTH} levels")
        parts = [self._both()]
        while self._peek() == "|":
            self._position += 1
            parts.append(self._both())
        self._depth -= 1
        if len(parts) == 1:
            return parts[0]
        return _Either(tuple(parts), self._limited(sum(part.size for part in parts) + 1, at))

    def _both(self) -> _Tree:
        """Read what is joined by ``&``: all but what one of the parts does not match."""
        at = self._position
        parts = [self._sequence()]
        while self._peek() == "&":
            self._position += 1
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        others = tuple(self._not(part, at) for part in parts)
        return self._not(_Either(others, sum(part.size for part in others) + 1), at)

    def _not(self, tree: _Tree, at: int) -> _Tree:
        return _Not(tree, self._limited(tree.size + 1, at))

    def _sequence(self) -> _Tree:
        """Read what stands side by side; where it begins, a ``|``, ``&`` or ``)`` is itself, as in Lucene."""
        if not self._pattern:
            return _NOTHING
        at = self._position
        parts = [self._repeated()]
        while self._peek() not in ("", "|", "&", ")"):
            parts.append(self._repeated())
        if len(parts) == 1:
            return parts[0]
        return _Chain(tuple(parts), self._limited(sum(part.size for part in parts) + 1, at))

    def _repeated(self) -> _Tree:
        at = self._position
        tree = self._atom()
        while self._peek() in ("?", "*", "+", "{") and self._peek():
            sign = self._peek()
            if sign == "{":
                low, high = self._bounds()
            else:
                self._position += 1
                low, high = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
            tree = self._repeat(tree, low, high, at)
        return tree

    def _repeat(self, tree: _Tree, low: int, high: int | None, at: int) -> _Tree:
        """Repeat a tree; repetitions of repetitions fall together where they can, so their depth stays small."""
        if tree == _NOTHING or high == 0:
            return _NOTHING
        if (low, high) == (1, 1):
            return tree
        if isinstance(tree, _Repeat) and tree.low <= 1 and low <= 1 and None in (tree.high, high):
            if tree.high in (None, 1) and high in (None, 1):
                return self._repeat(tree.part, min(tree.low, low), None, at)
        elif isinstance(tree, _Repeat) and (tree.low, tree.high, low, high) == (0, 1, 0, 1):
            return tree
        copies = low + 1 if high is None else high
        return _Repeat(tree, low, high, self._limited(tree.size * copies + 1, at))

    def _bounds(self) -> tuple[int, int | None]:
        at = self._position
        close = self._pattern.find("}", at, at + 22)
        text = self._pattern[at + 1 : close] if close > 0 else ""
        least, comma, most = text.partition(",")
        if not least.isdigit() or not (most.isdigit() or most == "") or not text.isascii():
            raise self._fail("{ needs numbers, as in {2} or {2,5}", at)
        self._position = close + 1
        low = int(least)
        high = (int(most) if most else None) if comma else low
        if low > _MAX_REPEAT or (high or 0) > _MAX_REPEAT or (high is not None and high < low):
            raise self._fail(f"repetition {{{text}}} is out of range (at most {_MAX_REPEAT})", at)
        return low, high

    def _atom(self) -> _Tree:
        at = self._position
        character = self._peek()
        self._position += 1
        if character == "(":
            return self._parentheses(at)
        if character == "[":
            return _Set(self._set(at))
        if character == ".":
            return _Set(_ANY)
        if character == "@":
            return _Repeat(_Set(_ANY), 0, None, 2)
        if character == '"':
            close = self._pattern.find('"', self._position)
            if close < 0:
                raise self._fail("this quotation mark of the regular expression is never closed", at)
            text = self._pattern[self._position : close]
            self._position = close + 1
            return self._text(text)
        if character == "<":
            return self._numbers(at)
        if character == "~":  # as in Lucene, of one character or group
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise self._fail(f"the regular expression is nested deeper than {_MAX_DEPTH} levels")
            tree = self._not(self._atom(), at)
            self._depth -= 1
            return tree
        if not character:
            raise self._fail("unexpected end of the regular expression", len(self._pattern))
        if character in ("*", "+", "?", "{"):
            raise self._fail(f"{character} has nothing to repeat", at)
        if character == "\\":
            return _Set(self._escaped(at))
        return self._one(((ord(character), ord(character)),))

    def _parentheses(self, at: int) -> _Tree:
        if self._peek() == ")":
            self._position += 1
            return _NOTHING
        tree = self._union()
        if self._peek() != ")":
            raise self._fail("this parenthesis of the regular expression is never closed", at)
        self._position += 1
        return tree

    def _escaped(self, at: int) -> _Ranges:
        letter = self._peek()
        if not letter:
            raise self._fail("a backslash at the end escapes nothing", at)
        self._position += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter.lower() in _CLASSES:
            return _negated(_CLASSES[letter.lower()])
        return self._one(((ord(letter), ord(letter)),)).ranges

    def _set(self, at: int) -> _Ranges:
        """Read a character class up to its bracket."""
        negated = self._peek() == "^"
        if negated:
            self._position += 1
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self._peek() != "]":
            first = False
            here = self._position
            if self._peek() == "\\" and self._pattern[here + 1 : here + 2].lower() in _CLASSES:
                self._position += 1
                ranges += self._escaped(here)
                continue
            low = high = self._set_character(at)
            if self._peek() == "-" and self._pattern[self._position + 1 : self._position + 2] not in ("]", ""):
                self._position += 1
                high = self._set_character(at)
                if high < low:
                    raise self._fail(f"{chr(low)}-{chr(high)} runs backwards", here)
            ranges += self._one(((low, high),)).ranges
        self._position += 1
        return _negated(tuple(ranges)) if negated else tuple(ranges)

    def _set_character(self, at: int) -> int:
        character = self._peek()
        if character == "\\":
            self._position += 1
            character = self._peek()
        if not character:
            raise self._fail("this bracket of the regular expression is never closed", at)
        self._position += 1
        return ord(character)

    def _numbers(self, at: int) -> _Tree:
        """Read ``<n-m>``: any whole number between the two."""
        close = self._pattern.find(">", at, at + 22)
        low, dash, high = self._pattern[at + 1 : close].partition("-") if close > 0 else ("", "", "")
        if not dash or not (low.isdigit() and high.isdigit() and (low + high).isascii()):
            raise self._fail("< needs a range of numbers, as in <1-99>; write \\< for itself", at)
        first, last = int(low[:9]), int(high[:9])
        if len(low) > 6 or len(high) > 6 or last < first or last - first > 1000:
            raise self._fail("the range of numbers is too large (at most 1000) or runs backwards", at)
        self._position = close + 1
        width = len(low) if len(low) == len(high) else 0
        parts = tuple(self._text(str(number).rjust(width, "0")) for number in range(first, last + 1))
        return _Either(parts, self._limited(sum(part.size for part in parts) + 1, at))


def plain_expression(pattern: str, *, fold: bool = False) -> str | None:
    """
    Write an expression in the syntax that most engines share: classes, alternatives and repetitions.

    Args:
        pattern: In Lucene's dialect, without the slashes.
        fold: Whether capital letters in the pattern match the small ones of a lower-cased text.

    Returns:
        An expression that matches the same whole texts, or None when it matches none. What ``~`` and ``&`` mean cannot
        be written: `has_complement` tells.

    Raises:
        QueryError: If it is not valid.
    """
    return _written(_RegexParser(pattern, fold=fold).parse())


def has_complement(pattern: str) -> bool:
    """Whether an expression may have ``~`` or ``&``, which most engines do not share."""
    return "~" in pattern or "&" in pattern


def _written(tree: _Tree) -> str | None:
    if isinstance(tree, _Set):
        ranges = [_range_written(low, high) for low, high in tree.ranges]
        return f"[{''.join(ranges)}]" if any(ranges) else None
    if isinstance(tree, _Chain):
        parts = [_written(part) for part in tree.parts]
        return None if None in parts else "".join(part for part in parts if part is not None)
    if isinstance(tree, _Either):
        choices = [written for part in tree.parts if (written := _written(part)) is not None]
        return f"(?:{'|'.join(choices)})" if choices else None
    if isinstance(tree, _Not):
        return None
    part = _written(tree.part)
    if part is None:
        return "" if tree.low == 0 else None
    high = "" if tree.high is None else tree.high
    return f"(?:{part}){{{tree.low},{high}}}"


def _range_written(low: int, high: int) -> str:
    """Write a part of a class; halves of surrogate pairs are not characters."""
    low = 0xE000 if 0xD800 <= low <= 0xDFFF else low
    high = 0xD7FF if 0xD800 <= high <= 0xDFFF else high
    return f"\\x{{{low:x}}}-\\x{{{high:x}}}" if low <= high else ""
