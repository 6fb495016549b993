#!/usr/bin/env bash
# tantivy 0.27.0 (PyPI), the search engine, aggregating a JSON field with columns.
#
# A key of a JSON field may hold numbers in one document and texts in another. Its aggregations disagree about which
# of them count: `terms`, `cardinality` and an exists query see every value, `value_count` the numbers alone as soon as
# there is one, and the texts and booleans only where there is no number. So a count of messages that have `user` falls
# when the first service logs `user` as a number. A `filter` aggregation of `user:*` counts all.
#
# Seen:
#   texts only: value_count 2, cardinality 2, terms 2, exists 2, filter 2
#   a number beside them: value_count 1, cardinality 3, terms 3, exists 3, filter 3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tantivy==0.27.0

cat > counts.py <<'PY'
import json

import tantivy


def counts(values):
    builder = tantivy.SchemaBuilder()
    builder.add_json_field("fields", fast=True, tokenizer_name="raw")
    index = tantivy.Index(builder.build())
    writer = index.writer(15_000_000, 1)
    for value in values:
        writer.add_json(json.dumps({"fields": {"user": value}}))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    field = {"field": "fields.user"}
    asked = {
        "value_count": {"value_count": field},
        "cardinality": {"cardinality": field},
        "terms": {"terms": field},
        "filter": {"filter": "fields.user:*"},
    }
    found = searcher.aggregate(tantivy.Query.all_query(), asked)
    exists = searcher.search(tantivy.Query.exists_query("fields.user"), count=True).count
    return (
        f"value_count {found['value_count']['value']:.0f}, cardinality {found['cardinality']['value']:.0f}, "
        f"terms {sum(bucket['doc_count'] for bucket in found['terms']['buckets'])}, exists {exists}, "
        f"filter {found['filter']['doc_count']}"
    )


print("texts only:", counts(["api", "web"]))
print("a number beside them:", counts(["api", "web", 7]))
PY
venv/bin/python counts.py | tee seen

diff seen - <<'SEEN' && echo "as stated"
texts only: value_count 2, cardinality 2, terms 2, exists 2, filter 2
a number beside them: value_count 1, cardinality 3, terms 3, exists 3, filter 3
SEEN
