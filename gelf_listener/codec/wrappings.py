"""
Wrappings: what producers of brokers put around JSON, kombu above all.

Compression is told from the bytes: bzip2 and xz, besides zlib and gzip, which every decoder takes. MessagePack is told
by the type the producer gives (kombu's serializer `msgpack`), because its bytes may be anything. A JSON text that holds
a JSON object was encoded twice: once by the service, once by the library that sends it.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Any

import msgspec

from gelf_listener.codec.compression import inflate, is_gzip, is_zlib
from gelf_listener.errors import Reason, Rejected

_XZ = b"\xfd7zXZ\0"
_BZIP2 = b"BZh"
_BZIP2_BLOCK = b"1AY&SY"
_LZMA_MEMORY = 64 * 1024 * 1024
"""What a sender may make us hold to inflate; `xz -6`, which Python's lzma uses, needs 9 MiB."""
_MSGPACK = frozenset(("application/x-msgpack", "application/msgpack", "application/vnd.msgpack"))
_MAX_LAYERS = 3
_LOOKED_AT = 64


def unwrap(payload: bytes, max_bytes: int, content_type: str | None = None) -> bytes:
    """
    Take off what is around a JSON document.

    Args:
        payload: As the broker has it.
        max_bytes: Most bytes that may come out.
        content_type: As its producer says; None: it does not.

    Returns:
        The document, or the payload itself when nothing is around it.

    Raises:
        Rejected: If what is around it is damaged, or more comes out.
    """
    if payload.startswith(_XZ):
        inflated = _inflated(payload, lzma.LZMADecompressor(lzma.FORMAT_XZ, _LZMA_MEMORY), max_bytes)
    elif payload.startswith(_BZIP2) and payload[4:10] == _BZIP2_BLOCK:
        inflated = _inflated(payload, bz2.BZ2Decompressor(), max_bytes)
    else:
        inflated = payload
    is_packed = (content_type or "").partition(";")[0].strip().lower() in _MSGPACK
    if (is_zlib(inflated) or is_gzip(inflated)) and (is_packed or _begins(inflated)[:1] == b'"'):
        inflated = inflate(inflated, max_bytes)  # otherwise the decoder's to do
    return _once(_of_msgpack(inflated) if is_packed else inflated)


def _begins(payload: bytes) -> bytes:
    """Return the first characters of what zlib or gzip holds."""
    try:
        return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(payload, _LOOKED_AT).lstrip()
    except zlib.error:
        return b""


def _inflated(payload: bytes, stream: Any, max_bytes: int) -> bytes:
    try:
        inflated: bytes = stream.decompress(payload, max_bytes + 1)
    except (OSError, lzma.LZMAError, EOFError, ValueError) as error:
        raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged compressed payload: {error}", payload) from None
    if len(inflated) > max_bytes:
        raise Rejected(Reason.PAYLOAD_TOO_LARGE, f"payload inflates to more than {max_bytes} bytes", payload)
    if not stream.eof:
        raise Rejected(Reason.CORRUPT_COMPRESSION, "compressed payload is cut short", payload)
    return inflated


def _of_msgpack(payload: bytes) -> bytes:
    """Write MessagePack as JSON: bytes in it as text, times in ISO 8601."""
    try:
        value = msgspec.msgpack.decode(payload)
        return msgspec.json.encode(_text_of_bytes(value))
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise Rejected(Reason.INVALID_JSON, f"not MessagePack that can be written as JSON: {error}", payload) from None


def _text_of_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {
            key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key): _text_of_bytes(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_text_of_bytes(each) for each in value]
    return value


def _once(payload: bytes) -> bytes:
    """Return the object in a JSON text, in a JSON text, ...; the payload itself when there is none."""
    inner = payload
    for _ in range(_MAX_LAYERS):
        if inner.lstrip()[:1] != b'"':
            break
        try:
            text = msgspec.json.decode(inner, type=str)
        except (ValueError, RecursionError):
            break
        inner = text.encode("utf-8", "replace")
    return inner if inner.lstrip()[:1] == b"{" else payload
