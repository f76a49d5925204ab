import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from audit.cli.root import root
from audit.recorder.client import RecorderClient
from tests.support.trails import RecorderProcess, example_event, new_trail


async def test_status_shows_what_each_witness_has_taken(tmp_path: Path) -> None:
    new_trail(tmp_path, now=datetime.now(UTC))
    (tmp_path / "trail.yaml").write_text(
        "witnesses:\n"
        f"- {{kind: file, path: {tmp_path}/a.log}}\n"
        f"- {{kind: file, name: worm, path: {tmp_path}/no/worm/b.log}}\n"
    )
    recorder = RecorderProcess(tmp_path)
    await recorder.start()
    client = RecorderClient(recorder.socket)
    await client.append(example_event())
    async with asyncio.timeout(20):
        while (await client.health())["witnesses"][0]["size"] != 2:  # type: ignore[index]  # a list
            await asyncio.sleep(0.05)
    await client.aclose()

    shown = await asyncio.to_thread(CliRunner().invoke, root, ["witness", "status", "--home", str(tmp_path)])
    told = await asyncio.to_thread(CliRunner().invoke, root, ["witness", "status", "--home", str(tmp_path), "--json"])

    await recorder.stop()
    assert "2 records at 20" in shown.output
    assert [(row["name"], row["state"]) for row in json.loads(told.stdout)] == [
        ("file", "ok"), ("worm", "witness_unreachable"),
    ]  # fmt: skip


def test_status_without_a_recorder_says_so(tmp_path: Path) -> None:
    new_trail(tmp_path)

    done = CliRunner().invoke(root, ["witness", "status", "--home", str(tmp_path)])

    assert done.exit_code == 6
    assert "no recorder answers" in done.output
