from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.medium.signing import Signer
from tests.support.media import FILES, lay_out, make_signer, sign, stop_agent


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    made = make_signer(tmp_path_factory.mktemp("vendor") / "gpg", "vendor")
    yield made
    stop_agent(made)


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    made = make_signer(tmp_path_factory.mktemp("stranger") / "gpg", "stranger")
    yield made
    stop_agent(made)


@pytest.fixture(scope="session")
def key(signer: Signer) -> bytes:
    return signer.public()


@pytest.fixture
def medium(tmp_path: Path, signer: Signer) -> Path:
    folder = tmp_path / "medium"
    lay_out(folder, FILES)
    sign(folder, signer)
    return folder
