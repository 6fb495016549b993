"""Times as clients send them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.text.bodies import decode_text
from gelf_listener.codec.times import to_seconds
from gelf_listener.message import Peer


@given(st.integers(-10, 10**21) | st.floats(allow_nan=True))
def test_a_number_is_a_float_of_seconds_or_nothing(value: float) -> None:
    """Whatever its type and unit."""
    found = to_seconds(value)
    assert found is None or (type(found[0]) is float and 1.0 <= found[0] < 1e11)


def test_whole_seconds_of_a_record() -> None:
    """Found by fuzzing: the time stayed a whole number."""
    line = b'{"level":"error","stack":[{"func":"main.load","line":"12"}],"time":1417635758,"message":"boom"}'
    receipt = Receipt("in", Peer("192.0.2.1", 1), 1.7e9, Batch())
    decode_text(line, receipt)
    (message,) = receipt.batch.messages
    assert (type(message.timestamp), message.timestamp) == (float, 1417635758.0)
