"""
Elasticsearch as clients that send logs know it: the bulk API, and what they ask before they use it.

`bulk` takes requests apart and makes messages of documents, `outcomes` says what became of each, `cluster` answers
everything else.
"""
