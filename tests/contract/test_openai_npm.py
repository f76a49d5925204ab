"""The npm `openai` SDK, unmodified, against the gateway over real HTTPS."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.gateway_client import NOTE, TASK, Gateway, running_gateway

PACKAGE = Path(__file__).parent / "npm"
WITHIN_S = 120.0

pytestmark = pytest.mark.npm


async def run(*command: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a command in the package's folder to its end; return its status and standard output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=PACKAGE,
        env=os.environ | (environment or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(WITHIN_S):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.fixture
async def gateway(tmp_path: Path, policies: Path) -> AsyncIterator[Gateway]:
    """Return a gateway."""
    async with running_gateway(tmp_path, policies) as running:
        yield running


async def test_the_npm_sdk_works_unmodified(gateway: Gateway) -> None:
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed; install them to run the npm contract")
    if not (PACKAGE / "node_modules" / "openai").is_dir():
        status, output = await run("npm", "ci", "--no-audit", "--no-fund")
        if status:
            pytest.skip(f"npm cannot install the SDK: {output[-300:]}")

    environment = {
        "BASE_URL": f"{gateway.url}/v1",
        "API_KEY": gateway.key,
        "TASK": TASK,
        "NOTE": NOTE,
        "NODE_EXTRA_CA_CERTS": str(gateway.certificates.ca),
    }
    status, output = await run("node", "contract.mjs", environment=environment)

    assert status == 0, output
    seen = json.loads(output.splitlines()[-1])
    assert TASK in seen["models"]
    assert seen["content"] == seen["streamed"]
    assert seen["usage"] == seen["streamUsage"]
    assert (seen["route"], seen["helper"]) == (["local", "local"], "stop")
    assert seen["errors"] == [
        ["NotFoundError", "unknown_task"],
        ["BadRequestError", "unsupported_parameter"],
        ["BadRequestError", "invalid_request"],
    ]
