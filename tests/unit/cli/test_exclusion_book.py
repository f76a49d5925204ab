import os
import stat
from pathlib import Path

import pytest

from appliance.cli.exclusion_book import Addition
from appliance.config import load_config
from appliance.errors import ConfigError
from appliance.exclusions import PEPPER_NAME, UNREADABLE, Excluded
from tests.support.exclusions import NOW, book
from tests.support.other_users import needs_root


def test_a_change_of_an_empty_list_that_fails_leaves_nothing_that_closes_everything(tmp_path: Path) -> None:
    config = load_config(tmp_path)

    with pytest.raises(ConfigError):
        book(config).confirm("exb_0000000000000000", NOW, lambda _: "r.second")

    assert not (config.secrets / PEPPER_NAME).exists()
    assert UNREADABLE not in Excluded.open(config).kinds_of(())


@needs_root
def test_at_a_site_root_writes_what_the_gateways_group_reads(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("site: {}\n")
    config = load_config(tmp_path)
    config.exclusion_secrets.mkdir(mode=0o750)
    os.chown(config.exclusion_secrets, 0, 861)

    book(config).add(Addition(kind="opt-out", numbers=["4711"], case="C-1", by="p.first"), NOW)

    assert Excluded.open(config).kinds_of(["4711"]) == {"opt-out"}
    for name in ("exclusions.json", "exclusions.pepper", "exclusions.head"):
        status = (config.exclusion_secrets / name).stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 861, 0o640)
    (config.exclusion_secrets / "exclusions.pepper").chmod(0o644)
    assert Excluded.open(config).kinds_of(["4711"]) == {UNREADABLE}


@needs_root
def test_at_a_site_nothing_is_excluded_in_a_folder_that_others_write(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("site: {}\n")
    config = load_config(tmp_path)
    config.exclusion_secrets.mkdir()
    os.chown(config.exclusion_secrets, 0, 861)
    config.exclusion_secrets.chmod(0o770)

    with pytest.raises(ConfigError, match="mode 0770, which lets others in; run the playbook"):
        book(config).add(Addition(kind="opt-out", numbers=["4711"], case="C-1", by="p.first"), NOW)
