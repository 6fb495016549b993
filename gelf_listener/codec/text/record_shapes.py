"""
Shapes of records: JSON objects of loggers whose keys mean something of their own, brought to common names.

Most loggers need no row here: `records` knows their names for text, level, time, host and trace. A row is for one that
nests them, or whose values have a meaning of their own. To add one: the keys that it always has, a function that
returns the object with common names, here or, if no language's logger wrote it, in `system_records`, and a vector in
tests/vectors/lines/records.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gelf_listener.codec.levels import severity_of_text
from gelf_listener.codec.text.system_records import (
    nested,
    read_audit,
    read_azure,
    read_cloudtrail,
    read_cloudwatch,
    read_container_app,
    read_google_cloud,
    read_insights,
    read_journal,
    read_kubernetes_event,
    read_macros,
    read_okta,
    read_osquery,
    read_rsyslog,
    read_suricata,
    read_wazuh,
    without,
)
from gelf_listener.codec.text.templates import fill_positions, fill_template, shown

Record = dict[str, Any]


class RecordShape(NamedTuple):
    """
    One logger's JSON.

    Attributes:
        name: As docs/inputs/lines.md lists it.
        needs: Keys that it always has.
        flatten: Returns the record with common names; None when it is not one after all. Never changes its argument.
        objects: Names of which one has an object as its value, or it is not one after all; empty: not known.
    """

    name: str
    needs: frozenset[str]
    flatten: Callable[[Mapping[str, Any]], Record | None]
    objects: tuple[str, ...] = ()

    def may_be(self, record: Mapping[str, Any]) -> bool:
        """Whether records with these names, and objects where there are some, may be of this shape."""
        return not self.objects or any(type(record.get(name)) is dict for name in self.objects)


def _loguru(record: Mapping[str, Any]) -> Record | None:
    inner = record["record"]
    if not isinstance(inner, dict) or "message" not in inner:
        return None
    flat: Record = {
        "message": inner["message"],
        "level": nested(inner.get("level")).get("name"),
        "timestamp": nested(inner.get("time")).get("timestamp"),
    }
    if inner.get("exception") and isinstance(record["text"], str):
        at = record["text"].find("Traceback (most recent call last)")
        flat["stack_trace"] = record["text"][at:].rstrip("\n") if at >= 0 else None
    flat |= {
        "logger": inner.get("name"),
        "module": inner.get("module"),
        "function": inner.get("function"),
        "line": inner.get("line"),
        "file": nested(inner.get("file")).get("path"),
        "pid": nested(inner.get("process")).get("id"),
        "process_name": nested(inner.get("process")).get("name"),
        "thread_name": nested(inner.get("thread")).get("name"),
    }
    return flat | {name: value for name, value in nested(inner.get("extra")).items() if name not in flat}


def _rust_tracing(record: Mapping[str, Any]) -> Record | None:
    fields = record["fields"]
    if not isinstance(fields, dict):
        return None
    return {**without(record, "fields"), **{name: value for name, value in fields.items() if name != "level"}}


def _clef(record: Mapping[str, Any]) -> Record:
    """Read Serilog's compact form: a level that is left out is information, and @@ stands for a name with one @."""
    properties = {name.removeprefix("@"): value for name, value in record.items() if not _is_clef_key(name)}
    template = record.get("@mt")
    flat: Record = {
        "message": record.get("@m") or (fill_template(template, properties) if isinstance(template, str) else None),
        "level": record.get("@l", "Information"),
        "timestamp": record["@t"],
        "stack_trace": record.get("@x"),
        "message_template": template if record.get("@m") != template else None,
        "event_id": record.get("@i"),
        "trace_id": record.get("@tr"),
        "span_id": record.get("@sp"),
    }
    return flat | {name: value for name, value in properties.items() if name not in flat}


def _is_clef_key(name: str) -> bool:
    return name.startswith("@") and not name.startswith("@@")


def _dotnet(record: Mapping[str, Any]) -> Record:
    state = nested(record.get("State"))
    template = state.get("{OriginalFormat}")
    flat = {
        "message": record.get("Message"),
        "level": record["LogLevel"],
        "timestamp": record.get("Timestamp"),
        "stack_trace": record.get("Exception"),
        "logger": record["Category"],
        "event_id": record["EventId"],
        "message_template": template if template != record.get("Message") else None,
        "scopes": record.get("Scopes") or None,
    }
    return flat | {name: value for name, value in state.items() if name not in ("Message", "{OriginalFormat}")}


