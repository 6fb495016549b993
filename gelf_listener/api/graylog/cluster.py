"""Cluster: what clients want to know of nodes, which are the listeners of a store, and of indices: there is one."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.figures import FUNCTIONS
from gelf_listener.api.graylog.inputs import states_of
from gelf_listener.api.graylog.message_encoding import INDEX, answer
from gelf_listener.api.graylog.metrics import MultipleRequest, names, several
from gelf_listener.api.graylog.metrics import namespace as of_namespace
from gelf_listener.api.graylog.stream_words import INDEX_SET
from gelf_listener.api.graylog.system import journal, overview
from gelf_listener.api.node import node_id as node_name
from gelf_listener.api.node import other_nodes, require_own
from gelf_listener.api.shared.nodes import Node
from gelf_listener.rendering.graylog_times import iso

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


@router.get("/system/cluster/node")
async def own_node(request: Request, service: TheService) -> Response:
    """Return the node that is asked."""
    return answer(_node(overview(request, service), f"{request.base_url}api/", time.time()))


@router.get("/system/cluster/nodes/{node_id}")
async def node(request: Request, service: TheService, node_id: str) -> Response:
    """Return a node."""
    known = overview(request, service)
    if node_id == known["node_id"]:
        return answer(_node(known, f"{request.base_url}api/", time.time()))
    for other in other_nodes(service):
        if other.name == node_id:
            return answer(_node(_overview(known, other), f"{other.said['url']}/api/", other.last_seen))
    raise ApiError(404, f"Node <{node_id[:100]}> not found.")


@router.get("/cluster/{node_id}/journal")
async def journal_of_node(service: TheService, node_id: str) -> Response:
    """Return how full the outputs' buffers of a node are, which has to be this one."""
    require_own(service, node_id)
    return await journal(service)


@router.get("/cluster/{node_id}/metrics/names")
async def metric_names(service: TheService, node_id: str) -> Response:
    """Return the names of all metrics of a node, which has to be this one."""
    require_own(service, node_id)
    return await names(service)


@router.post("/cluster/{node_id}/metrics/multiple")
async def several_metrics(service: TheService, node_id: str, body: MultipleRequest) -> Response:
    """Return several metrics of a node, which has to be this one."""
    require_own(service, node_id)
    return answer(several(service, body))


@router.get("/cluster/{node_id}/metrics/namespace/{namespace}")
async def metrics_of_namespace(service: TheService, node_id: str, namespace: str) -> Response:
    """Return the metrics of a node whose names begin with a text; it has to be this one."""
    require_own(service, node_id)
    return await of_namespace(service, namespace)


@router.post("/cluster/metrics/multiple")
async def metrics_of_all(service: TheService, body: MultipleRequest) -> Response:
    """Return several metrics of each node: this one's; others tell theirs themselves."""
    return answer({node_name(service): several(service, body)} | {node.name: None for node in other_nodes(service)})


@router.get("/cluster/inputstates")
async def input_states(service: TheService) -> Response:
    """Return the inputs of each node with their states: this one's; others tell theirs themselves."""
    return answer({node_name(service): states_of(service)} | {node.name: None for node in other_nodes(service)})


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


@router.get("/system/indexer/cluster/name")
async def cluster_name() -> Response:
    """Return what the cluster of the index is called."""
    return answer({"name": "gelf-listener"})


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
