"""What would start the engine, flag by flag: a change of an isolation flag is a reviewed diff."""

from pathlib import Path

from appliance.config import Config, EngineConfig
from appliance.engine.process import command, environment
from appliance.engine.profiles import PROFILES
from tests.support.golden import Golden


def test_the_engine_is_started_with_exactly_these_flags_and_variables(golden: Golden) -> None:
    shown = []
    for name in sorted(PROFILES):
        engine = EngineConfig(profile=name, model=Path("/srv/model"), python=Path("/srv/engine/bin/python"))  # type: ignore[arg-type]
        config = Config(home=Path("/srv/home"), engine=engine)
        shown += [name, *(f"  {word}" for word in command(engine, Path("/run/engine.sock")))]
        shown += [f"  {key}={value}" for key, value in sorted(environment(config, {}).items())]

    golden.check("engine_commands.txt", "\n".join(shown) + "\n")
