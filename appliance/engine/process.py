"""The engine's process as data: which command, with which environment; somebody else starts it.

The supervisor runs what `command` and `environment` return (an old socket is removed first, vLLM cannot bind over
it), and `appliance engine command` prints the same, so what is shown is what runs.  Neither holds a secret, and
nothing of the operator's environment is passed on but the few variables below.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.config import Config, EngineConfig
from appliance.engine.profiles import PROFILES, Variable

UMASK: Final = 0o077
"""The socket is made with it: this user only.  A site's unit widens it to the gateway's group."""

INHERITED: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "CUDA_VISIBLE_DEVICES")
"""Passed on when set.  Not LD_PRELOAD, PYTHONPATH, PYTHONOPTIMIZE (CVE-2026-41523), proxies, HF_* or VLLM_*."""


def command(engine: EngineConfig, socket: Path) -> list[str]:
    """Return the exact command line."""
    profile = PROFILES[engine.profile]
    flags = [
        part for flag in profile.flags for part in ((flag.name,) if flag.value is None else (flag.name, flag.value))
    ]
    return [str(engine.python), *profile.entry, str(engine.model), "--uds", str(socket), *flags]


def environment(config: Config, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the whole environment; nothing else of ours reaches the engine."""
    names = (*INHERITED, *PROFILES[config.engine.profile].from_unit)
    passed = {name: inherited[name] for name in names if name in inherited}
    return {**passed, **{variable.name: variable.value for variable in variables(config)}}


def variables(config: Config) -> tuple[Variable, ...]:
    """Return the variables that we set, with their reasons."""
    cache = config.engine_home
    folders = (
        Variable(name="HOME", value=str(cache), reason="No files of the operator's; caches stay in one folder."),
        Variable(name="VLLM_CACHE_ROOT", value=str(cache / "vllm"), reason="Compiled code is code: this user only."),
        Variable(name="HF_HOME", value=str(cache / "hf"), reason="Empty on purpose: nothing is fetched."),
        Variable(name="TRITON_CACHE_DIR", value=str(cache / "triton"), reason="As VLLM_CACHE_ROOT."),
    )
    return (*PROFILES[config.engine.profile].variables, *folders)
