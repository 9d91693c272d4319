from __future__ import annotations

from probe.client.perceived import Perceived
from probe.measure.recognition import STEADY


def test_a_pause_is_a_new_beginning() -> None:
    stream = Perceived()
    assert stream.came(10.0, 10.0, 1)
    assert not stream.came(10.1, 11.5, 14)
    assert (stream.media, stream.since, stream.last) == (15, 10.0, 11.5)
    assert not stream.came(11.4, 11.4, 1)  # overtaken on its way
    assert (stream.since, stream.last) == (10.0, 11.5)
    stream.came(11.5 + STEADY, 14.0, 5)
    assert (stream.media, stream.since, stream.last) == (21, 13.5, 14.0)
