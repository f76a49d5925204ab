import getpass

import pytest

from audit.cli.trail import operator
from tests.support.other_users import needs_root


@needs_root
def test_at_a_site_the_person_behind_sudo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "m.weber")

    assert operator() == "m.weber"


def test_elsewhere_the_user_of_the_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert operator() == getpass.getuser()
