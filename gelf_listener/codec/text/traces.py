# ruff: noqa: E501  (a row a form: a table is read by its columns)
"""
Traces: which lines of an output belong to one stack trace, as the runtimes of a dozen languages print them.

A trace begins behind the line it belongs to (`BEGINNINGS` whose row says so), or by itself. Then it goes on as long as
lines are indented, or are of the forms that its language writes without indentation. To add a language: a `Trace`, rows
of `BEGINNINGS`, what goes on in `_GOES_ON`, and vectors in tests/vectors/lines/traces.json.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from typing import NamedTuple


class Trace(enum.Enum):
    """Whose trace it is."""

    PYTHON = "Python"
    ASYNCIO = "what Python's asyncio says around a traceback"
    FAULT = "Python's faulthandler"
    STACK = "Java, .NET, JavaScript"
    GO = "Go"
    RUST = "Rust"
    PHP = "PHP"
    RUBY = "Ruby"
    ELIXIR = "Elixir, Erlang"
    DART = "Dart"
    NATIVE = "C++, sanitisers"
    MACHINE = "Java's virtual machine"
    SCRIPT = "Lua, Perl, Julia, R"
    FUNCTIONAL = "Haskell, OCaml"
    ZIG = "Zig"
    SWIFT = "Swift"
    NIM = "Nim"
    D = "D"
    TCL = "Tcl"
    LISP = "Lisp"
    BOX = "Terraform, Typer"
    REPORT = "Spring Boot's reports of failures"
    FRAME = "a text in a frame, which is no trace"
    XML = "a record as XML, which is no trace"
    MINIO = "what MinIO says of an error"
    MQ = "the error log of IBM MQ"
    LISTED = "pretty-error and Youch, whose frames have blank lines between them"
    SYMFONY = "Symfony's console"
    PYTEST = "pytest's failures"
    TESTS = "failures of Jest and Node.js' test runner"
    GRADLE = "Gradle's failures"


class Beginning(NamedTuple):
    """
    One way in which a trace begins.

    Attributes:
        trace: Whose it is.
        alone: Whether it is a message by itself; otherwise it belongs to the line before, if there is one.
        starts: First characters; empty: any.
        needs: A text that such a line has in it: cheaper to look for than the pattern.
        pattern: Matches at the beginning of the line.
        level: Syslog severity of a trace that begins so and belongs to no line.
        takes: How many lines behind it are its own, whatever they look like: a message, a line of source.
        behind: A text that the line before has in it, if one is needed to tell.
        stamped: Whether a time may stand before it.
    """

    trace: Trace
    alone: bool
    starts: str
    needs: str
    pattern: re.Pattern[str]
    level: int = 3
    takes: int = 0
    behind: str = ""
    stamped: bool = False


_JAVA_HEAD = r"(?:Exception in thread \".{1,200}\" )?(?:[a-z_$][\w$]{0,60}\.){1,12}+(?:[A-Z][\w$]{0,120})?(?:Exception|Error|Throwable)(?:: |\Z)"
_DOTNET_HEAD = r"(?:[A-Z]\w{0,60}\.){1,12}+\w{0,120}Exception(?: \(0x[0-9A-Fa-f]{8}\))?: "
_JS_ERROR = r"(?:Uncaught )?(?:[A-Z]\w{0,60})?(?:Error|Exception|Rejection)(?: \[[\w-]{1,60}\])?(?:: |\Z)"
_GO_FUNCTION = r"(?:[\w.-]{1,100}/){0,12}+[\w-]{1,100}\.[\w.()*\[\]\u00b7]{1,200}"
_AT = (
    r"\s+at (?:async |new )?[^\s(]{1,400}(?: \[as [^\]]{1,100}\])?(?: ?\(|:\d+:\d+)"
    r"|\s+at [\w$.<>/@~\- ]{1,400}\(|\s+at [\w.`<>\[\]+]{1,300}\("
)
"""A frame of Java, JavaScript and .NET."""
_CARET = r"\s+[\^~]+\s*\Z"

BEGINNINGS = (
    Beginning(Trace.NIM, False, "T", "Traceback (most", re.compile(r"Traceback \(most recent call last\)\Z"), takes=1),
    Beginning(Trace.PYTHON, False, "", "Traceback (most", re.compile(r"[\s|]*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):?|[\u256d+\u250c][\u2500\u2501-]+ .{0,80}Traceback \(most recent call last\)")),
    Beginning(Trace.ASYNCIO, False, "fhptsca", ": ", re.compile(r"future: <(?:Task|Future) finished |task: <Task (?:pending|finished) |handle: <(?:Timer)?Handle .{0,400}(?:\(| at | created |when=)|protocol: <.{1,200} object at 0x[0-9a-f]{4,16}>\Z|transport: <\S{0,60}Transport |client_session: <aiohttp\.|connector: <aiohttp\.|connections: \['deque\(|asyncgen: <async_generator |(?:source|handle)_traceback: \w+ created at \(most recent call last\):\Z")),
    Beginning(Trace.PYTHON, False, "-", "-----", re.compile(r"-{70}\Z"), behind="ERROR: "),  # unittest
    Beginning(Trace.PYTHON, False, "-", "-----", re.compile(r"-{70}\Z"), behind="FAIL: "),
    Beginning(Trace.FAULT, False, "S", "Stack (most", re.compile(r"Stack \(most recent call last\):\Z")),
    Beginning(Trace.PYTHON, False, "cm", "RemoteTraceback", re.compile(r"(?:concurrent\.futures\.process\._|multiprocessing\.pool\.)RemoteTraceback: ?\Z"), takes=1),
    Beginning(Trace.PYTHON, False, " ", 'File "', re.compile(r"  File \".+\", line \d+\Z")),
    Beginning(Trace.FAULT, True, "F", "Fatal Python error: ", re.compile("Fatal Python error: "), 2),
    Beginning(Trace.FAULT, False, "CT", "hread 0x", re.compile(r"(?:Current t|T)hread 0x[0-9a-f]+ .{0,100}\(most recent call first\):")),
    Beginning(Trace.STACK, True, "S", "Stack overflow.", re.compile(r"Stack overflow\.\Z"), 2),
    Beginning(Trace.MACHINE, True, "#", "# A fatal error", re.compile(r"# A fatal error has been detected by the Java Runtime Environment:"), 2),
    Beginning(Trace.MACHINE, True, "#", "# There is ins", re.compile("# There is insufficient memory for the Java Runtime Environment"), 2),
    Beginning(Trace.MACHINE, False, "F", "Full thread dump ", re.compile("Full thread dump "), 6),
    Beginning(Trace.STACK, True, "E", "xception in thread ", re.compile(r"Exception in thread \".{1,200}\" ")),
    Beginning(Trace.STACK, False, "abcdefghijklmnopqrstuvwxyz", ".", re.compile(_JAVA_HEAD)),
    Beginning(Trace.STACK, False, " ABCDEFGHIJKLMNOPQRSTUVWXYZ", "Exception", re.compile(rf"\s{{0,12}}+{_DOTNET_HEAD}")),
    Beginning(Trace.STACK, False, " \t", "at ", re.compile(_AT)),
    Beginning(Trace.STACK, False, " \tCSW", ": ", re.compile(r"\s*(?:Caused by|Suppressed|Wrapped by): ")),
    Beginning(Trace.STACK, False, " ", "--->", re.compile(r" +---> ")),
    Beginning(Trace.STACK, False, "e", "error stack:", re.compile(r"error stack:\Z")),  # tslog
    Beginning(Trace.STACK, False, " ", "rror  ", re.compile(r" (?:[A-Z][a-z]\w{0,60})?Error  \S")),
    Beginning(Trace.STACK, False, "!", "!", re.compile(rf"! (?:at |{_JAVA_HEAD}|Caused by: |\.\.\. )")),
    Beginning(Trace.RUST, False, " ", "--> ", re.compile(r"\s{1,8}--> \S{1,400}:\d+:\d+\Z")),
    Beginning(Trace.STACK, False, " ", ":", re.compile(r" {4}\S{1,400}:\d+:\d+:\Z")),  # esbuild
    Beginning(Trace.STACK, False, " ", "^", re.compile(_CARET)),
    Beginning(Trace.STACK, False, " ", ": ", re.compile(r" {1,8}(?:errno|syscall|code|port|address|path|hostname): \S.*,\Z")),
    Beginning(Trace.STACK, True, "U", "nhandled ", re.compile(r"Unhandled (?:exception\. |Exception: )")),
    Beginning(Trace.STACK, True, "/fnABCDEFGHIJKLMNOPQRSTUVWXYZ", ":", re.compile(r"(?:/|file:///|node:|[A-Z]:\\)\S{0,400}:\d+\Z"), takes=1),
    Beginning(Trace.STACK, True, "0123456789", " | ", re.compile(r"\d{1,6} \| ")),
    Beginning(Trace.STACK, True, "e", "error: Uncaught ", re.compile(r"error: Uncaught "), takes=1),
    Beginning(Trace.STACK, True, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "", re.compile(_JS_ERROR)),
    Beginning(Trace.STACK, False, " ", "kfun:", re.compile(r" +at \d+ +\S{1,200} +0x[0-9a-f]+ kfun:")),  # Kotlin/Native
    Beginning(Trace.STACK, True, "U", "ncaught Kotlin", re.compile("Uncaught Kotlin exception: ")),
    Beginning(Trace.NATIVE, True, "<", "Last few GCs", re.compile(r"<--- Last few GCs --->\Z"), 2),  # V8
    Beginning(Trace.GO, True, "p ", "panic: ", re.compile(" ?panic: "), 2),  # chi's begins with a blank
    Beginning(Trace.GO, True, "f", "fatal error: ", re.compile("fatal error: "), 2),
    Beginning(Trace.GO, True, "", "panic recovered:", re.compile(r".{0,120}panic recovered:\Z"), stamped=True),  # gin
    Beginning(Trace.GO, False, "D", "Detected at:", re.compile(r"Detected at:\Z")),  # controller-runtime
    Beginning(Trace.GO, True, "W", "DATA RACE", re.compile(r"WARNING: DATA RACE\Z")),
    Beginning(Trace.GO, False, "/", " (0x", re.compile(r"/\S{1,400}\.(?:go|s):\d+ \(0x[0-9a-f]+\)\Z")),
    Beginning(Trace.GO, True, "S", "SIG", re.compile(r"SIG[A-Z]{2,6}: .{0,100}\Z"), 2),
    Beginning(Trace.GO, False, "g", "goroutine ", re.compile(r"goroutine \d+ (?:gp=\S+ )?.{0,100}\[")),
    Beginning(Trace.GO, False, "", ".", re.compile(rf"{_GO_FUNCTION}\Z"), behind="\t"),  # zap's console
    Beginning(Trace.RUST, True, "t", "panicked at ", re.compile(r"thread '[^']{0,200}' (?:\(\d+\) )?panicked at .{1,1000}:\d+:\d+:\Z"), 2, takes=1),
    Beginning(Trace.RUST, True, "t", "panicked at ", re.compile(r"thread '[^']{0,200}' (?:\(\d+\) )?panicked at "), 2),
    Beginning(Trace.RUST, True, "B", "Backtrace (most", re.compile(r"Backtrace \(most recent call first\):\Z"), 2),  # better-panic
    Beginning(Trace.RUST, False, "sS", "tack backtrace:", re.compile(r"[sS]tack backtrace:\Z")),
    Beginning(Trace.RUST, False, "C", "Caused by:", re.compile(r"Caused by:\Z")),
    Beginning(Trace.NATIVE, True, "=", "== ", re.compile(r"==\d{1,10}== (?:Invalid |Conditional jump |Use of uninitialised |Syscall param |Mismatched free|Source and destination overlap|Process terminating |[\d,]+ (?:\([^)]{1,60}\) )?bytes in )")),  # valgrind
    Beginning(Trace.PHP, False, "S", "Stack Trace:", re.compile(r"Stack Trace:\Z")),  # CakePHP
    Beginning(Trace.PHP, False, "SP", "tack trace:", re.compile(r"(?:PHP )?Stack trace:\Z")),
    Beginning(Trace.PHP, False, "[", "[stacktrace]", re.compile(r"\[stacktrace\]")),
    Beginning(Trace.PHP, False, "#", "#0 ", re.compile(r"#0 (?=\S*(?:\.php|\[internal|\{main))")),
    Beginning(Trace.RUBY, True, "", ":in ", re.compile(r"\S{1,400}:\d+:in [`'].{1,300}': .*\(\w[\w:]*\)\Z")),
    Beginning(Trace.RUBY, True, "#", "terminated with", re.compile(r"#<Thread:0x[0-9a-f]{1,16} .{0,300}> terminated with exception \(report_on_exception is true\):\Z"), takes=1),
    Beginning(Trace.RUBY, False, "", ":in ", re.compile(r"\s*(?:from )?\S{1,400}:\d+:in [`']")),
    Beginning(Trace.RUBY, False, "", ":in ", re.compile(r"[\w-]{1,80} \([\w.]{1,40}\) \S{1,400}:\d+:in [`']")),
    Beginning(Trace.RUBY, False, " ", "from ", re.compile(r"\s+from \S{1,400}:\d+:\d+ in '")),
    Beginning(Trace.RUBY, True, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", " (", re.compile(r"(?:[A-Z]\w{0,60}::){0,6}[A-Z]\w{0,60}(?:Error|NotFound|Invalid|Exception|NotUnique|Missing) \(.{1,2000}\):\Z")),
    Beginning(Trace.SCRIPT, False, "s", "stack traceback:", re.compile(r"stack traceback:\Z")),
    Beginning(Trace.SCRIPT, False, "S", "Stacktrace:", re.compile(r"Stacktrace:\Z")),
    Beginning(Trace.SCRIPT, False, " \t", " called at ", re.compile(r"\s+\S{1,200}(?:\(.{0,400}\))? called at \S{1,400} line \d+")),
    Beginning(Trace.SCRIPT, True, "E", "Error in `", re.compile(r"Error in `.{1,200}`:(?: |\Z)"), takes=1),  # rlang
    Beginning(Trace.SCRIPT, True, "E", "Error in ", re.compile(r"Error in .{1,200} : ")),
    Beginning(Trace.FUNCTIONAL, False, "CH", "CallStack", re.compile(r"(?:CallStack \(from HasCallStack\)|HasCallStack backtrace):\Z")),
    Beginning(Trace.FUNCTIONAL, False, "R", "Raised ", re.compile(r"Raised (?:at|by primitive operation at) ")),
    Beginning(Trace.FUNCTIONAL, True, "", ": Uncaught exception ", re.compile(r"\S{1,200}: Uncaught exception [\w.:-]{1,200}:\Z")),
    Beginning(Trace.SCRIPT, False, "L", "LINE ", re.compile(r"LINE \d+: "), behind="ERROR:  "),  # psql
    Beginning(Trace.SWIFT, True, "", ".swift:", re.compile(r"\S{1,300}\.swift:\d+: Fatal error(?:: |\Z)"), 2),
    Beginning(Trace.SWIFT, False, "CS*", "", re.compile(r"Current stack trace:\Z|Stack dump:\Z|\*\*\* (?:Signal \d+|Swift runtime failure|Program crashed): ")),
    Beginning(Trace.NIM, True, "", ".nim(", re.compile(r"\S{1,400}\.nims?\(\d+\) +\S+\Z")),
    Beginning(Trace.D, True, "", ".d(", re.compile(r"[\w.]{1,200}@\S{1,400}\.d\(\d+\)(?:: |\Z)")),
    Beginning(Trace.TCL, False, " ", "while executing", re.compile(r" {4}while executing\Z")),
    Beginning(Trace.LISP, True, "U", " in thread #<", re.compile(r"Unhandled [A-Z][\w:-]{1,100} in thread #<"), 2),
    Beginning(Trace.REPORT, False, "*", "****", re.compile(r"\*{27}\Z"), behind="FailureAnalysisReporter"),
    Beginning(Trace.BOX, True, "\u2577", "", re.compile("\u2577\\s*\\Z")),
    Beginning(Trace.BOX, True, "\u256d\u250c", " Error ", re.compile("[\u256d\u250c]\u2500+ Error \u2500")),
    Beginning(Trace.FRAME, True, "\u256d\u250c\u2554 ", "", re.compile("\\s{0,4}[\u256d\u250c\u2554][\u2500\u2501\u2550].{0,400}[\u256e\u2510\u2557]\\s*\\Z"), 7),
    Beginning(Trace.XML, True, "< ", "<", re.compile(r"<record>\s*\Z|<log4j:event |\s{0,4}<Event xmlns=\"http://logging\.apache\.org/log4j"), 6),
    Beginning(Trace.LISTED, False, " ", "- ", re.compile(r"  - \S{1,200}:\d+ "), behind="rror: "),  # pretty-error
    Beginning(Trace.LISTED, False, " ", "\u2043 ", re.compile(" \u2043 (?:at |\\()"), behind="\u2139 "),  # Youch
    Beginning(Trace.SYMFONY, True, " ", "] ", re.compile(r" (?:! )?\[(?:ERROR|WARNING|CAUTION)\] .{0,400}  \Z")),
    Beginning(Trace.SYMFONY, True, " ", "] ", re.compile(r" (?:! )?\[(?:NOTE|INFO)\] .{0,400}  \Z"), 6),
    Beginning(Trace.PYTEST, True, "_", "_ ", re.compile(r"_{3,} \S.{0,200} _{3,}\Z")),
    Beginning(Trace.TESTS, True, " ", "\u25cf ", re.compile("  \u25cf (?!Console\\Z|Validation Warning)\\S")),
    Beginning(Trace.TESTS, True, "\u2716", "ms)", re.compile("\u2716 .{1,400} \\([\\d.]{1,20}ms\\)\\Z")),
    Beginning(Trace.TESTS, False, " ", "  ---", re.compile(r"  ---\Z"), behind="not ok "),  # TAP
    Beginning(Trace.TESTS, True, " ", "  console.", re.compile(r"  console\.error\Z")),
    Beginning(Trace.TESTS, True, " ", "  console.", re.compile(r"  console\.warn\Z"), 4),
    Beginning(Trace.TESTS, True, " ", "  console.", re.compile(r"  console\.(?:log|info|debug|trace)\Z"), 6),
    Beginning(Trace.GRADLE, True, "F", "FAILURE: Build", re.compile(r"FAILURE: Build (?:failed|completed) with ")),
    Beginning(Trace.NATIVE, False, "0", " @ 0x", re.compile(r"0\. \S.{0,2000} @ 0x[0-9a-f]{6,16}\Z")),  # ClickHouse
    Beginning(Trace.ELIXIR, False, "S", "Server: ", re.compile(r"Server: \S+ \(https?\)\Z")),
    Beginning(Trace.MQ, True, "", " - Process(", re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4},? \d{1,2}:\d\d:\d\d(?: [AP]M)? - Process\(\d{1,10}\.\d{1,10}\) "), 6, stamped=True),
    Beginning(Trace.MINIO, False, "T", "Time: ", re.compile(r"Time: \d\d:\d\d:\d\d(?:\.\d{1,9})? [A-Z]{3,5} \d\d/\d\d/\d{4}\Z"), behind="API: "),
    Beginning(Trace.SYMFONY, True, "I", ".php line ", re.compile(r"In \S{1,200}\.php line \d+:\Z")),
    Beginning(Trace.ZIG, True, "t", " panic: ", re.compile(r"thread \d+ panic: "), 2),
    Beginning(Trace.ELIXIR, False, "*", "** (", re.compile(r"\*\* \(\w[\w.]{0,100}\) ")),
    Beginning(Trace.ELIXIR, False, " ", "in ", re.compile(r"\s+in (?:function |call from )")),
    Beginning(Trace.ELIXIR, False, " ", ": ", re.compile(r"\s{4}(?:\([\w ]{1,60} [\d.]{1,20}(?:-[\w.]+)?\) )?\S{1,200}\.(?:exs?|erl):\d+: ")),
    Beginning(Trace.DART, True, "U", "nhandled exception:", re.compile(r"Unhandled exception:\Z"), takes=1),
    Beginning(Trace.DART, False, "#", "#0 ", re.compile(r"#0 {2,}\S.{0,300}\(.{1,300}\)\Z")),
    Beginning(Trace.NATIVE, True, "t", "terminate called", re.compile(r"terminate called (?:after throwing an instance of |without an active exception)"), 2),
    Beginning(Trace.NATIVE, False, "*", "*** ", re.compile(r"\*\*\* (?:Check failure stack trace: \*\*\*|Aborted at \d+ \(unix time\)|SIG[A-Z]{2,6} \(@0x)"), 2),  # glog
    Beginning(Trace.NATIVE, True, "=", "Sanitizer: ", re.compile(r"==\d+==ERROR: \w+Sanitizer: ")),
)  # fmt: skip
"""Every way in which a trace begins; the first that matches counts."""

_GOES_ON: dict[Trace, re.Pattern[str]] = {
    Trace.ASYNCIO: re.compile(r"(?:future|handle|task|protocol|transport|socket|server|connector|connections|(?:source|handle)_traceback): |Traceback \(most recent call last\):"),
    Trace.FAULT: re.compile(r"(?:Current t|T)hread 0x|Extension modules: |<truncated rest of calls>|Python runtime state: |Current thread's C stack trace"),
    Trace.STACK: re.compile(
        r"\}|\]|error stack:\Z|Stack Trace:\Z|[Cc]aused by:|Suppressed: |Wrapped by: |\[CIRCULAR REFERENCE|Emitted '|--- End of |! |"
        r"Node\.js v\d|Bun v\d|>? ?\d{1,6} \| |Thrown at:|\(Use `node |Repeat \d+ times:|-{32}\Z|Location:\Z|Stack backtrace:\Z"
    ),
    Trace.GO: re.compile(
        rf"{_GO_FUNCTION}\Z|"
        r" -> |goroutine \d+ |\[signal |created by |(?:Previous )?(?:[Rr]ead|[Ww]rite) at 0x|Goroutine \d+ \(|={18}\Z|/\S{1,400}\.(?:go|s):\d+ \(0x|exit status \d+\Z|\t|[\w./*()\[\]{}\u00b7-]{1,400}\(.*\)\Z|panic: |\[recovered\]|"
        r"(?:rax|rbx|rcx|rdx|rdi|rsi|rbp|rsp|r8|r9|r1\d|rip|rflags|cs|fs|gs|pc|lr|sp|x\d+) +0x|runtime: |runtime stack:|PC=0x|\d{{1,3}}\. {{1,2}}\S"
    ),
    Trace.RUST: re.compile(r"stack backtrace:|note: |Caused by:|Location:|  |\d{1,6} +\||\.\.\.\Z|in \S{1,400}, line \d+\Z|thread: "),
    Trace.PHP: re.compile(r"#\d+ |- \S{1,400}:\d+\Z|Stack trace:|\[stacktrace\]|\[previous exception\]|\"\}(?: \[\]| \{.{0,400}\})? ?\Z|Next [\w\\]{1,200}: |PHP {1,4}\d+\. |PHP Stack trace:|\{main\}"),
    Trace.RUBY: re.compile(r"\S{1,400}:\d+:in [`']|\S{1,400}:\d+: |[\w-]{1,80} \([\w.]{1,40}\) \S{1,400}:\d+:in [`']"),
    Trace.NATIVE: re.compile(r"\d{1,3}(?:\.\d{1,3})?\. \S.{0,2000} @ 0x|==\d{1,10}== {2,}\S|<--- |FATAL ERROR: |-{5} (?:Native|JavaScript) stack trace -{5}|\[\d+:0x[0-9a-f]+\] +\d+ ms: | ?\d+: 0x[0-9a-f]+ |PC: @ |\*\*\* SIG|(?:READ|WRITE) of size |0x[0-9a-f]+ is located |(?:freed|previously allocated|allocated) by thread |SUMMARY: |Shadow bytes? |==\d+==ABORTING"),
    Trace.MACHINE: re.compile(r"#|\"[^\"]{1,200}\" |JNI global |Threads class SMR info:|_java_thread_list|0x[0-9a-f]|\}\Z|Heap\Z"),
    Trace.SCRIPT: re.compile(r"! |\u2139 |\u2716 |Caused by error in `|Backtrace:\Z|coroutine \d+:|in expression starting at |Calls: |Execution halted|(?:DETAIL|HINT|CONTEXT|QUERY):  "),
    Trace.FUNCTIONAL: re.compile(r"Called from |Re-raised at |Raised |HasCallStack backtrace:\Z|CallStack "),
    Trace.SWIFT: re.compile(r"\d+ +\S|Thread \d+|Registers:\Z|Images |\*\*\* |Crash took |Stack dump:|Current stack trace:\Z|[A-Za-z0-9]+ 0x|at /|Backtrace took "),
    Trace.NIM: re.compile(r"\S{1,400}\(\d+\) +\S|Error: unhandled exception: |\[\[reraised from:|\]\]"),
    Trace.D: re.compile(r"-{16}\Z|\?\?:\? |\S{1,400}:\d+ .{0,1000}\[0x[0-9a-f]+\]\Z"),
    Trace.TCL: re.compile(r"\".{0,1000}\"\Z"),
    Trace.LISP: re.compile(r"\d+: |Backtrace for: #<|unhandled condition in --disable-debugger mode"),
    Trace.BOX: re.compile("[\u2502\u2575\u2570\u2514]"),
    Trace.ZIG: re.compile(r"\S{1,400}\.zig:\d+:\d+: |\?\?\?:\?:\?: "),
    Trace.ELIXIR: re.compile(r"\*\* \(|Function: |Initial Call: |Ancestors: |Last message(?: \(.{1,60}\))?: |State: |Message: |Client |Start Call: |Request: "),
    Trace.DART: re.compile(r"#\d+ {2,}|<asynchronous suspension>|\(elided "),
    Trace.MINIO: re.compile(r"(?:DeploymentID|RequestID|RemoteHost|Host|UserAgent|Error): "),
}  # fmt: skip
"""Lines without indentation that go on with a trace."""

_AFTER_BLANK: dict[Trace, re.Pattern[str]] = {
    Trace.ASYNCIO: re.compile(
        r"(?:future|handle|task|protocol|transport|socket|server|connector|connections|(?:source|handle)_traceback): |Traceback \(most recent call last\):"
    ),
    Trace.FAULT: re.compile(r"(?:Current t|T)hread 0x|Extension modules: "),
    Trace.STACK: re.compile(
        rf"\s+at |Node\.js v\d|Bun v\d|\d{{1,6}} \| |Caused by:|Suppressed: |\s+(?:info|hint|docs|help): |\[?{_JS_ERROR}|Stack Trace:\Z|The above exception occurred "
        rf"|Location:\Z|Stack backtrace:\Z|\s+[\u2501\u00d7\u26a0]|\s\u276f \S"  # eyre, anyhow, miette, Vitest
    ),
    Trace.GO: _GOES_ON[Trace.GO],
    Trace.RUST: re.compile(r"Caused by:|[sS]tack backtrace:|note: |Location:|The application panicked"),
    Trace.PHP: re.compile(r"Next [\w\\]{1,200}: |\[previous exception\]|\s+thrown in "),
    Trace.DART: re.compile(r"#\d+ {2,}"),
    Trace.RUBY: re.compile(r"\S{1,400}:\d+:in [`']|[\w-]{1,80} \([\w.]{1,40}\) \S{1,400}:\d+:in [`']"),
    Trace.NATIVE: _GOES_ON[Trace.NATIVE],
    Trace.MACHINE: _GOES_ON[Trace.MACHINE],
    Trace.FUNCTIONAL: _GOES_ON[Trace.FUNCTIONAL],
    Trace.SWIFT: _GOES_ON[Trace.SWIFT],
    Trace.LISP: _GOES_ON[Trace.LISP],
    Trace.LISTED: re.compile("  - |    \\S| \u2043 |\\s{1,8}(?:\u276f )?\\d+ \u2503"),
    Trace.SYMFONY: re.compile(r" {2,12}\S|Exception trace:\Z|In \S{1,200}\.php line \d+:\Z"),
}
"""Lines behind a blank one that go on with a trace."""

# Python's tracebacks need more: the exception itself stands behind the frames, without indentation.

_PYTHON_HEAD = next(row.pattern for row in BEGINNINGS if row.trace is Trace.PYTHON)
_PYTHON_FRAME = "  \t> |\u2502+\u2570\u256d\u251c"
"""First characters of a frame: blanks, loguru's mark, rich's and exception groups' boxes."""
_PYTHON_RAISED = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: |\Z)")
_GROUP = re.compile(r"\s+\| ([\w.]*ExceptionGroup: .*)")
_PYTHON_CHAIN = ("During handling of the above exception", "The above exception was the direct cause")
_MESSAGE_GOES_ON = re.compile(
    r"\[SQL: |\[parameters: |\(Background on this error at: "  # SQLAlchemy
    r"|LINE \d+: |(?:DETAIL|HINT|CONTEXT|QUERY): "  # PostgreSQL
    r"|Call stack:\Z|Message: |Arguments: |Unable to print the message and arguments"  # logging's own
    r"|\"\"\"\Z"  # a traceback from another process
    r"|Stack \(most recent call last\):\Z"  # logging's stack_info
    r"|Reason: |HTTP response (?:headers|body): "  # Kubernetes
    r"|Stacktrace:\Z|#\d{1,3} 0x|Call log:\Z|>\Z"  # Selenium, Playwright, gRPC
    r"|CUDA kernel errors might |For debugging consider |Compile with `TORCH_|Help: https://docs\.oracle"
    r"|Failed validating |On (?:instance|schema)[\[:]"  # jsonschema, behind blank lines
    r"|During task with name '|Falsifying example: |You can reproduce this example |\)\Z"  # notes: LangGraph, Hypothesis
)
_BEHIND_A_BLANK = re.compile(r"Failed validating |On (?:instance|schema)[\[:]")
"""The same behind blank lines."""
"""Later lines of a message, without indentation. In general they cannot be told from what is printed next."""

