"""A real PKCS#11 token: SoftHSM in a folder of its own."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
"""Where distributions put the library."""

LABEL, PIN, OFFICER_PIN = "audit-token", "4711-8080", "so-12345678"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftToken:
    """Tokens in one folder, the first of them initialised."""

    folder: Path
    module: Path

    @property
    def configuration(self) -> Path:
        """What SOFTHSM2_CONF must name."""
        return self.folder / "softhsm2.conf"

    def add(self, label: str) -> None:
        """Initialise one more token."""
        self.run("--init-token", "--free", "--label", label, "--so-pin", OFFICER_PIN, "--pin", PIN)

    def lose(self) -> None:
        """Take every token away, as if unplugged."""
        shutil.rmtree(self.folder / "tokens")
        (self.folder / "tokens").mkdir()

    def run(self, *arguments: str) -> None:
        """Run the token's own tool."""
        environment = {**os.environ, "SOFTHSM2_CONF": str(self.configuration)}
        tool = shutil.which("softhsm2-util") or "softhsm2-util"
        subprocess.run([tool, *arguments], env=environment, check=True, capture_output=True)


def soft_token(folder: Path) -> SoftToken:
    """Return a fresh token; its folder goes with the test's."""
    module = next((Path(path) for path in LIBRARIES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        raise RuntimeError("SoftHSM is not installed; run .ci/system-packages --tests")
    (folder / "tokens").mkdir(parents=True)
    token = SoftToken(folder=folder, module=module)
    token.configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    token.add(LABEL)
    return token