def _serilog(record: Mapping[str, Any]) -> Record:
    properties, template = nested(record.get("Properties")), record["MessageTemplate"]
    text = record.get("RenderedMessage")
    if not text:
        text = fill_template(template, properties) if isinstance(template, str) else None
    flat = {
        "message": text,
        "level": record.get("Level"),
        "timestamp": record.get("Timestamp"),
        "stack_trace": record.get("Exception"),
        "message_template": template if template != text else None,
    }
    return flat | {name: value for name, value in properties.items() if name not in flat}


def _serilog_elasticsearch(record: Mapping[str, Any]) -> Record:
    """Read what Serilog.Sinks.Elasticsearch writes: properties in `fields`, exceptions in a list, outermost first."""
    properties, template = nested(record.get("fields")), record["messageTemplate"]
    text = record.get("message") or (fill_template(template, properties) if isinstance(template, str) else None)
    traces = []
    exceptions = record.get("exceptions")
    for each in exceptions if isinstance(exceptions, list) else ():
        if isinstance(each, dict):
            stack = each.get("StackTraceString") or each.get("StackTrace") or ""
            traces.append(f"{each.get('ClassName')}: {each.get('Message')}\n{stack}".rstrip("\n"))
    flat = {
        "message": text,
        "level": record["level"],
        "timestamp": record.get("@timestamp"),
        "stack_trace": "\n".join(traces) or None,
        "message_template": template if template != text else None,
    }
    return _lifted(record, "fields", ("message", "level", "@timestamp", "messageTemplate", "exceptions"), flat)


def _winston_elasticsearch(record: Mapping[str, Any]) -> Record | None:
    """Read what winston-elasticsearch makes of metadata: an object `fields` beside the severity."""
    if not isinstance(record["fields"], dict):
        return None
    source = record.get("source")  # an option of the transport, which is the service's name
    named = {"service": source} if isinstance(source, str) and source else {}
    return _lifted(record, "fields", ("source",) if named else (), named)


def _winston_splunk(record: Mapping[str, Any]) -> Record | None:
    """Read what winston-splunk-httplogger sends: text and metadata within the message."""
    inner = record["message"]
    if not isinstance(inner, dict) or not isinstance(inner.get("meta"), dict) or "msg" not in inner:
        return None
    meta = without(inner["meta"], "message", "level")
    return {
        **without(record, "message"),
        "message": inner["msg"],
        **{k: v for k, v in meta.items() if k not in record},
    }


def _appender(record: Mapping[str, Any]) -> Record | None:
    """Read what Splunk's appenders for Java and .NET send: properties beside text, severity and logger."""
    name = "properties" if isinstance(record.get("properties"), dict) else "Properties"
    return _lifted(record, name, (), {}) if isinstance(record.get(name), dict) else None


_PROPERTIES = ("properties", "Properties")


def _lifted(record: Mapping[str, Any], name: str, left_out: tuple[str, ...], flat: Record) -> Record:
    """Return a record with what is in an object of it beside what is not."""
    flat = {**without(record, name, *left_out), **flat}
    return flat | {key: value for key, value in nested(record.get(name)).items() if key not in flat}


_MONGODB = {"F": "fatal", "E": "error", "W": "warn", "I": "info"}


def _mongodb(record: Mapping[str, Any]) -> Record:
    flat = without(record, "t", "s", "c", "msg", "ctx")
    level = str(record["s"])
    stamp = nested(record["t"]).get("$date")
    return {
        "message": record["msg"],
        "level": _MONGODB.get(level, "debug" if level.startswith("D") else None),
        "timestamp": stamp,
        "component": record["c"],
        "context": record.get("ctx"),
        **flat,
    }


def _winston_logstash(record: Mapping[str, Any]) -> Record:
    return {**without(record, "@message", "@fields"), "message": record["@message"], **nested(record["@fields"])}


