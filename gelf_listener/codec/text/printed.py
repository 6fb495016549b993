"""Printed: objects, trees and XML in several lines, which are no traces, and lines that only look like part of one."""

from __future__ import annotations

import re

_OWN_LEVEL = re.compile(
    r" {1,3}(?:(?:TRACE|DEBUG|INFO|SUCCESS|WARNING|WARN|ERROR|FATAL)(?: {2,}\S|\[\d{4}\])"
    r"|\d{1,8}\.\d{9}s {1,2}[A-Z]{4,5} )"
)


_SINCE = re.compile(r"[}\])]{1,4} \+\d{1,9}m?s\Z")
"""How NestJS ends an object: with the time since the message before."""
_MAX_CLOSING = 4


def closes(line: str) -> bool:
    """Whether a line that begins with a closing bracket ends an object."""
    return len(line) <= _MAX_CLOSING or _SINCE.match(line) is not None


def begins_with_level(line: str) -> bool:
    """Whether a line is indented only because its level is: consola, pterm, apex/log, Rust tracing."""
    return _OWN_LEVEL.match(line) is not None


_XML_ENDS = ("</record>", "</log4j:event>", "</Event>")


def ends(line: str) -> bool:
    """Whether a line ends a record as XML, or one of IBM MQ."""
    line = line.rstrip()
    return line.endswith(_XML_ENDS) or (line.startswith("----- ") and line.endswith("-----"))


_TREE_BEGINS, _TREE_GOES_ON = "\u250f ", ("\u2503 ", "\u2517 ")
_TREE = re.compile("\\w{3,12}: +(?=\u250f )")
_DEVSLOG = re.compile(r"[ #*@EASMGT!] [\w. -]{1,80}: ")


_CLOJURE_FRAME = re.compile(r" +\S.{0,300} (?:\S{1,200}\.(?:java|clj[cs]?): +\d{1,6}|REPL Input) *\Z")
_CLOJURE_THROWN = re.compile(r"\s*(?:[a-z][\w$-]{0,60}\.){1,12}[A-Z]\w{0,120}(?:: |\Z)")


def is_thrown_in_clojure(last: str, line: str) -> bool:
    """Whether a line is the exception behind its frames, as Clojure's pretty (of Timbre) prints it."""
    return last[:2] == "  " and _CLOJURE_FRAME.match(last) is not None and _CLOJURE_THROWN.match(line) is not None


def is_printed(first: str, line: str) -> bool:
    """
    Whether a line goes on with what was printed in several lines.

    A dict, list or tuple as Python's pprint writes it, a warning of Node.js, attributes of Go's devslog, metadata of
    winston-console-format.
    """
    if first[0] == "[" and first[9:12] == "]  ":
        return _DEVSLOG.match(line) is not None
    if _TREE_BEGINS in first and (tree := _TREE.match(first)) is not None:
        return line.startswith(tree[0]) and line.startswith(_TREE_GOES_ON, tree.end())
    if first[0] == "(" and line.startswith("(Use `node --trace-"):  # Node.js, of a warning
        return True
    return line[0] == " " and first[0] in "{[(" and first[-1] == ","