_PYDANTIC = re.compile(r"[\w.]+: \d+ validation errors? for ")
_FIELD = re.compile(r"\S+\Z")
"""pydantic: the path of a field stands alone, and what is wrong with it indented below."""

_RESULT = re.compile(r"future: <.{1,2000} exception=(\w{1,100})\(.*\n(?:[\w.]{1,100}\.)?\1(?:: |\Z)")
"""asyncio's future, and the exception that it names, which has no traceback when nothing raised it."""

_BOX = ("\u2502", "\u2570", "\u256d")
_BOX_BEGINS, _BOX_ENDS = "\u2577\u256d\u250c", "\u2575\u2570\u2514"
_BOX_MARKS = "\u2502 "
_DURING = "The above exception occurred "
"""What Dagster writes before an exception that belongs to the one above."""
_FRAME_ENDS = "\u2570\u2514\u255a"
_FRAME_SIDES = "\u2502\u2503\u2551\u251c\u2520\u255f\u2560" + _FRAME_ENDS
_RECOVERED = "panic recovered:"
"""gin's, whose request and error stand between it and the frames."""
_UNCAUGHT = ": Uncaught exception "
"""GHC's, from 9.10 on: what was thrown stands below, between blank lines."""
_ERROR_LINE = re.compile(rf"\[?{_JS_ERROR}|error: ")

