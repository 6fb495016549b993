"""
Cluster: what clients ask before they send, and the answers that let them go on.

There is one node, which is healthy and licensed. What is looked up (templates, policies, pipelines, indices) does not
exist yet; what is created is acknowledged, and nothing comes of it: a message needs no mapping and no index.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_NAME = "gelf-listener"
_UUID = "gelf-listener-0000000w"
_NODE = "gelf-listener-node-00w"


class Asked(NamedTuple):
    """
    What a client asks.

    Attributes:
        method: In capitals.
        parts: Of the path.
        query: Parameters.
        host: Where it sent the request, as its Host header says.
        version: Which Elasticsearch to be.
        is_opensearch: Whether the client is one of OpenSearch's.
    """

    method: str
    parts: tuple[str, ...]
    query: dict[str, str]
    host: str
    version: str
    is_opensearch: bool = False


class Answer(NamedTuple):
    """
    What it is answered: JSON, or a text.

    Attributes:
        status: HTTP status.
        value: The content.
    """

    status: int
    value: Any


_OK = Answer(200, {"acknowledged": True})
_SHARDS = {"_shards": {"total": 1, "successful": 1, "failed": 0}}

_OPENSEARCH_VERSION = "2.19.0"

_STORED = frozenset(
    ("_template", "_index_template", "_component_template", "_ilm", "_ingest", "_data_stream", "_alias", "_aliases")
) | frozenset(("_scripts", "_enrich", "_slm", "_plugins", "_opendistro", "_snapshot", "_transform", "_settings"))
"""What clients look up and create."""

_SEARCHES = frozenset(("_search", "_msearch", "_count", "_mget", "_sql", "_eql", "_query", "_async_search", "_pit"))

_CHANGES = frozenset(("_update_by_query", "_delete_by_query", "_reindex"))


def answer(asked: Asked) -> Answer | None:
    """Answer a request that sends no document; None for one that makes no sense here."""
    first = asked.parts[0] if asked.parts else ""
    read = _READS.get(first) if asked.method in ("GET", "HEAD") or first == "_xpack" else None
    if read is not None:
        return read(asked)
    last = asked.parts[-1] if asked.parts else ""
    if not _SEARCHES.isdisjoint(asked.parts):
        detail = f"{_NAME} takes documents; search in its page, or with its own API"
        return Answer(400, error_of("illegal_argument_exception", detail, 400))
    if not _CHANGES.isdisjoint(asked.parts):
        return Answer(
            400, error_of("illegal_argument_exception", f"{last} is not supported: messages are only added", 400)
        )
    if last in ("_refresh", "_flush", "_forcemerge"):
        return Answer(200, _SHARDS)
    if asked.parts == ("_cluster", "settings"):
        return _OK
    if first == "_monitoring":
        return Answer(200, {"took": 0, "ignored": True, "errors": False})
    if first == "_security":
        return _security(asked)
    if first in _STORED or first[:1] != "_" or last in ("_mapping", "_settings", "_alias", "_rollover", "_aliases"):
        return _stored(asked)
    return None


def error_of(kind: str, reason: str, status: int) -> dict[str, Any]:
    """Write an error in Elasticsearch's form."""
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def _stored(asked: Asked) -> Answer:
    """Answer for what clients look up and create: it does not exist, and may be created."""
    if asked.method in ("GET", "HEAD"):
        if len(asked.parts) == 1 and asked.parts[0][:1] == "_":
            return Answer(200, {})  # all there are of them
        if asked.parts[:2] == ("_ilm", "status"):
            return Answer(200, {"operation_mode": "RUNNING"})
        name = asked.parts[-1]
        return Answer(404, error_of("resource_not_found_exception", f"[{name[:200]}] does not exist", 404))
    if asked.method == "PUT" and len(asked.parts) == 1:
        return Answer(200, {"acknowledged": True, "shards_acknowledged": True, "index": asked.parts[0]})
    return _OK