def _eliot(record: Mapping[str, Any]) -> Record:
    """Read an action's begin and end, or a message within one; a traceback and a failed action are errors."""
    kind = record.get("message_type") or record.get("action_type") or "eliot"
    status = record.get("action_status")
    level = record.get("log_level")
    if level is None:
        level = "error" if status == "failed" or kind == "eliot:traceback" else "info"
    text = record.get("message") or record.get("reason") or (f"{kind} {status}" if status else kind)
    flat = without(record, "message", "log_level", "timestamp", "traceback")
    return {
        "message": text,
        "level": level,
        "timestamp": record["timestamp"],
        "stack_trace": record.get("traceback"),
        **flat,
    }


def _twisted(record: Mapping[str, Any]) -> Record | None:
    """Read what Twisted's jsonFileLogObserver writes: a format of Python's, and what belongs into it."""
    template = record["log_format"]
    if not isinstance(template, str):
        return None
    names = ("log_format", "log_level", "log_time", "log_namespace", "log_logger", "log_source", "log_flattened")
    return {
        "message": fill_template(template, record) or record.get("log_text"),
        "level": nested(record["log_level"]).get("name"),
        "timestamp": record["log_time"],
        "logger": record.get("log_namespace"),
        **without(record, *names),
    }


def _roarr(record: Mapping[str, Any]) -> Record:
    context = nested(record["context"])
    number = context.get("logLevel")
    level = _NODE.get(number) if isinstance(number, int) else number
    return {**without(record, "context", "version"), "level": level, **without(context, "logLevel")}


_NODE = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}


def _tslog(record: Mapping[str, Any]) -> Record:
    meta = nested(record["_meta"])
    texts = [record[str(number)] for number in range(20) if str(number) in record]
    text = record.get("message") or " ".join(shown(each) for each in texts if not isinstance(each, dict))
    flat: Record = {
        "message": text or None,
        "level": meta.get("logLevelName"),
        "timestamp": meta.get("date"),
        "hostname": meta.get("hostname"),
        "logger": meta.get("name"),
        "file": nested(meta.get("path")).get("fileNameWithLine") or nested(meta.get("path")).get("fullFilePath"),
    }
    for each in texts:
        if isinstance(each, dict):
            flat |= {name: value for name, value in each.items() if name not in flat}
    rest = without(record, "_meta", "message", *map(str, range(20)))
    return flat | {name: value for name, value in rest.items() if name not in flat}


def _tslog_5(record: Mapping[str, Any]) -> Record:
    meta = nested(record["_logMeta"])
    path = nested(meta.get("path"))
    return {
        **without(record, "_logMeta", "levelId"),
        "hostname": meta.get("hostname"),
        "logger": meta.get("name"),
        "file": path.get("fileNameWithLine"),
    }


def _log4js(record: Mapping[str, Any]) -> Record:
    data = record["data"] if isinstance(record["data"], list) else [record["data"]]
    level = record["level"]
    return {
        "message": " ".join(shown(each) for each in data) or None,
        "level": level if isinstance(level, str) else nested(level).get("levelStr"),
        "timestamp": record["startTime"],
        "logger": record["categoryName"],
        **without(record, "data", "level", "startTime", "categoryName"),
    }


def _log4js_fluent(record: Mapping[str, Any]) -> Record:
    return {
        "message": record["data"],
        "level": record["levelStr"],
        "logger": record["category"],
        **without(record, "data", "levelStr", "levelInt", "category"),
    }


def _logback(record: Mapping[str, Any]) -> Record:
    """Read logback's JsonEncoder: `message` is the template, unless the formatted text is there too."""
    text, template, arguments = record.get("formattedMessage"), record["message"], record.get("arguments")
    if not text and isinstance(template, str) and isinstance(arguments, list):
        text = fill_positions(template, arguments)
    flat = without(record, "message", "formattedMessage", "arguments", "nanoseconds", "throwable")
    return {
        "message": text or template,
        "message_template": template if text and text != template else None,
        "stack_trace": record.get("throwable"),
        **flat,
    }


def _mysql(record: Mapping[str, Any]) -> Record:
    return {**without(record, "label", "prio", "ts"), "level": record["label"]}


def _zap_short(record: Mapping[str, Any]) -> Record:
    names = {"M": "message", "L": "level", "T": "timestamp", "N": "logger", "C": "caller", "S": "stack_trace"}
    return {names.get(name, name): value for name, value in record.items()}


