from pathlib import Path

import pytest

from appliance.config import load_config
from appliance.errors import ConfigError
from appliance.exclusions import PEPPER_NAME, UNREADABLE, Excluded
from tests.support.exclusions import NOW, book


def test_a_change_of_an_empty_list_that_fails_leaves_nothing_that_closes_everything(tmp_path: Path) -> None:
    config = load_config(tmp_path)

    with pytest.raises(ConfigError):
        book(config).confirm("exb_0000000000000000", NOW, lambda _: "r.second")

    assert not (config.secrets / PEPPER_NAME).exists()
    assert UNREADABLE not in Excluded.open(config).kinds_of(())