_FRAME = re.compile(r"\s+at (?:async |new )?\S|\s+\.\.\. \d+ (?:more|common frames)")
_RUBY_FRAME = re.compile(r"\s+from \S")
_PHP_TRACES = frozenset(("Stack trace:", "PHP Stack trace:"))
_THROWN = re.compile(rf"\s*(?:Caused by|Suppressed|Wrapped by): |{_JAVA_HEAD}|(?:[a-z@][\w@/.-]{{0,60}}: )?{_JS_ERROR}")
_OUTERMOST = re.compile(r"  File \"(?:.*\", line \d+, in <module>\Z|<frozen runpy>\")")


class Doubt(NamedTuple):
    """
    A line that may begin a trace of the line before it: the next one shows whether it does.

    Attributes:
        beginning: What it begins then.
        proof: Matches the line that shows it.
    """

    beginning: Beginning
    proof: re.Pattern[str]


_DOUBTS = (
    # Exceptions of any name; an error of JavaScript behind a line that tells of one; Go's pkg/errors.
    Doubt(
        Beginning(
            Trace.STACK, False, "", ".", re.compile(r"(?:[a-z_$][\w$]{0,60}\.){1,12}+[A-Z][\w$]{0,120}(?:: |\Z)")
        ),
        re.compile(_AT),
    ),
    Doubt(
        Beginning(Trace.STACK, False, "", "", re.compile(_JS_ERROR)), re.compile(_AT + r"|Stack Trace:\Z")
    ),  # Dagster
    Doubt(Beginning(Trace.GO, False, "S", "Stack:", re.compile(r"Stack:\Z")), re.compile(r"1\. {1,2}\S")),  # GoFrame
    Doubt(Beginning(Trace.GO, False, "", ".", re.compile(rf"{_GO_FUNCTION}\Z")), re.compile(r"\t/\S{1,400}\.go:\d+\Z")),
)


