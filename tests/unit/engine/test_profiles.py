import json
import os
import subprocess
from pathlib import Path

import pytest

from appliance.config import CHECKOUT, Config, EngineConfig, Limits
from appliance.engine.process import INHERITED, UMASK, command, environment, variables
from appliance.engine.profiles import A100X2X2, CPU, FORBIDDEN_FLAGS, PROFILES, Profile

ENGINE_PYTHON = Path(os.environ.get("APPLIANCE_ENGINE_PYTHON", CHECKOUT / ".venv-engine" / "bin" / "python"))

PARSE = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = make_arg_parser(FlexibleArgumentParser())
args, rest = parser.parse_known_args(json.loads(sys.argv[1]))
validate_parsed_serve_args(args)
print(json.dumps({"unknown": rest, "uds": args.uds, "trust": args.trust_remote_code, "policy": args.scheduling_policy}))
"""

both = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


def config_for(profile: Profile, home: Path) -> Config:
    return Config(home=home, engine=EngineConfig(profile=profile.name))


@both
def test_no_profile_ever_trusts_code_listens_on_tcp_or_logs_requests(profile: Profile, tmp_path: Path) -> None:
    line = command(config_for(profile, tmp_path).engine, tmp_path / "engine.sock")

    assert not FORBIDDEN_FLAGS & set(line)
    assert line[line.index("--uds") + 1] == str(tmp_path / "engine.sock")


@both
def test_every_flag_stands_once_and_has_its_reason(profile: Profile, tmp_path: Path) -> None:
    names = [flag.name for flag in profile.flags]

    assert len(set(names)) == len(names)
    assert all(len(flag.reason) > 15 for flag in profile.flags)
    assert all(variable.reason for variable in variables(config_for(profile, tmp_path)))


@both
def test_the_engine_is_offline_and_tells_nobody(profile: Profile, tmp_path: Path) -> None:
    made = environment(config_for(profile, tmp_path), {})

    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"):
        assert made[name] == "1"
    assert "VLLM_SERVER_DEV_MODE" not in made
    assert made["VLLM_PLUGINS"] == ""


def test_nothing_of_the_operators_environment_reaches_the_engine(tmp_path: Path) -> None:
    hostile = dict.fromkeys(
        ("LD_PRELOAD", "PYTHONPATH", "PYTHONOPTIMIZE", "HTTPS_PROXY", "HF_TOKEN", "AWS_SECRET"), "x"
    )

    made = environment(config_for(CPU, tmp_path), {**hostile, "VLLM_SERVER_DEV_MODE": "1", "PATH": "/bin"})

    assert not hostile.keys() & made.keys()
    assert made["PATH"] == "/bin"
    assert made.keys() & set(INHERITED) == {"PATH"}
    assert made["HOME"].startswith(str(tmp_path))
    assert UMASK == 0o077


def test_what_differs_from_host_to_host_is_handed_on_to_an_engine_over_two_of_them_alone(tmp_path: Path) -> None:
    from_unit = {"RAY_ADDRESS": "192.168.77.1:20000", "VLLM_HOST_IP": "192.168.77.1", "LD_PRELOAD": "x"}

    over_two = environment(config_for(A100X2X2, tmp_path), from_unit)
    on_one = environment(config_for(CPU, tmp_path), from_unit)

    assert (over_two["RAY_ADDRESS"], over_two["VLLM_HOST_IP"]) == ("192.168.77.1:20000", "192.168.77.1")
    assert (on_one.get("RAY_ADDRESS"), on_one["VLLM_HOST_IP"]) == (None, "127.0.0.1")
    assert "LD_PRELOAD" not in over_two


def test_the_cpu_profile_serves_as_many_as_the_gateway_lets_in() -> None:
    value = next(flag.value for flag in CPU.flags if flag.name == "--max-num-seqs")

    assert int(value or 0) == Limits().concurrency


@both
def test_vllms_own_parser_takes_the_exact_command(profile: Profile, tmp_path: Path) -> None:
    if not ENGINE_PYTHON.exists():
        pytest.skip(f"no engine environment at {ENGINE_PYTHON}; 'make run' builds it, or set APPLIANCE_ENGINE_PYTHON")
    line = command(config_for(profile, tmp_path).engine, tmp_path / "engine.sock")
    arguments = ["--model", *line[line.index(profile.entry[-1]) + 1 :]]

    done = subprocess.run(
        [ENGINE_PYTHON, "-c", PARSE, json.dumps(arguments)],
        env=environment(config_for(profile, tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    parsed = json.loads(done.stdout.splitlines()[-1])
    assert parsed == {"unknown": [], "uds": str(tmp_path / "engine.sock"), "trust": False, "policy": "priority"}
