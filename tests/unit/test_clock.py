from datetime import UTC

from appliance.clock import Clock


def test_the_machines_clocks_agree_with_themselves() -> None:
    clock = Clock()

    assert clock.now().tzinfo is UTC
    assert 0 < clock.monotonic_s() <= clock.boottime_s()