def doubts(line: str, *, after_error: bool) -> Doubt | None:
    """
    Return what a line may be, if the next line shows it; None when it is what it looks like.

    Args:
        line: Is not blank, and stands behind a line that has no trace yet.
        after_error: Whether that line says that it is an error.
    """
    if line[0] in " \t" or (" " in line and ": " not in line):  # most lines, told cheaply
        return None
    for doubt in _DOUBTS:
        row = doubt.beginning
        if row.needs in line and row.pattern.match(line) and (row.needs or after_error):
            beginning = begins(line)
            return None if beginning is not None and not beginning.alone else doubt
    return None


_ANY_START = tuple(row for row in BEGINNINGS if not row.starts)
_BY_START = {
    first: tuple(row for row in BEGINNINGS if first in row.starts or not row.starts)
    for first in {first for row in BEGINNINGS for first in row.starts}
}


_STAMPED = tuple(row for row in BEGINNINGS if row.stamped)


def begins(line: str, before: str = "") -> Beginning | None:
    """Return how a trace begins with a line behind another; None when it does not."""
    for row in _BY_START.get(line[:1], _ANY_START):
        if row.needs in line and row.behind in before and row.pattern.match(line):
            return row
    return None


def begins_behind_a_time(line: str) -> Beginning | None:
    """Return how a trace begins with a line that has a time before it; None when it does not."""
    for row in _STAMPED:
        if row.needs in line and row.pattern.match(line):
            return row
    return None


