#!/usr/bin/env bash
# tantivy 0.27.0 (PyPI), the search engine, aggregating whole numbers in a JSON field.
#
# A key of a JSON field that holds only whole numbers has a column of whole numbers, and a `range` aggregation cuts its
# bounds to whole numbers too: up to 2.5 counts what is below 2, and its bucket is called `*-2`. The same values in a
# field of numbers, or one decimal beside them, count as they should; `histogram` does in both. And the sign of zero
# counts: a search for 0.0 does not find -0.0, which is equal to it.
#
# Seen: buckets of the values 1, 2, 3 and 4
#   float field, range up to 2.5 and from 2.5: {'*-2.5': 2, '2.5-*': 2}
#   JSON field, range up to 2.5 and from 2.5: {'*-2': 1, '2-*': 3}
#   JSON field beside 0.5, range up to 2.5 and from 2.5: {'*-2.5': 3, '2.5-*': 2}
#   JSON field, histogram by 1.5: {0.0: 1, 1.5: 1, 3.0: 2}
# Found of -0.0, 0.0 and 1.0
#   f:0.0 finds 1, f:[0.0 TO *] finds 2, f:[-0.0 TO *] finds 3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tantivy==0.27.0

cat > bounds.py <<'PY'
import tantivy


def index_of(values):
    builder = tantivy.SchemaBuilder()
    builder.add_float_field("f", fast=True, indexed=True)
    builder.add_json_field("json", fast=True, tokenizer_name="raw")
    index = tantivy.Index(builder.build())
    writer = index.writer(15_000_000, 1)
    for value in values:
        document = tantivy.Document()
        document.add_float("f", float(value))
        document.add_json("json", {"n": value})
        writer.add_document(document)
    writer.commit()
    index.reload()
    return index


def buckets(values, aggregation):
    searcher = index_of(values).searcher()
    answer = searcher.aggregate(tantivy.Query.all_query(), {"a": aggregation})
    return {bucket["key"]: bucket["doc_count"] for bucket in answer["a"]["buckets"]}


def ranges(field):
    return {"range": {"field": field, "ranges": [{"to": 2.5}, {"from": 2.5}]}}


whole = [1, 2, 3, 4]
print("float field, range up to 2.5 and from 2.5:", buckets(whole, ranges("f")))
print("JSON field, range up to 2.5 and from 2.5:", buckets(whole, ranges("json.n")))
print("JSON field beside 0.5, range up to 2.5 and from 2.5:", buckets([*whole, 0.5], ranges("json.n")))
print("JSON field, histogram by 1.5:", buckets(whole, {"histogram": {"field": "json.n", "interval": 1.5}}))
index = index_of([-0.0, 0.0, 1.0])
found = {
    text: index.searcher().search(index.parse_query(text, ["f"]), 10).count
    for text in ("f:0.0", "f:[0.0 TO *]", "f:[-0.0 TO *]")
}
print(", ".join(f"{text} finds {count}" for text, count in found.items()))
PY
venv/bin/python bounds.py | tee seen
diff - seen <<'SEEN'
float field, range up to 2.5 and from 2.5: {'*-2.5': 2, '2.5-*': 2}
JSON field, range up to 2.5 and from 2.5: {'*-2': 1, '2-*': 3}
JSON field beside 0.5, range up to 2.5 and from 2.5: {'*-2.5': 3, '2.5-*': 2}
JSON field, histogram by 1.5: {0.0: 1, 1.5: 1, 3.0: 2}
f:0.0 finds 1, f:[0.0 TO *] finds 2, f:[-0.0 TO *] finds 3
SEEN
