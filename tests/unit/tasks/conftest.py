"""The real ICD-10-CM table for the unit tests of this folder."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from appliance.tasks.icd10 import Icd10Table
from tests.support.task_requests import icd10_folder


@pytest.fixture(scope="session")
def icd10(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Icd10Table]:
    with closing(Icd10Table.open(icd10_folder(tmp_path_factory))) as table:
        yield table
