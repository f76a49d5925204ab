import base64
import json
import ssl
import subprocess
import sys
from pathlib import Path

import anthropic
import httpx2

ROOT = Path(__file__).parents[3]


def test_the_command_tells_where_it_listens_and_keeps_what_it_saw(tmp_path: Path) -> None:
    words = ["--service", "anthropic-messages", "--folder", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.stand_ins", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        told = json.loads(process.stdout.readline())
        tls = ssl.create_default_context(cafile=told["ca"])
        with anthropic.Anthropic(
            api_key=Path(told["credential"]).read_text(),
            base_url=f"https://localhost:{told['port']}",
            http_client=httpx2.Client(verify=tls, trust_env=False),
        ) as client:
            turn = {"role": "user", "content": "<source>Stable.</source>"}
            client.messages.create(model=told["model"], max_tokens=9, messages=[turn])
        process.terminate()
        assert process.wait(20) == 0

    kept = json.loads((tmp_path / "received" / "001.json").read_text())
    assert b"Stable." in base64.b64decode(kept["body_base64"])
    assert "x-api-key" not in {name.lower() for name, _ in kept["headers"]}


def test_the_command_stops_when_its_parent_is_gone(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.support.stand_ins", "--service", "openai-chat", "--folder", str(tmp_path)]
    # The shell is the parent; it waits for a line that never comes.
    with subprocess.Popen(
        ["/bin/sh", "-c", '"$@" & read never', "sh", *words],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as shell:  # fmt: skip
        assert json.loads(shell.stdout.readline())["port"] > 0

        shell.kill()

        assert shell.stdout.read() == ""  # the other end is closed: nobody is left
