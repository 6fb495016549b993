"""Cluster: what clients want to know of nodes, which are the listeners of a store, and of indices: there is one."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.figures import FUNCTIONS
from gelf_listener.api.graylog.message_encoding import INDEX, answer
from gelf_listener.api.graylog.stream_words import INDEX_SET
from gelf_listener.api.graylog.system import overview
from gelf_listener.api.node import other_nodes
from gelf_listener.api.shared.nodes import Node
from gelf_listener.rendering.graylog_times import iso

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["Cluster"])

_TITLES = {
    "avg": "Average",
    "card": "Cardinality",
    "count": "Count",
    "latest": "Latest Value",
    "max": "Maximum",
    "min": "Minimum",
    "percentage": "Percentage",
    "percentile": "Percentile",
    "stddev": "Standard Deviation",
    "sum": "Sum",
    "sumofsquares": "Sum of Squares",
    "variance": "Variance",
}


@router.get("/cluster")
async def cluster(request: Request, service: TheService) -> Response:
    """Return what each node is: this listener, and those that share its store."""
    known = overview(request, service)
    return answer({known["node_id"]: known} | {node.name: _overview(known, node) for node in other_nodes(service)})


@router.get("/system/cluster/nodes")
async def nodes(request: Request, service: TheService) -> Response:
    """Return the nodes that are there: this listener, and those that share its store."""
    known = overview(request, service)
    found = [_node(known, f"{request.base_url}api/", time.time())]
    found += [
        _node(_overview(known, node), f"{node.said['url']}/api/", node.last_seen) for node in other_nodes(service)
    ]
    return answer({"nodes": found, "total": len(found)})


def _node(known: dict[str, Any], address: str, last_seen: float) -> dict[str, Any]:
    return {
        "cluster_id": known["cluster_id"],
        "node_id": known["node_id"],
        "transport_address": address,
        "last_seen": iso(last_seen),
        "short_node_id": known["node_id"][:8],
        "hostname": known["hostname"],
        "is_leader": known["is_leader"],
        "is_master": known["is_leader"],
    }


def _overview(own: dict[str, Any], node: Node) -> dict[str, Any]:
    """Return what another node is, from what it says of itself; what it does not say is as with ours."""
    said = node.said
    return own | {
        "node_id": node.name,
        "version": said["version"],
        "started_at": iso(said["started_at"]),
        "is_processing": said["reading"],
        "hostname": said["host"],
        "lb_status": "alive" if said["reading"] else "throttled",
        "operating_system": said["system"],
        "is_leader": False,
    }


@router.get("/system/deflector")
async def deflector() -> Response:
    """Return which index is written to."""
    return answer({"current_target": INDEX, "is_up": True})


@router.get("/system/indexer/cluster/health")
async def health() -> Response:
    """Return how the index is; what is wrong with the store, ``/health`` tells."""
    return answer({"status": "green", "shards": {"active": 1, "initializing": 0, "relocating": 0, "unassigned": 0}})


@router.get("/system/indices/index_sets")
async def index_sets(service: TheService) -> Response:
    """Return the index sets: one, which every stream is in."""
    return answer({"total": 1, "index_sets": [_index_set(service.started_at)], "stats": {}})


@router.get("/system/indices/index_sets/{index_set_id}")
async def index_set(service: TheService, index_set_id: str) -> Response:
    """Return an index set."""
    if index_set_id != INDEX_SET:
        raise ApiError(404, f"Couldn't load index set with ID <{index_set_id[:100]}>")
    return answer(_index_set(service.started_at))


@router.get("/views/functions")
async def functions() -> Response:
    """Return the functions of aggregations."""
    return answer({name: {"type": name, "description": _TITLES[name]} for name in FUNCTIONS})


def _index_set(created_at: float) -> dict[str, Any]:
    lifetimes = {"index_lifetime_min": "P30D", "index_lifetime_max": "P40D"}
    strategy = "org.graylog2.indexer.rotation.strategies.TimeBasedSizeOptimizingStrategy"
    retention = "org.graylog2.indexer.retention.strategies.DeletionRetentionStrategy"
    return {
        "id": INDEX_SET,
        "title": "Default index set",
        "description": "The default index set",
        "shards": 1,
        "replicas": 0,
        "index_optimization_max_num_segments": 1,
        "index_optimization_disabled": False,
        "field_type_refresh_interval": 5000,
        "rotation_strategy_class": strategy,
        "rotation_strategy": {"type": f"{strategy}Config", **lifetimes},
        "retention_strategy_class": retention,
        "retention_strategy": {"type": f"{retention}Config", "max_number_of_indices": 20},
        "data_tiering": {"type": "hot_only", **lifetimes},
        "index_analyzer": "standard",
        "field_type_profile": None,
        "index_prefix": "graylog",
        "creation_date": iso(created_at),
        "index_template_type": None,
        "use_legacy_rotation": False,
        "field_restrictions": None,
        "can_be_default": True,
        "default": True,
        "writable": True,
    }
