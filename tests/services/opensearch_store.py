"""Our store in an OpenSearch, for tests: in indices of its own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.outputs.http_client import Denied, HttpClient
from gelf_listener.outputs.opensearch_store import OpenSearchStoreSettings
from gelf_listener.store.opensearch.graylog_shape import GraylogShape
from gelf_listener.store.opensearch.own_shape import OwnShape
from gelf_listener.store.opensearch.store import OpenSearchStore
from tests.services.opensearch import OpenSearch
from tests.unit.store.samples import START

__all__ = ["new_prefix", "opened"]

_numbers = itertools.count()


def new_prefix() -> str:
    """Return a name that no other test uses."""
    return f"store{next(_numbers)}"


@asynccontextmanager
async def opened(
    opensearch: OpenSearch, prefix: str = "", *, shape: str = "own", **more: Any
) -> AsyncIterator[OpenSearchStore]:
    """Open a store whose indices are deleted afterwards."""
    prefix = prefix or new_prefix()
    client = HttpClient(OpenSearchStoreSettings(host="127.0.0.1", port=opensearch.port), 9200, tls=False)
    made = GraylogShape(prefix, "") if shape == "graylog" else OwnShape(prefix, "", read_fields, field_columns_of)
    store = OpenSearchStore(client.request, Denied, made, **({"clock": lambda: START} | more))
    await store.open()
    try:
        yield store
    finally:
        await store.close()
        await client.request("DELETE", f"/{prefix}_*" if shape == "graylog" else f"/{prefix}-*.*.*")
        await client.close()
