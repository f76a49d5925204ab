"""A program of the appliance or of the trail leaves no copy of its memory behind."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audit.hardening import CORE_LIMIT_BYTES

PR_GET_DUMPABLE = 3
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


RAISED = "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)\n"
"""What a site does that wants cores of everything."""

WITHOUT_LIMIT = "from audit import hardening\nhardening.forbid_cores = lambda: None\n"
"""Breaks one half, so that the other is seen to be enough."""

HARDEN = "from audit.hardening import harden\nharden()\n"
LIMIT_ONLY = "from audit.hardening import forbid_cores\nforbid_cores()\n"

is_core_elsewhere = pytest.mark.skipif(
    CORE_PATTERN.read_text()[0] in "|/@" or resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY,
    reason="on this machine no program leaves a core in its folder, so nothing can be seen",
)


def crashed(folder: Path, *, code: str, number: signal.Signals = signal.SIGSEGV) -> list[str]:
    """Crash a process in a folder; return the files that it left."""
    code += "print('here', flush=True)\nimport time\ntime.sleep(60)\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        child.send_signal(number)
        assert child.wait(30) == -number
    return sorted(path.name for path in folder.iterdir())


@is_core_elsewhere
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_crash_leaves_no_core(tmp_path: Path, number: signal.Signals) -> None:
    assert crashed(tmp_path, code=RAISED + HARDEN, number=number) == []


@is_core_elsewhere
@pytest.mark.parametrize("half", [WITHOUT_LIMIT + HARDEN, LIMIT_ONLY], ids=["the flag", "the limit"])
def test_each_half_alone_is_enough(tmp_path: Path, half: str) -> None:
    assert crashed(tmp_path, code=RAISED + half) == []


@is_core_elsewhere
def test_an_open_process_leaves_one_so_the_tests_can_see_it(tmp_path: Path) -> None:
    assert len(crashed(tmp_path, code=RAISED)) == 1


def test_the_process_is_closed_to_its_neighbours() -> None:
    code = (
        "import ctypes, os, resource\n"
        "from audit.hardening import harden\n"
        "harden()\n"
        "libc = ctypes.CDLL(None)\n"
        f"print(libc.prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE), oct(os.umask(0)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    limit = CORE_LIMIT_BYTES if resource.getrlimit(resource.RLIMIT_CORE)[1] else 0
    assert done.stdout.strip() == f"0 ({limit}, {limit}) 0o77"


def test_a_limit_that_is_nothing_already_stays(tmp_path: Path) -> None:
    code = (
        "import resource\n"
        "from audit.hardening import forbid_cores\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "forbid_cores()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "(0, 0)"
    assert list(tmp_path.iterdir()) == []