def _opentelemetry(record: Mapping[str, Any]) -> Record | None:
    """Read a log record of OpenTelemetry as collectors' file exporters and SDKs' console exporters print it."""
    body = record["body"]
    if isinstance(body, dict):
        body = body.get("stringValue", body)
    number = record.get("severityNumber", record.get("severity_number"))
    level = record.get("severityText") or record.get("severity_text")
    if not level and isinstance(number, int) and 1 <= number <= 24:
        level = ("trace", "debug", "info", "warn", "error", "fatal")[(number - 1) // 4]
    if not level and "severityNumber" not in record and "severity_number" not in record:
        return None
    names = ("body", "severityNumber", "severity_number", "severityText", "severity_text")
    return {**without(record, *names), "message": body, "level": level}


def _log_record(record: Mapping[str, Any]) -> Record | None:
    """Read ``LogRecord.__dict__`` of Python's logging."""
    from gelf_listener.codec.text.logrecord import common_names  # which reads records itself

    return common_names(record)


_OF_PYTHON = frozenset(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))


def _fluent_format(record: Mapping[str, Any]) -> Record | None:
    """Read the format that the readme of Python's fluent-logger has, whose level is a type."""
    level = record["type"] if isinstance(record["type"], str) else ""
    return {**without(record, "type"), "level": level} if level in _OF_PYTHON else None


_GO_ZERO = {"stat": "info", "slow": "warn"}
"""Levels of go-zero's own."""


def _elastic_handler(record: Mapping[str, Any]) -> Record | None:
    """Read what handlers named ElasticHandler send: a text, and a traceback behind it, as content."""
    content = record["content"]
    if not isinstance(content, str):
        return None
    text, newline, trace = content.partition("\nTraceback (most recent call last):")
    flat = {
        **without(record, "content"),
        "message": text,
        "level": _GO_ZERO.get(str(record["level"]), record["level"]),
    }
    return flat | {"stack_trace": f"{newline}{trace}".lstrip("\n")} if newline else flat


def _loki4j(record: Mapping[str, Any]) -> Record:
    """Read loki4j's JSON layout, which puts what the context and a call say behind prefixes."""
    prefixed = {name[4:]: value for name, value in record.items() if name.startswith(("mdc_", "kvp_"))}
    return prefixed | {name: value for name, value in record.items() if not name.startswith(("mdc_", "kvp_"))}


def _lambda_platform(record: Mapping[str, Any]) -> Record | None:
    kind = record["type"]
    if not isinstance(kind, str) or not kind.startswith(("platform.", "function", "extension")):
        return None
    inner = record["record"]
    if isinstance(inner, dict):
        return {"message": kind, "timestamp": record["time"], **inner}
    return {"message": inner, "timestamp": record["time"], "type": kind}


def _tagged(record: Mapping[str, Any]) -> Record | None:
    """Read what OpenSearch Dashboards and Kibana 7 print: the level is one of the tags."""
    tags = record["tags"] if isinstance(record["tags"], list) else []
    level = next((tag for tag in tags if isinstance(tag, str) and severity_of_text(tag) is not None), None)
    return None if level is None else {**record, "level": level}


def _klog(record: Mapping[str, Any]) -> Record | None:
    """Read klog's JSON: information has a verbosity, errors have none."""
    if "level" in record or not ("v" in record or "err" in record):
        return None
    return {**without(record, "v"), "level": "info" if "v" in record else "error"}


def _funcr(record: Mapping[str, Any]) -> Record | None:
    """Read logr's funcr, whose level is a verbosity: 0 is information, not an emergency."""
    names = list(record)
    if names[0] != "logger" or record["level"] != 0 or names[names.index("level") + 1 :][:1] != ["msg"]:
        return None
    return {**record, "level": "info"}


def _falco(record: Mapping[str, Any]) -> Record:
    return {**without(record, "output", "priority"), "message": record["output"], "level": record["priority"]}


def _victorialogs(record: Mapping[str, Any]) -> Record:
    return {**without(record, "_msg", "_time"), "message": record["_msg"], "timestamp": record["_time"]}


def _logcli(record: Mapping[str, Any]) -> Record | None:
    """Read a line of Loki: labels beside the line that was logged."""
    if not isinstance(record["labels"], dict) or not isinstance(record["line"], str):
        return None
    return {**record["labels"], "log": record["line"], "timestamp": record["timestamp"]}


