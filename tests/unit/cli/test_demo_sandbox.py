"""The demo's sandbox: a register that the policy's own reader takes, and what a provider read, shown as text."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.cli.demo_register import AGREEMENT, PROVIDER, TASK, copy_policies
from appliance.cli.demo_register import write_register as write_demo_register
from appliance.cli.demo_stand_in import StandInAddress, received, texts_of
from appliance.clock import Moment
from appliance.exchange import DataClass, Purpose
from appliance.policy.load import load_bundle
from appliance.policy.register import Use
from tests.support.policy_folder import copy_policies as copy_shipped
from tests.support.registers import a_ca_pem, a_provider, write_register

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def address(folder: Path) -> StandInAddress:
    ca = folder / "ca.pem"
    ca.write_text(a_ca_pem())
    return StandInAddress(
        host="api.stand-in.test", address="127.0.0.1", port=8446, ca=ca, credential=folder / "key", model="model-1"
    )


def test_its_register_names_a_stand_in_whose_agreement_ends_when_it_is_told(tmp_path: Path) -> None:
    place, ends = address(tmp_path), NOW + timedelta(seconds=30)
    site = write_register(copy_shipped(tmp_path / "site"), a_provider())
    copy_policies(site, tmp_path / "policies", place)
    write_demo_register(tmp_path / "policies", place, now=NOW, expires=ends)

    provider = load_bundle(tmp_path / "policies").providers[PROVIDER]

    [model] = provider.models
    use = Use(task=TASK, purpose=Purpose.TREATMENT, data_class=DataClass.PHI)
    before = provider.agreement(model, use, Moment.at(ends - timedelta(seconds=1)))
    assert provider.sandbox
    assert provider.endpoint.addresses == ("127.0.0.1",)
    assert before is not None
    assert before.id == AGREEMENT
    assert provider.agreement(model, use, Moment.at(ends)) is None


def test_what_a_provider_read_is_shown_turn_by_turn(tmp_path: Path) -> None:
    blocks = [{"type": "text", "text": "Two."}, {"type": "tool_result", "content": "x"}]
    body = json.dumps({"system": "One.", "messages": [{"role": "user", "content": blocks}, {"content": "Three."}]})
    (tmp_path / "received").mkdir()
    for number, sent in ((2, b"later"), (1, body.encode())):
        kept = {"body_base64": base64.b64encode(sent).decode()}
        (tmp_path / "received" / f"{number:03d}.json").write_text(json.dumps(kept))

    first, second = received(tmp_path)

    assert texts_of(first) == ["One.", "Two.", "", "Three."]
    assert second == b"later"