def _security(asked: Asked) -> Answer:
    if asked.parts[-1] == "_has_privileges":
        everything = {"has_all_requested": True, "cluster": {}, "index": {}, "application": {}}
        return Answer(200, {"username": _NAME, **everything})
    return (
        _OK if asked.method not in ("GET", "HEAD") else Answer(200, {"username": _NAME, "roles": [], "enabled": True})
    )


def _root(asked: Asked) -> Answer:
    if asked.is_opensearch:
        version: dict[str, Any] = {"distribution": "opensearch", "number": _OPENSEARCH_VERSION}
        tagline = "The OpenSearch Project: https://opensearch.org/"
    else:
        version = {"number": asked.version, "build_flavor": "default"}
        tagline = "You Know, for Search"
    version |= {
        "build_type": "tar",
        "build_hash": "0000000000000000000000000000000000000000",
        "build_date": "2026-01-01T00:00:00.000000Z",
        "build_snapshot": False,
        "lucene_version": "10.2.2",
        "minimum_wire_compatibility_version": "7.17.0",
        "minimum_index_compatibility_version": "7.0.0",
    }
    return Answer(
        200, {"name": _NAME, "cluster_name": _NAME, "cluster_uuid": _UUID, "version": version, "tagline": tagline}
    )


def _license(asked: Asked) -> Answer:
    if asked.parts[1:2] in (("basic_status",), ("trial_status",)):
        return Answer(200, {"eligible_to_start_basic": False, "eligible_to_start_trial": False})
    return Answer(200, {"license": {**_LICENSE, "issued_to": _NAME, "issuer": _NAME, "max_nodes": 1000}})


_LICENSE = {"status": "active", "uid": "00000000-0000-4000-8000-000000000000", "type": "basic", "mode": "basic"}


def _xpack(asked: Asked) -> Answer:
    if asked.parts[1:2] == ("license",):
        return _license(asked)
    if asked.parts[1:2] == ("monitoring",):
        return Answer(200, {"took": 0, "ignored": True, "errors": False})
    names = ("ilm", "security", "monitoring", "data_streams", "ingest")
    features = {name: {"available": True, "enabled": name not in ("security", "monitoring")} for name in names}
    return Answer(200, {"build": {}, "license": _LICENSE, "features": features, "tagline": "You know, for X"})


def _cluster(asked: Asked) -> Answer:
    if asked.parts[1:2] != ("health",):
        return Answer(200, {"cluster_name": _NAME, "persistent": {}, "transient": {}})
    counts = dict.fromkeys(
        ("active_primary_shards", "active_shards", "relocating_shards", "initializing_shards", "unassigned_shards"), 0
    )
    health = {"cluster_name": _NAME, "status": "green", "timed_out": False, "number_of_nodes": 1}
    return Answer(200, {**health, "number_of_data_nodes": 1, **counts, "active_shards_percent_as_number": 100.0})


def _nodes(asked: Asked) -> Answer:
    """Describe the one node; clients that look for others come back to where they are."""
    node = {
        "name": _NAME,
        "host": _NAME,
        "ip": "127.0.0.1",
        "version": asked.version,
        "roles": ["data", "ingest", "master"],
        "http": {"bound_address": [asked.host], "publish_address": asked.host},
    }
    return Answer(
        200,
        {"_nodes": {"total": 1, "successful": 1, "failed": 0}, "cluster_name": _NAME, "nodes": {_NODE: node}},
    )


def _cat(asked: Asked) -> Answer:
    """List nothing: there are no indices, templates and so on."""
    return Answer(200, [] if asked.query.get("format") == "json" else "")


def _stats(_: Asked) -> Answer:
    """Count nothing: there are no indices."""
    return Answer(200, {"_shards": {"total": 0, "successful": 0, "failed": 0}, "_all": {}, "indices": {}})


_READS = {
    "": _root,
    "_license": _license,
    "_xpack": _xpack,
    "_cluster": _cluster,
    "_nodes": _nodes,
    "_cat": _cat,
    "_stats": _stats,
}