def _go_test(record: Mapping[str, Any]) -> Record:
    """Read `go test -json`: what a test printed, or what became of it."""
    action = record["Action"]
    text = record.get("Output") or f"{action} {record.get('Test') or record['Package']}"
    return {**without(record, "Output"), "log": text, **({"level": "error"} if action == "fail" else {})}


def _envoy_access(record: Mapping[str, Any]) -> Record:
    return {"timestamp": record["start_time"], **record}


def _consola(record: Mapping[str, Any]) -> Record | None:
    """Read consola's JSON, whose levels are numbers of its own and whose types are names."""
    if not isinstance(record["args"], list) or not isinstance(record["type"], str):
        return None
    text = " ".join(map(shown, record["args"]))
    return {**without(record, "args", "level"), "message": text or None, "level": record["type"]}


def _rails_event(record: Mapping[str, Any]) -> Record | None:
    """Read what Rails 8.1 hands to subscribers of events: a name is what happened."""
    if not isinstance(record["name"], str) or not isinstance(record["payload"], dict):
        return None
    return {**record, "message": record["name"]}


_WRITTEN_OUT = re.compile(r"([A-Z][a-z]{2})[a-z]{0,6} (\d{1,2}), (\d{4}) (\d\d:\d\d:\d\d)")
"""November 28, 2026 10:00:00, as ownCloud and the first Nextclouds wrote a time."""
_NEXTCLOUD = {0: "debug", 1: "info", 2: "warn", 3: "error", 4: "fatal"}


def _nextcloud(record: Mapping[str, Any]) -> Record | None:
    """Read Nextcloud's and ownCloud's JSON, whose levels are numbers of their own."""
    level = _NEXTCLOUD.get(record["level"]) if type(record["level"]) is int else None
    time = record["time"]
    if isinstance(time, str) and (old := _WRITTEN_OUT.fullmatch(time)) is not None:
        time = f"{old[1]} {old[2]}, {old[3]} {old[4]}"
    return None if level is None else {**record, "level": level, "time": time}


def _dbt(record: Mapping[str, Any]) -> Record | None:
    """Read dbt's JSON: what happened, and what it happened to."""
    info = record["info"]
    if not isinstance(info, dict) or not isinstance(info.get("msg"), str):
        return None
    return {**info, **{name: value for name, value in nested(record["data"]).items() if name not in info}}


