from pathlib import Path

import pytest

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.model_files import check_files, pinned_files
from tests.support.guard_models import real_models


def test_the_pinned_files_pass() -> None:
    check_files(real_models())


def test_an_absent_file_stops_the_guard_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhiGuardUnavailableError) as caught:
        check_files(tmp_path)

    assert next(iter(pinned_files())) in caught.value.detail
    assert "make gateway" in caught.value.detail


@pytest.mark.parametrize("name", ["rampart/model_q4.onnx", "spacy/ner/model", "rampart/tokenizer.json"])
def test_a_changed_file_stops_the_guard_and_is_named(tmp_path: Path, name: str) -> None:
    real = real_models()
    for each in pinned_files():
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).symlink_to(real / each)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(b"x" + content[1:])

    with pytest.raises(PhiGuardUnavailableError) as caught:
        check_files(tmp_path)

    assert name in caught.value.detail