def raises(line: str) -> bool:
    """Whether a line of a Python traceback is neither head nor frame: the exception."""
    return line[:1] not in _PYTHON_FRAME and not line.startswith(_PYTHON_CHAIN) and not _PYTHON_HEAD.match(line)


def takes_lines(trace: Trace, lines: Sequence[str], raised: int, blanks: int) -> bool:
    """
    Whether what was thrown has just been said, so that lines without a mark may be more of its message.

    Args:
        trace: Whose.
        lines: The trace so far.
        raised: Which of them is the exception (Python).
        blanks: How many blank lines are behind them.
    """
    if trace is Trace.PYTHON:
        return raised == len(lines) - 1
    if trace is Trace.STACK:
        return _THROWN.match(lines[-1]) is not None
    if trace is Trace.RUBY:
        return ":in " in lines[-1] and lines[-1][-1:] == ")" and not blanks
    if trace is Trace.PHP:
        return lines[-1].startswith("Next ") and not blanks
    if trace is Trace.GO:
        return len(lines) == 1 and (not blanks or lines[0].endswith(_RECOVERED))
    return trace is Trace.RUST and len(lines) == 2 and lines[0].endswith(":") and not blanks


def throws_within(line: str) -> bool:
    """Whether a line of a log says at its end what was thrown: ``failed: java.lang.IllegalStateException: x``."""
    return "Exception: " in line or "Error: " in line


