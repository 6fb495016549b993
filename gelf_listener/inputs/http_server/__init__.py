"""
HTTP server: what every input that takes HTTP requests shares.

`protocol` reads requests and sends answers, `bodies` undoes encodings, `answers` writes responses. What a request
means is up to an input's `Responder`.
"""
