# ruff: noqa: E501  (a row a shape: a table is read by its columns)
"""
Shapes of tools: how compilers, builds, tests and some small servers begin a line; see `header_shapes`.

They are tried before the others, because some of theirs would read a part of these for a level.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from gelf_listener.codec.levels import LEVEL_LETTERS, LEVEL_NAMES
from gelf_listener.codec.text.header_shapes import Header, Shape, lettered, named, of_letter, pairs
from gelf_listener.codec.text.stamps import believable, read_stamp

_DIGITS = "0123456789"
_ESPHOME = {**LEVEL_LETTERS, "C": 6}
"""C: what is configured."""
_STAMP = r"(?P<stamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
_UNREAL = {"Fatal": 2, "Error": 3, "Warning": 4, "Verbose": 7, "VeryVerbose": 7}
_KIBANA = {"debug": 7, "info": 6, "warning": 4, "error": 3, "fatal": 2}
_DBT = {"ERROR": 3, "FAIL": 3, "WARN": 4}


def _says(level: int, goes_on: int = 0) -> Callable[[re.Match[str], float, dt.tzinfo | None], Header]:
    """Return what reads a form that only lines of one level have."""

    def read(_match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
        return Header(level, goes_on=goes_on)

    return read


def _clocked(levels: dict[str, int]) -> Callable[[re.Match[str], float, dt.tzinfo | None], Header]:
    """Return what reads a form with a time of day."""

    def read(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
        return Header(levels[match["level"]], None, True)

    return read


def _goes_on(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read the first line of a record whose text begins in the second."""
    levels = {"SEVERE": 3, "ERROR": 3, "WARNING": 4, "WARN": 4, "INFO": 6, "ALERT": 1, "EMERGENCY": 0}
    return of_letter({**dict.fromkeys(("CONFIG", "FINE", "FINER", "FINEST"), 7), **levels})(match, now, zone)._replace(
        goes_on=1
    )


def _unreal(match: re.Match[str], now: float, _zone: dt.tzinfo | None) -> Header:
    """Read Unreal Engine's time, which is UTC, and its level, which information lacks."""
    level = _UNREAL.get(match["level"] or "", 6)
    stamp = f"{match['day'].replace('.', '-')} {match['time'].replace('.', ':')}.{match['fraction']}Z"
    found = read_stamp(stamp, 0, now, dt.UTC)
    return Header(level, None if found is None else found.seconds, True)


