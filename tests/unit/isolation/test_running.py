"""What systemd says of a unit is read as it stands, and a host without systemd is told apart."""

from pathlib import Path

from appliance.isolation.running import read_properties


def test_a_running_unit_is_read() -> None:
    found = read_properties(
        [
            "MainPID=412",
            "ControlGroup=/appliance.slice/appliance-broker.service",
            "InvocationID=ab",
            "ActiveState=active",
        ]
    )

    assert (found.pid, found.state, found.invocation) == (412, "active", "ab")
    assert found.cgroup == Path("/sys/fs/cgroup/appliance.slice/appliance-broker.service")


def test_a_unit_that_does_not_run_has_no_process() -> None:
    found = read_properties(["MainPID=0", "ControlGroup=", "InvocationID=", "ActiveState=inactive"])

    assert (found.pid, found.state) == (0, "inactive")


def test_words_that_are_missing_mean_nothing_runs() -> None:
    assert read_properties([]).pid == 0
