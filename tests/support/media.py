"""A tiny signed medium and the keys for it, laid out as `appliance.medium.build` does, in milliseconds.

The key pair is real and gpg signs, so what is proven here is proven as at a site.
"""

import hashlib
import subprocess
from pathlib import Path

from appliance.medium.signing import Signer
from appliance.medium.verify import SIGNATURE, SUMS, list_files

FILES = {
    "MEDIUM.json": b'{"version": "1.2.3"}',
    "apt/bookworm/InRelease": b"signed index",
    "apt/bookworm/pool/a_1_amd64.deb": b"package",
    "models/small/manifest.json": b"{}",
    "wheels/a-1-py3-none-any.whl": b"wheel",
}
"""What the medium holds."""


def make_signer(home: Path, name: str) -> Signer:
    """Make a key pair in gpg's folder `home`."""
    home.mkdir(mode=0o700)
    command = [
        "gpg",
        "--homedir",
        home,
        "--batch",
        "--passphrase",
        "",
        "--quick-gen-key",
        name,
        "ed25519",
        "sign",
        "never",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return Signer(key=name, home=home)


def stop_agent(signer: Signer) -> None:
    """End the program that gpg leaves behind for a key."""
    command = ["gpgconf", "--homedir", str(signer.home), "--kill", "all"]
    subprocess.run(command, check=True, capture_output=True)


def lay_out(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files without a signature."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def sign(folder: Path, signer: Signer) -> None:
    """Write the list of all files and its signature."""
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(list_files(folder))}
    content = "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()
    (folder / SUMS).write_bytes(content)
    (folder / SIGNATURE).write_bytes(signer.detached(content))