RECORD_SHAPES = (
    RecordShape("loguru, serialize=True", frozenset(("text", "record")), _loguru),
    RecordShape("journalctl -o json", frozenset(("__REALTIME_TIMESTAMP",)), read_journal),
    RecordShape("syslog-ng's format-json, Fluent Bit's systemd input", frozenset(("MESSAGE", "PRIORITY")), read_macros),
    RecordShape("rsyslog's JSON templates", frozenset(("facility", "severity")), read_rsyslog),
    RecordShape("Rust tracing, .json()", frozenset(("timestamp", "level", "fields")), _rust_tracing),
    RecordShape("CLEF (Serilog's compact JSON)", frozenset(("@t",)), _clef),
    RecordShape(".NET AddJsonConsole", frozenset(("EventId", "LogLevel", "Category")), _dotnet),
    RecordShape("Serilog JsonFormatter", frozenset(("MessageTemplate", "Level")), _serilog),
    RecordShape("Serilog.Sinks.Elasticsearch", frozenset(("messageTemplate", "level")), _serilog_elasticsearch),
    RecordShape("winston-elasticsearch", frozenset(("@timestamp", "severity", "fields")), _winston_elasticsearch),
    RecordShape("winston-splunk-httplogger", frozenset(("message", "severity")), _winston_splunk, ("message",)),
    RecordShape("Splunk's appenders for Java", frozenset(("message", "severity", "logger")), _appender, _PROPERTIES),
    RecordShape("NLog.Targets.Splunk", frozenset(("Message", "Severity", "Logger")), _appender, _PROPERTIES),
    RecordShape("MongoDB", frozenset(("t", "s", "c", "msg")), _mongodb),
    RecordShape("winston format.logstash()", frozenset(("@message", "@fields")), _winston_logstash),
    RecordShape("eliot", frozenset(("task_uuid", "task_level", "timestamp")), _eliot),
    RecordShape("Twisted", frozenset(("log_format", "log_level", "log_time")), _twisted),
    RecordShape("roarr", frozenset(("context", "message", "sequence", "time")), _roarr),
    RecordShape("tslog", frozenset(("_meta",)), _tslog),
    RecordShape("tslog", frozenset(("_logMeta",)), _tslog_5),
    RecordShape("log4js", frozenset(("startTime", "categoryName", "level", "data")), _log4js),
    RecordShape("log4js-fluent-appender", frozenset(("category", "levelStr", "levelInt", "data")), _log4js_fluent),
    RecordShape("logback JsonEncoder", frozenset(("timestamp", "loggerName", "message", "threadName")), _logback),
    RecordShape("MySQL's JSON sink", frozenset(("prio", "label", "msg")), _mysql),
    RecordShape("zap, short keys", frozenset(("L", "M")), _zap_short),
    RecordShape("OpenTelemetry", frozenset(("body",)), _opentelemetry),
    RecordShape("Python LogRecord", frozenset(("levelno", "msg", "args")), _log_record),
    RecordShape("CMRESHandler", frozenset(("levelname", "msg", "args", "exc_text")), _log_record),
    RecordShape("fluent-logger for Python", frozenset(("where", "type")), _fluent_format),
    RecordShape("loki4j's JsonLayout", frozenset(("timestamp_ms", "logger_name", "thread_name")), _loki4j),
    RecordShape("ElasticHandler for Python, go-zero", frozenset(("@timestamp", "level", "content")), _elastic_handler),
    RecordShape("OpenSearch Dashboards", frozenset(("type", "@timestamp", "tags", "pid")), _tagged),
    RecordShape("klog's JSON", frozenset(("ts", "caller", "msg")), _klog),
    RecordShape("logr's funcr", frozenset(("logger", "level", "msg")), _funcr),
    RecordShape("Falco", frozenset(("output", "priority", "rule", "time")), _falco),
    RecordShape("Google Cloud's log entries", frozenset(("jsonPayload",)), read_google_cloud),
    RecordShape("Google Cloud's log entries", frozenset(("textPayload",)), read_google_cloud),
    RecordShape("Laurel (Linux' auditing)", frozenset(("ID",)), read_audit),
    RecordShape("osquery", frozenset(("hostIdentifier", "calendarTime", "unixTime")), read_osquery),
    RecordShape("events of Kubernetes", frozenset(("involvedObject", "reason", "type")), read_kubernetes_event),
    RecordShape("Azure's container apps", frozenset(("TimeStamp", "Log")), read_container_app),
    RecordShape("Azure's diagnostic logs", frozenset(("time", "category", "resultDescription")), read_azure),
    RecordShape("Application Insights", frozenset(("message", "severityLevel")), read_insights),
    RecordShape("CloudWatch Logs", frozenset(("timestamp", "message", "ingestionTime")), read_cloudwatch),
    RecordShape("CloudTrail", frozenset(("eventVersion", "eventTime", "eventSource", "eventName")), read_cloudtrail),
    RecordShape("Okta", frozenset(("published", "eventType", "displayMessage")), read_okta),
    RecordShape("Wazuh", frozenset(("rule", "agent", "timestamp")), read_wazuh),
    RecordShape("Suricata's EVE", frozenset(("event_type", "alert", "timestamp")), read_suricata),
    RecordShape("consola", frozenset(("args", "type", "level", "date")), _consola),
    RecordShape("events of Rails", frozenset(("name", "payload", "source_location", "timestamp")), _rails_event),
    RecordShape("Nextcloud, ownCloud", frozenset(("reqId", "level", "time", "app", "message")), _nextcloud),
    RecordShape("dbt", frozenset(("data", "info")), _dbt, ("info",)),
    RecordShape("VictoriaLogs", frozenset(("_msg", "_time")), _victorialogs),
    RecordShape("logcli -o jsonl (Loki)", frozenset(("labels", "line", "timestamp")), _logcli),
    RecordShape("go test -json", frozenset(("Time", "Action", "Package")), _go_test),
    RecordShape("Envoy's access log", frozenset(("start_time", "method", "path", "response_code")), _envoy_access),
    RecordShape("AWS Lambda platform", frozenset(("time", "type", "record")), _lambda_platform),
)  # fmt: skip
"""The first whose keys are there, and which does not decline, counts."""