def settles(trace: Trace, line: str) -> bool:
    """Whether a line shows that the lines between it and what was thrown are of its message (`takes_lines`)."""
    if trace is Trace.PYTHON:
        return line.startswith((*_PYTHON_CHAIN, "Stack (most recent call last):"))
    if trace is Trace.STACK:
        return _FRAME.match(line) is not None or line in _PHP_TRACES
    if trace is Trace.RUBY:
        return _RUBY_FRAME.match(line) is not None
    if trace is Trace.PHP:
        return line in _PHP_TRACES
    return continues(trace, line, "", 0)


def crashes(line: str) -> bool:
    """Whether a frame of a Python traceback is the outermost of the program: nothing caught what it tells of."""
    return _OUTERMOST.match(line) is not None


def headline(trace: Trace, lines: Sequence[str], raised: int, takes: int) -> str:
    """
    Return what a trace says that belongs to no line.

    Args:
        trace: Whose.
        lines: The trace.
        raised: Which of them is the exception (Python); 0: none is.
        takes: How many lines behind the first are its own.
    """
    if trace is Trace.PYTHON:
        if raised:
            return lines[raised].strip()
        groups = (match[1] for match in map(_GROUP.match, lines) if match is not None)
        return next(groups, lines[-1].strip())
    if (trace is Trace.SYMFONY and lines[0][:1] == "I") or lines[0].startswith("  console."):
        return next((line.strip() for line in lines[1:] if line.strip()), lines[0])
    if trace is Trace.PYTEST:
        said = (line[1:].strip() for line in lines if line.startswith("E  "))
        return next(filter(None, said), lines[0].strip("_ "))
    if trace is Trace.FRAME:
        inner = (line.strip(_FRAME_SIDES + " ") for line in lines[1:-1])
        return next(filter(None, inner), lines[0])
    if trace in (Trace.BOX, Trace.NIM, Trace.NATIVE, Trace.FUNCTIONAL) or (trace is Trace.RUST and not takes):
        return _headline_within(trace, lines)
    if trace is Trace.STACK and (takes or lines[0][:1].isdigit()) and not lines[0].startswith("error: "):
        found = (line.strip() for line in lines[1:] if _ERROR_LINE.match(line))
        return next(found, lines[0])  # a line of source comes first
    if takes and trace is not Trace.STACK:
        return " ".join(line.strip() for line in lines[: 1 + takes])
    return lines[0]


