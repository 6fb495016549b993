"""
Notes: how a message deviates from GELF 1.1, and what a real Graylog would do with it.

A note is made for each deviation that was repaired (or that only Graylog minds). The set of deviations is
closed, so that counters, the linter and the page can speak of them by name.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Deviation(enum.Enum):
    """
    One way in which a payload can differ from GELF 1.1.

    The value is (name, what is wrong, what a real Graylog does, what the client should do, the client's likely bug).
    """

    # Payload
    BYTE_ORDER_MARK = (
        "byte_order_mark",
        "payload starts with a byte order mark",
        "rejects the message",
        "encode as UTF-8 without a BOM",
        "it encodes with a BOM, as .NET's Encoding.UTF8 and Python's utf-8-sig do",
    )
    TRAILING_BYTES = (
        "trailing_bytes",
        "bytes follow the JSON object",
        "rejects the message (6.2 and later)",
        "send one JSON object and nothing else; a NUL belongs to TCP only",
        "it ends every payload as on TCP, or sends a buffer beyond what it wrote",
    )
    OCTET_COUNT = (
        "octet_count",
        "the frame starts with its length (RFC 6587)",
        "rejects the message",
        "terminate GELF frames with a NUL instead of counting octets",
        "it frames as syslog does, or a syslog daemon forwards for it",
    )
    SEVERAL_OBJECTS = (
        "several_objects",
        "several JSON objects in one payload",
        "keeps the first and drops the rest",
        "send one object a payload, or newline-delimited bodies over HTTP with bulk receiving on",
        "it joins what it queued into one payload",
    )
    SHORT_CHUNK_HEADER = (
        "short_chunk_header",
        "chunks with a header of 5 bytes, one of them the message id, put together",
        "loses the message",
        "write a message id of 8 bytes, so that the header has 12",
        "it is npm's gelf or gelf-node, which sends its id as one byte",
    )
    INVALID_UTF8 = (
        "invalid_utf8",
        "invalid UTF-8, replaced by U+FFFD",
        "replaces the bytes by U+FFFD",
        "cut texts at characters, not at bytes",
        "it cuts texts by bytes, or encodes them as Latin-1",
    )
    LONE_SURROGATE = (
        "lone_surrogate",
        "half of a surrogate pair, replaced by U+FFFD",
        "accepts it",
        "encode characters beyond U+FFFF as whole pairs",
        "it cuts texts in the middle of an emoji, as UTF-16 languages do",
    )
    SURROGATE_BITS = (
        "surrogate_bits",
        "an emoji as half of a surrogate pair and the low 16 bits of its code point, repaired",
        "accepts it, and shows two wrong characters",
        "encode characters beyond U+FFFF as surrogate pairs, or as UTF-8",
        "it is logstash-gelf or Quarkus, whose JSON writer does that",
    )
    LEADING_ZERO = (
        "leading_zero",
        "a number with a zero in front, which JSON does not have; kept as text",
        "rejects the message",
        "send a string, or a number without the zero",
        "it takes text that looks like a number for one, as syslog-ng does with a process id",
    )
    BARE_VALUE = (
        "bare_value",
        "a value without quotes that is not JSON, such as - or 12abc; kept as text",
        "rejects the message",
        "put quotes around what a template fills in, or let an encoder write the JSON",
        "it fills a template: nginx' log_format, rsyslog's templates, HAProxy's log-format",
    )
    CONTROL_CHARACTERS = (
        "control_characters",
        "unescaped control characters inside a JSON string",
        "accepts them",
        "escape control characters with a JSON encoder",
        "it puts texts between quotes itself",
    )
    TRAILING_COMMA = (
        "trailing_comma",
        "trailing comma",
        "accepts it",
        "build JSON with an encoder, not by hand",
        "it writes JSON with a template or a loop",
    )
    NOT_A_NUMBER = (
        "not_a_number",
        "NaN or Infinity, which JSON does not have; kept as text",
        "rejects the message",
        "send null, a string or leave the field out",
        "its JSON encoder writes NaN, as Python's does by default",
    )
    HUGE_NUMBER = (
        "huge_number",
        "a number beyond 64-bit floats, kept as text",
        'stores the text "Infinity"',
        "send what is not a quantity as a string",
        "it sends a text that looks like a number, such as a hash with an e in it",
    )
    BAD_ESCAPE = (
        "bad_escape",
        "an escape that JSON does not have: bytes (\\x41) are read, others kept as they stand",
        "rejects the message",
        "use a JSON encoder",
        "it escapes for another language, or puts paths of Windows into a template",
    )
    DEEP_NESTING = (
        "deep_nesting",
        "nested too deep to keep as a structure",
        "may reject it",
        "send flat fields",
        "it sends a whole graph of objects as a field",
    )

    # Known fields
    VERSION = (
        "version",
        'version is not the string "1.1"',
        "ignores it",
        'send "version": "1.1"',
        "it was written for GELF 1.0, or sends the number 1.1, or no version",
    )
    HOST_MISSING = (
        "host_missing",
        "no host; the peer's address is used",
        "uses the peer's address",
        "send host",
        "it leaves the host to the server",
    )
    HOST_INVALID = (
        "host_invalid",
        "host is not a usable string; the peer's address is used",
        "rejects the message",
        "send the name of the host as a string",
        "it did not find its host's name, and sends nothing or null for it",
    )
    MESSAGE_ALIAS = (
        "message_alias",
        "message stands in for short_message",
        "accepts it",
        "send short_message",
        "it sends another library's JSON as it is",
    )
    SHORT_MESSAGE_BLANK = (
        "short_message_blank",
        "short_message is blank",
        "rejects or drops the message",
        "leave blank lines out",
        "it sends every line that a service prints",
    )
    SHORT_MESSAGE_TYPE = (
        "short_message_type",
        "short_message is not a string; its JSON text is used",
        "rejects the message",
        "send short_message as a string",
        "it sends what was logged, a number or an object, without making a text of it",
    )
    FULL_MESSAGE_TYPE = (
        "full_message_type",
        "full_message is not a string",
        'stores its text, null as "null"',
        "send full_message as a string or leave it out",
        "it sends null where there is no traceback, or an object",
    )
    TIMESTAMP_MISSING = (
        "timestamp_missing",
        "no timestamp",
        "uses the receive time",
        "send timestamp",
        "it leaves the time to the server, so what was queued has a wrong one",
    )
    TIMESTAMP_STRING = (
        "timestamp_string",
        "timestamp is a string",
        "reads a numeric string, uses the receive time for any other",
        "send a number: seconds since the Unix epoch",
        "its JSON encoder writes dates as texts",
    )
    TIMESTAMP_UNIT = (
        "timestamp_unit",
        "timestamp is not in seconds (milli-, micro- or nanoseconds)",
        "takes it for seconds: the message is in the far future, or lost after the year 9999",
        "send seconds since the Unix epoch, with decimals",
        "it sends what Date.now() or System.currentTimeMillis() gives",
    )
    TIMESTAMP_INVALID = (
        "timestamp_invalid",
        "timestamp is unusable; the receive time is used",
        "uses the receive time",
        "send a number: seconds since the Unix epoch",
        "it sends a time that was never set, or null",
    )
    LEVEL_STRING = (
        "level_string",
        "level is a string",
        "reads a number; loses the message when it is a name",
        "send the syslog severity, 0 to 7",
        "it sends the name that its logging library has for the level",
    )
    LEVEL_RANGE = (
        "level_range",
        "level is outside 0..7",
        "stores the number as it is",
        "map your levels to syslog severities",
        "it sends its logging library's own numbers, such as Python's 10 to 50",
    )
    LEVEL_TYPE = (
        "level_type",
        "level is neither a number nor a name",
        "converts or ignores it",
        "send the syslog severity, 0 to 7",
        "it sends null or an object for a level that it does not know",
    )

    LEVEL_NPM = (
        "level_npm",
        "level is one of npm's numbers (0 error, 1 warn, 2 info, ...), left as it is",
        "takes it for a syslog severity",
        "map npm's levels to syslog severities",
        "it is winston-log2gelf, which sends winston's own numbers",
    )
    LEVEL_RUBY = (
        "level_ruby",
        "level may be a step less severe than what was logged (warn 5, error 4, fatal 3), left as it is",
        "takes it for a syslog severity",
        "set the logger's level_mapping to :direct",
        "it is Ruby's gelf, which maps levels so unless it is told otherwise",
    )

    # Additional fields
    NO_UNDERSCORE = (
        "no_underscore",
        "an additional field without leading underscore",
        "accepts it",
        "prefix additional fields with an underscore",
        "it forgets the prefix, or follows GELF 1.0, which had facility, file and line",
    )
    RESERVED_FIELD = (
        "reserved_field",
        "a field name that Graylog reserves",
        "drops the field, or keeps it under another name",
        "use another name",
        "it passes a field of the service on whatever its name is",
    )
    FIELD_NAME = (
        "field_name",
        "characters that are not allowed in a field name, replaced by _",
        "drops the field",
        "use letters, digits, underscore, dot and dash only",
        "it makes field names of any keys",
    )
    DOTTED_NAME = (
        "dotted_name",
        "dots in a field name",
        "stores dots as underscores",
        "use underscores",
        "it flattens nested values with dots, or takes names from a library that has dots",
    )
    FIELD_CONFLICT = (
        "field_conflict",
        "two fields end with the same name",
        "keeps the first",
        "send each field once",
        "it sends a field with and without underscore, or nested and flat",
    )
    BOOLEAN = (
        "boolean",
        "a boolean value",
        "drops the field",
        "send a string or a number",
        "it sends values as its language has them",
    )
    NULL = (
        "null",
        "a null value, dropped",
        "drops the field",
        "leave the field out",
        "it sends fields that have no value",
    )
    OBJECT = (
        "object",
        "an object, flattened to dotted names",
        "stores its JSON text",
        "send flat fields",
        "it does not flatten nested values",
    )
    TOO_MANY_FIELDS = (
        "too_many_fields",
        "too many fields; the rest is in the raw payload only",
        "tries to store all of them",
        "send fewer fields",
        "it sends a whole request or environment as fields",
    )
    ARRAY = (
        "array",
        "an array, kept as JSON text",
        "stores its JSON text",
        "send a string",
        "it does not flatten nested values",
    )
    TYPE_CONFLICT = (
        "type_conflict",
        "another kind of value than in messages before",
        "keeps the kind of the first value, and loses this message",
        "send values of one kind in a field, the same one from every service",
        "services use one name for different things, or send a text such as n/a where there is no number or date",
    )
    BIG_INTEGER = (
        "big_integer",
        "an integer beyond 64 bits",
        "stores a wrapped number",
        "send large identifiers as strings",
        "it sends hashes or long identifiers as numbers",
    )
    EMPTY_VALUE = (
        "empty_value",
        "an empty string",
        "drops the field",
        "leave the field out",
        "it sends fields that have no value",
    )
    SURROUNDING_SPACE = (
        "surrounding_space",
        "white space around a value",
        "trims the value",
        "trim values before sending",
        "it sends texts as they were read, with the end of the line",
    )

    # Text
    GUESSED = (
        "guessed",
        "a value was guessed from the text",
        "keeps the text and guesses nothing",
        "log JSON or GELF, which say what is what",
        "it prints text for people to read",
    )

    # Syslog
    SYSLOG_PRIORITY = (
        "syslog_priority",
        "no syslog priority, or one above 191; level and facility are unknown",
        "takes nothing from the header, or an unknown facility",
        "start with <0> to <191>",
        "it speaks no syslog, or a relay took the priority away",
    )
    SYSLOG_NO_HEADER = (
        "syslog_no_header",
        "no syslog time stamp; the text is kept whole and the receive time is used",
        "may take the first word for the host",
        "send RFC 5424",
        "it sends the text alone, as some devices do",
    )
    SYSLOG_STRUCTURED_DATA = (
        "syslog_structured_data",
        "malformed structured data, kept in the text",
        "keeps it in the text",
        "write - for none, and escape quotes, backslashes and brackets in values",
        "it does not escape values",
    )

    SYSLOG_ESCAPES = (
        "syslog_escapes",
        "control characters written as #012 and the like, undone",
        "keeps them as they are",
        'set parser.escapeControlCharactersOnReceive="off"',
        "an rsyslog on the way replaced line ends and tabs, as it does by default",
    )

    def __init__(self, label: str, wrong: str, graylog: str, advice: str, cause: str) -> None:
        self.label = label
        self.wrong = wrong
        self.graylog = graylog
        self.advice = advice
        self.cause = cause


class Note(NamedTuple):
    """
    One deviation in one message.

    Attributes:
        deviation: What differs.
        field: The key as the client sent it, without its value; empty when the payload as a whole is meant.
        detail: What was made of it, where that is not obvious.
    """

    deviation: Deviation
    field: str = ""
    detail: str = ""

    def __str__(self) -> str:
        """Return one line for a person: field, what is wrong, what was done."""
        text = f"{self.field}: {self.deviation.wrong}" if self.field else self.deviation.wrong
        return f"{text} ({self.detail})" if self.detail else text
