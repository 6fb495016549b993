"""OpenSearch: an index belongs to a store, or to an output that only sends messages there, and not to both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from gelf_listener.assembly import make_all
from gelf_listener.config import Config
from gelf_listener.errors import ConfigError
from gelf_listener.outputs.opensearch import OpenSearchOutput, OpenSearchSettings
from gelf_listener.outputs.opensearch_store import OpenSearchStoreOutput, OpenSearchStoreSettings
from tests.unit.outputs.destinations import bulk_answer
from tests.unit.outputs.web import Asked, Web, answer

STORES = ["gelf-listener-store-gelf", "gelf-listener-store-other-logs"]


def cluster(templates: list[str], mappings: dict[str, Any]) -> Callable[[Asked], bytes]:
    """A cluster with these index templates and indices."""

    def respond(asked: Asked) -> bytes:
        if asked.method == "GET" and "/_index_template/" in asked.path:
            return answer(200, json.dumps({"index_templates": [{"name": name} for name in templates]}).encode())
        if "/_cat/indices" in asked.path:
            return answer(200, b"[]")
        if "/_mapping" in asked.path:
            return answer(200, json.dumps({name: {"mappings": each} for name, each in mappings.items()}).encode())
        return bulk_answer(asked)

    return respond


@pytest.mark.parametrize(
    ("path", "templates", "allowed"),
    [
        ("/gelf-{date}", STORES, False),
        ("/other-logs-{year}.11.30", STORES, False),
        ("/gelf-{date}", [], True),
        ("/logs-{date}", STORES, True),
        ("/gelf-{source}-{date}", STORES, True),
        ("/gelf-{month}", STORES, True),
        ("/gelf", STORES, True),
    ],
)
def test_an_output_keeps_out_of_stores(path: str, templates: list[str], allowed: bool) -> None:
    """As soon as it starts, whoever has made the store."""

    async def main() -> None:
        async with Web(cluster(templates, {})) as web:
            output = OpenSearchOutput(OpenSearchSettings(host="127.0.0.1", port=web.port, path=path))
            try:
                await output.start()
            finally:
                await output.close()

    if allowed:
        asyncio.run(main())
    else:
        with pytest.raises(ConfigError, match=r"is of the store .*give this output another path"):
            asyncio.run(main())


@pytest.mark.parametrize("shape", ["own", "graylog"])
def test_a_store_has_its_indices_alone(shape: str) -> None:
    """What is there has to be a store's; indices that are called otherwise are none of its business."""
    ours = {"own": "packed", "graylog": "gl2_message_id"}[shape]
    name, another = {"own": ("gelf-2026.11.30", "gelf-old"), "graylog": ("gelf_20787", "gelf_old")}[shape]

    async def start(mappings: dict[str, Any]) -> None:
        async with Web(cluster([], mappings)) as web:
            settings = OpenSearchStoreSettings(host="127.0.0.1", port=web.port, shape=shape)
            output = OpenSearchStoreOutput(settings)
            try:
                await output.start()
            finally:
                await output.close()

    foreign = {"properties": {"message": {"type": "text"}}}
    asyncio.run(start({name: {"properties": {ours: {"type": "keyword"}}}, another: foreign}))
    asyncio.run(start({name: {}}))
    with pytest.raises(ConfigError, match=f"the index {name} has documents that are none of a store"):
        asyncio.run(start({name: foreign}))


@pytest.mark.parametrize(
    ("path", "allowed"), [("", False), ("/gelf-{date}", False), ("/logs-{date}", True), ("/gelf-{source}", True)]
)
def test_both_in_one_listener(path: str, allowed: bool) -> None:
    """Told before anything is asked: both have the same prefix by default."""
    outputs = ["store+opensearch+http://es:9200", f"opensearch+http://es:9200{path}"]
    config = Config(inputs=["gelf+udp://127.0.0.1:0"], outputs=outputs, api="off")
    if allowed:
        make_all(config)
    else:
        with pytest.raises(ConfigError, match="write into the same indices"):
            make_all(config)
    elsewhere = Config(inputs=[], outputs=[outputs[0], f"opensearch+http://other:9200{path}"], api="off")
    make_all(elsewhere)