def _headline_within(trace: Trace, lines: Sequence[str]) -> str:
    """Return what is in a box, what Nim and better-panic say behind the frames, GHC between blanks; else the first."""
    if lines[0][:1] in _BOX_BEGINS:
        inner = (line.strip(_BOX_MARKS) for line in lines[1:])
        return next(filter(None, inner), lines[0])
    if trace is Trace.NATIVE:
        return next((line for line in lines if line.startswith("FATAL ERROR: ")), lines[0])
    if trace is Trace.NIM:
        return next((line for line in lines if line.startswith("Error: unhandled exception: ")), lines[0])
    if trace is Trace.RUST:
        at = next((at for at, line in enumerate(lines) if line.startswith("The application panicked")), -1)
        return lines[at + 1].strip() if 0 <= at < len(lines) - 1 and lines[0].startswith("Backtrace") else lines[0]
    if _UNCAUGHT in lines[0]:
        return next((line.strip() for line in lines[1:] if line.strip()), lines[0])
    return lines[0]


def continues(trace: Trace, line: str, before: str, blanks: int, raised: str = "") -> bool:
    """
    Whether a line that is not blank goes on with a trace.

    Args:
        trace: Whose.
        line: The next line.
        before: The last line before it that is not blank.
        blanks: How many blank lines are between them.
        raised: The line of the exception, once it was there (Python; see `raises`).
    """
    if trace is Trace.PYTHON:
        return _continues_python(line, before, blanks, raised)
    if trace in (Trace.XML, Trace.MQ):
        return True
    if trace is Trace.PYTEST:
        return not line.startswith(("____", "====", "!!!!"))
    if trace is Trace.GRADLE:
        return not line.startswith("> Task ") and not before.startswith("BUILD FAILED")
    if trace is Trace.TESTS:
        return line.startswith("  ") and not line.startswith(("  \u25cf ", "  console."))
    if trace is Trace.STACK and line[:2] in _DIFFERENCE:
        return line == "- Expected" or before[:2] in _DIFFERENCE
    if trace is Trace.SYMFONY:
        return _AFTER_BLANK[trace].match(line) is not None
    if trace is Trace.BOX and before[:1] in _BOX_ENDS:
        return False
    if trace is Trace.FRAME:
        return not blanks and before.lstrip()[:1] not in _FRAME_ENDS and line.lstrip()[:1] in _FRAME_SIDES
    if trace is Trace.REPORT:
        return line[0] not in "[>"  # what Maven and Gradle print behind it
    if blanks:
        if trace is Trace.FUNCTIONAL and _UNCAUGHT in before:
            return True
        pattern = _AFTER_BLANK.get(trace)
        if pattern is None or not pattern.match(line):
            return False
        # Behind a blank line another error may be the next message; one of this trace follows its source.
        return trace is not Trace.STACK or not _ERROR_LINE.match(line) or _is_source(before) or before.endswith("::")
    if line[0] in " \t":
        return True
    if trace is Trace.ASYNCIO and _RESULT.match(before + "\n" + line):
        return True
    pattern = _GOES_ON.get(trace)
    if pattern is not None and pattern.match(line):
        return True
    if trace is not Trace.STACK:
        return False
    return before.startswith(_DURING) or (_ERROR_LINE.match(line) is not None and _is_source(before))