def _spark(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a date whose year comes first, unless that is ahead of us."""
    day, time = match["day"], match["time"]
    found = read_stamp(f"20{day.replace('/', '-')} {time}", 0, now, zone)
    if found is None or found.seconds is None:
        found = read_stamp(f"{day} {time}", 0, now, zone)
    return Header(LEVEL_NAMES[match["level"].lower()], None if found is None else found.seconds, True)


def _narrow(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a time of day whose numbers have no zeros before them."""
    day, (hour, minute, second) = match["day"], match["time"].split(":")
    stamp = f"{day[:4]}-{day[4:6]}-{day[6:]} {hour:0>2}:{minute:0>2}:{second:0>2}.{match['fraction']:0>3}"
    found = read_stamp(stamp, 0, now, zone)
    return Header(None, None if found is None else found.seconds, True)


def _of_php(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read what PHP says within a line of its process manager."""
    said = match["level"].lower()
    level = 3 if said.endswith("error") else 4 if said.endswith(("warning", "deprecated")) else 5
    return of_letter({match["level"]: level})(match, now, zone)


def _behind(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    """Read what stands before the line of a process: Ray's."""
    return Header(fields={"process_id": match["pid"]}, rest=match.end())


def _diagnostic(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read what a compiler says, whose lines of source are indented."""
    return named(match, now, zone)._replace(goes_on=-1)


TOOL_SHAPES = (
    Shape("ESPHome", pairs("[", _DIGITS), re.compile(r"\[\d\d:\d\d:\d\d(?:\.\d{3})?\]\[(?P<level>[EWICDV])[EWICDV]?\]\[[\w.-]{1,60}:\d{1,6}\]: "), _clocked(_ESPHOME), "]["),
    Shape("a letter between brackets, then a time", pairs("[", "EWIDTVF"), re.compile(rf"\[(?P<letter>[EWIDTVF])\] {_STAMP}(?=[\s:\]])"), lettered),
    Shape("absl (TensorFlow, JAX, gRPC)", pairs("IWEF", "0"), re.compile(r"(?P<letter>[IWEF])0000 00:00:(?P<stamp>\d{10}\.\d{6})\s{1,9}\d{1,10} \S{1,200}:\d{1,6}\]"), lettered),
    Shape("Ray", "(", re.compile(rf"\(\w{{1,40}}\) \[{_STAMP} (?P<letter>[EWIDCF]) \d{{1,10}} \d{{1,10}}\] "), lettered, ") ["),
    Shape("Ray", "(", re.compile(r"\((?:[\w.:-]{1,60} )?pid=(?P<pid>\d{1,10})(?:, ip=[\d.]{7,15})?\) "), _behind, "pid="),
    Shape("Redis, KeyDB", _DIGITS, re.compile(r"\d{1,10}:signal-handler \((\d{10})\) "), lambda match, now, _zone: Header(4, believable(int(match[1]), now), True), ":signal-handler ("),
    Shape("Kibana 7", ("  ",), re.compile(r"  [a-z]{3,8} +\[\d\d:\d\d:\d\d\.\d{3}\] \[(?P<level>debug|info|warning|error|fatal)\]"), _clocked(_KIBANA), "] ["),
    Shape("Zigbee2MQTT 1", "Z", re.compile(r"Zigbee2MQTT:(?P<level>error|warn|info|debug) +(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d): "), of_letter({"error": 3, "warn": 4, "info": 6, "debug": 7})),
    Shape("Django", ("No", "Ba", "Fo", "Me", "Un"), re.compile(r"(?:Not Found|Bad Request|Forbidden(?: \([^)]{1,120}\))?|Method Not Allowed(?: \([A-Z]{3,7}\))?|Unauthorized): /"), _says(4), ": /"),
    Shape("Puma", ("20", "[", "! "), re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}) (?P<level>Rack app|HTTP parse error|SSL error|Error in reactor)(?=[ ,:])"), of_letter({"Rack app": 3, "HTTP parse error": 4, "SSL error": 4, "Error in reactor": 3}), "0 "),
    Shape("Puma", ("[",), re.compile(r"\[\d{1,10}\] ! (?!Unable to load)"), _says(4), "] ! "),
    Shape("uWSGI", ("DA", "!!", "un"), re.compile(r"DAMN ! worker |!!! UNABLE |unable to load app \d"), _says(3)),
    Shape("uWSGI", "MTWFS", re.compile(r"(?P<stamp>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}) - \*\*\* HARAKIRI(?P<level>)"), of_letter({"": 4}), " HARAKIRI"),
    Shape("dbt", "012", re.compile(r"\d\d:\d\d:\d\d {2}(?:\d{1,6} of \d{1,6} (?P<level>ERROR|WARN|FAIL)\b)"), _clocked(_DBT), " of "),
    Shape("dbt", "012", re.compile(r"\d\d:\d\d:\d\d {2}(?:(?:Database|Compilation|Runtime|Dependency|Parsing) Error(?: in |\Z)|Failure in (?:test|unit_test) |Encountered an error)(?P<level>)"), _clocked({"": 3}), "  "),
    Shape("Ansible", ("fa",), re.compile(r"failed: \[[^\]]{1,200}\](?: \(item=.{0,400}?\))?(?: =>|:) "), _says(3)),
    Shape("kubectl, Docker, Snakemake and others", ("do",), re.compile(r"docker: (?:Error response from daemon|invalid reference format|'\w{1,40}' is not a docker command)"), _says(3)),
    Shape("Docker Compose", (" C", " N", " V", " I"), re.compile(r" (?:Container|Network|Volume|Image) \S{1,200} +Error\b"), _says(3), " Error"),
    Shape("pytest", ("FA",), re.compile(r"FAILED \S{1,400}::"), _says(3)),
    Shape("unittest", ("FA",), re.compile(r"FAILED \((?:failures|errors|unexpected successes)="), _says(3)),
    Shape("cargo test", ("te",), re.compile(r"test \S.{0,300} \.\.\. FAILED\Z|test result: FAILED\."), _says(3)),
    Shape("go test", ("FA",), re.compile(r"FAIL(?:\t\S|\Z)"), _says(3)),
    Shape("Jest, Vitest", (" F", "FA"), re.compile(r" ?FAIL {1,2}\S{1,300}(?:\.[cm]?[jt]sx?\b| >)"), _says(3)),
    Shape("TAP", ("no",), re.compile(r"not ok \d{1,6}(?: (?!.{0,400}# (?:TODO|SKIP|todo|skip)\b)|\Z)"), _says(3, -1)),
    Shape("TAP", ("ok",), re.compile(r"ok \d{1,6} "), lambda _match, _now, _zone: Header(goes_on=-1)),
    Shape("dotnet test", ("  ",), re.compile(r"  Failed \S.{0,400} \[[<\d][^\]]{1,20}\]\Z"), _says(3, -1), "  Failed "),
    Shape("Gradle, ninja", ("> ", "BU", "Bu"), re.compile(r"> Task \S{1,200} FAILED\Z|BUILD FAILED(?: |\Z)|Build FAILED\.\Z"), _says(3), "FAILED"),
    Shape("Next.js", (" \u2a2f",), re.compile(" \u2a2f \\./\\S{1,300}:\\d{1,6}:\\d{1,6}\\Z"), _says(3, 1)),
    Shape("webpack", ("ER", "WA"), re.compile(r"(ERROR|WARNING) in (?:\.{0,2}/\S|\S{1,300}\.[a-z]{2,4}(?=[\s:]|\Z))"), lambda match, now, zone: named(match, now, zone)._replace(goes_on=1), " in "),
    Shape("MSBuild, C#, TypeScript", "", re.compile(r"\S{1,300} - (error|warning) TS\d{1,6}: "), named, " TS"),
    Shape("MSBuild, C#, TypeScript", "", re.compile(r"\S{1,300} : (?:fatal )?(error|warning) [A-Z]{2,10}\d{1,6}: "), named, " : "),
    Shape("Go's compiler", "./", re.compile(r"\./\S{1,200}\.go:\d{1,6}:\d{1,6}: "), _says(3), ".go:"),
    Shape("compilers", ("  ",), re.compile(r"    (error|warning): (?=\S)"), _diagnostic),  # Elixir's
    Shape("compilers", "", re.compile(r"\S{0,200}?\bld(?:\.\w{1,10})?: (?:cannot find -|.{1,1000}: (?:undefined reference to|multiple definition of) )"), _says(3, -1), "ld"),
    Shape("Verdaccio", (" i", " w", " e", " f", " d", " t", " h"), re.compile(r" (info|warn|error|fatal|debug|trace|http) ?(?:---|<--|-->) "), named),
    Shape("clients of GraphQL", "[", re.compile(r"\[(?:GraphQL|Network) error\]: "), _says(3)),
    Shape("Sphinx", "", re.compile(r"\S{0,300}:docstring of \S{1,300}?:\d{0,6}: (WARNING|ERROR|CRITICAL|SEVERE): "), named, ":docstring of "),
    Shape("Sphinx", ("Ex", "Co", "Th", "Ap"), re.compile(r"(?:Extension|Configuration|Theme|Application) error:\Z"), _says(3, 1)),
    Shape("stylelint", ("  ",), re.compile("  +\\d{1,6}:\\d{1,6} +([\u2716\u26a0]) +\\S"), named),
    Shape("gulp", ("[0", "[1", "[2"), re.compile(r"\[\d\d:\d\d:\d\d\] '.{1,100}' errored after (?P<level>)"), _clocked({"": 3}), "errored after"),
    Shape("Spark, Hadoop's clients", pairs("012", _DIGITS), re.compile(r"(?P<day>\d\d/\d\d/\d\d) (?P<time>\d\d:\d\d:\d\d) (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL) [A-Za-z_][\w.$]{0,200}: "), _spark, "/"),
    Shape("Huawei Health", ("20",), re.compile(r"(?P<day>\d{8})-(?P<time>\d{1,2}:\d{1,2}:\d{1,2}):(?P<fraction>\d{1,3})\|"), _narrow, "|"),
    Shape("IBM MQ", ("20",), re.compile(rf"{_STAMP} AMQ\d{{4,5}}(?P<level>[IWEST]): "), of_letter({"I": 6, "W": 4, "E": 3, "S": 2, "T": 2}), " AMQ"),
    Shape("Santa (macOS)", ("[2",), re.compile(rf"\[{_STAMP}\] (?P<letter>[EWIDF]) [\w.-]{{1,40}}: "), lettered),
    Shape("Unreal Engine", ("[2",), re.compile(r"\[(?P<day>\d{4}\.\d\d\.\d\d)-(?P<time>\d\d\.\d\d\.\d\d):(?P<fraction>\d{3})\]\[ *\d{1,6}\]\w{1,80}: (?:(?P<level>Fatal|Error|Warning|Display|Verbose|VeryVerbose): )?"), _unreal, "]["),
    Shape("PHP-FPM, what a script said", "NWP[", re.compile(r"(?:\[(?P<stamp>\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d)\] )?(?:WARNING: \[pool [^\]]{1,60}\] child \d{1,10} said into std(?:err|out): \")?(?:NOTICE: )?PHP message: PHP (?P<level>(?:[A-Z][a-z]{1,12} )?[a-z ]{0,20}(?i:error|warning|notice|deprecated)): "), _of_php, "PHP message: "),
    Shape("dpkg, rsync, nginx", ("dp", "rs", "ng"), re.compile(r"dpkg: error |rsync: .{1,1000} failed: |nginx: configuration file \S{1,300} test failed"), _says(3)),
    Shape("Jenkins", ("Fi", "Bu"), re.compile(r"Finished: FAILURE\Z|Build step '.{1,200}' marked build as failure\Z"), _says(3)),
    Shape("Packer", ("Bu",), re.compile(r"Build '.{1,200}' errored(?: after |:)"), _says(3)),
    Shape("FFmpeg", "[", re.compile(r"\[[\w/:.# -]{1,60} @ 0x[0-9a-f]{1,16}\] (?:error|Error|Invalid|Could not|missing|corrupt)"), _says(3), " @ 0x"),
    Shape("http-proxy-middleware", "[", re.compile(r"\[HPM\] Error occurred"), _says(3)),
    Shape("nodemon", "[", re.compile(r"\[nodemon\] app crashed"), _says(3)),
    Shape("TypeORM", ("qu",), re.compile(r"query failed: "), _says(3)),
    Shape("TypeORM", ("qu",), re.compile(r"query is slow: "), _says(4)),
    Shape("PHP's development server", "[", re.compile(r"\[(?P<stamp>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\] \S{1,64} \[(?P<level>5)\d\d\]: "), of_letter({"5": 3}), "[5"),
    Shape("rake, Bundler", ("ra", "bu"), re.compile(r"rake aborted!\Z|bundler: failed to load command: "), _says(3)),
    Shape("Laravel's workers", ("  ",), re.compile(r"  (?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \S.{0,300}? \.{2,300} (?:.{1,30} )?(?P<level>FAIL)\Z"), of_letter({"FAIL": 3}), "FAIL"),
    Shape("GlassFish, Payara", "[", re.compile(r"\[(?:#\|)?(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4})(?:\] \[[^\]]{1,60}\] \[|\|)(?P<level>SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST|ERROR|WARN|ALERT|EMERGENCY)(?:\] |\|).*(?:\[\[|\|)\Z"), _goes_on, "_ThreadID="),
    Shape("compilers", "", re.compile(r"\S{1,300}?:\d{1,6}(?::\d{1,6})?: (?:fatal )?(error): "), _diagnostic, "error: "),
    Shape("compilers", "", re.compile(r"\S{1,300}?:\d{1,6}(?::\d{1,6})?: (warning): "), _diagnostic, ": warning: "),
)  # fmt: skip
"""Tried in this order."""