_DIFFERENCE = ("- ", "+ ")
"""Vitest's, behind the error that an expectation raised."""


def _is_source(line: str) -> bool:
    """Whether a line marks a place in the line of source above it."""
    return line.strip(" \t^~") == "" and line.strip() != ""


def _continues_python(line: str, before: str, blanks: int, raised: str) -> bool:
    is_head = line.startswith(_PYTHON_CHAIN) or _PYTHON_HEAD.match(line) is not None
    if is_head:
        return True
    if blanks:
        if raised and not before.startswith(_PYTHON_CHAIN):
            return _BEHIND_A_BLANK.match(line) is not None
        return line[0] in _PYTHON_FRAME or _PYTHON_RAISED.match(line) is not None  # loguru
    if line[0] in " \t":
        return True
    if before.lstrip()[:1] in ("|", "+"):
        return line[:1] in ("|", "+")  # of a group, whose exceptions stand within its lines
    if raised and not before.startswith(_PYTHON_CHAIN):
        goes_on = _FIELD if _PYDANTIC.match(raised) else _MESSAGE_GOES_ON
        return goes_on.match(line) is not None
    # The exception itself stands behind the frames, without indentation.
    return line[0] in _PYTHON_FRAME or before[:1] in _PYTHON_FRAME or before.startswith("Traceback (")
