"""Known services as data: where they are, what they speak, and how they differ.

To add a service that imitates OpenAI, add a row. A row only names its wire; who builds wires is the facade.
"""

from typing import Literal, TypeAlias

import msgspec

from callboard.actors.wires.openai_bill import USUAL_TIERS
from callboard.actors.wires.openai_request import COMPATIBLE, OPENAI, Quirks

WireName: TypeAlias = Literal[
    "openai",
    "openai-responses",
    "openai-completions",
    "anthropic",
    "gemini",
    "vertex",
    "cohere",
    "cohere-v1",
    "ollama",
    "ollama-generate",
]
Family: TypeAlias = Literal["openai", "anthropic", "cerebras", "groq", "together"]


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """One service, less the account."""

    name: str
    wire: WireName
    base_url: str | None
    """None: it is the user's own, and needed from them."""
    also_at: tuple[str, ...] = ()
    """Where it is as well: regions, and former names."""
    key_env: str | None = None
    """The environment variable that holds the key; None: it takes none."""
    quirks: Quirks = OPENAI
    """For the wires of OpenAI's."""
    rate_limits: Family | None = "openai"
    """What the headers of its rate limits are called (rate_limits.FAMILIES); None: it sends none."""
    free: bool = False
    """A server of the user's own, which bills nobody."""
    catalogue: str | None = None
    """Its name in the price catalogue of genai-prices; None: it is not there."""
    example: str
    """A model to try it with."""


_OPENAI_REGIONS = ("us", "eu", "au", "ca", "jp", "in", "sg", "kr", "gb", "ae")
"""Where it adds 10 % to the prices of models since March 2026."""

_PLAIN = COMPATIBLE.sampling - {"top_k", "min_p"}
"""The members of Sampling that OpenAI's own servers take."""

_DEEPSEEK = Quirks(
    max_tokens="max_tokens",
    developer=False,
    assistant_lists=False,
    thinking="reasoning_content",
    thinking_always=True,
    unthinking={"thinking": {"type": "disabled"}},
    schemas=False,
    documents=None,
)
_MISTRAL = Quirks(
    max_tokens="max_tokens",
    developer=False,
    assistant_lists=False,
    sampling=_PLAIN - {"logprobs", "top_logprobs"},
    names={"seed": "random_seed", "dimensions": "output_dimension"},
    stream_usage=False,
    user=False,
    named=frozenset({"tool"}),
    tool_id_length=9,
    tool_images=True,
    documents="document_url",
)
"""Sends usage with every stream and refuses members that it does not know."""

_GROQ = Quirks(
    developer=False,
    assistant_lists=False,
    sampling=_PLAIN - {"logprobs", "top_logprobs"},
    thinking="reasoning",
    thinking_models=("gpt-oss", "qwen3"),
    usual_tiers=USUAL_TIERS | {"flex"},
)
"""Its flexible tier costs what the usual one does (console.groq.com/docs/flex-processing)."""
_OPENROUTER = Quirks(
    max_tokens="max_tokens",
    assistant_lists=False,
    sampling=COMPATIBLE.sampling,
    thinking="reasoning",
    reasoning="reasoning",
    document_urls=True,
    tool_images=True,
    foreign=OPENAI.foreign - {"cache_control"},
    dollars=True,
)
_CEREBRAS = Quirks(developer=False, assistant_lists=False, thinking="reasoning", default_max_tokens=4096)
"""Its limiter reserves the bound on output in advance, and the model's own bound where there is none."""

_AZURE = Quirks(key_header="api-key", query="api-version=2024-10-21")
_LOCAL = msgspec.structs.replace(COMPATIBLE, thinking="reasoning_content", tool_images=True)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="openai",
            wire="openai",
            base_url="https://api.openai.com/v1",
            also_at=tuple(f"https://{region}.api.openai.com/v1" for region in _OPENAI_REGIONS),
            key_env="OPENAI_API_KEY",
            catalogue="openai",
            example="gpt-4o-mini",
        ),
        Preset(
            name="anthropic",
            wire="anthropic",
            base_url="https://api.anthropic.com/v1",
            key_env="ANTHROPIC_API_KEY",
            rate_limits="anthropic",
            catalogue="anthropic",
            example="claude-haiku-4-5",
        ),
        Preset(
            name="gemini",
            wire="gemini",
            base_url="https://generativelanguage.googleapis.com/v1beta",
            key_env="GEMINI_API_KEY",
            rate_limits=None,
            catalogue="google",
            example="gemini-2.5-flash",
        ),
        # https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION/publishers/google
        Preset(
            name="vertex",
            wire="vertex",
            base_url=None,
            key_env="VERTEX_ACCESS_TOKEN",  # good for an hour: `gcloud auth print-access-token`
            rate_limits=None,
            catalogue="google",
            example="gemini-2.5-flash",
        ),
        Preset(
            name="cohere",
            wire="cohere",
            base_url="https://api.cohere.com/v2",
            also_at=("https://api.cohere.ai/v2",),
            key_env="CO_API_KEY",
            rate_limits=None,
            catalogue="cohere",
            example="command-r-08-2024",
        ),
        Preset(
            name="ollama",
            wire="ollama",
            base_url="http://localhost:11434/api",
            rate_limits=None,
            free=True,
            example="llama3.2",
        ),
        Preset(
            name="cerebras",
            wire="openai",
            base_url="https://api.cerebras.ai/v1",
            key_env="CEREBRAS_API_KEY",
            quirks=_CEREBRAS,
            rate_limits="cerebras",
            catalogue="cerebras",
            example="gpt-oss-120b",
        ),
        Preset(
            name="deepseek",
            wire="openai",
            base_url="https://api.deepseek.com",
            also_at=("https://api.deepseek.com/v1",),
            key_env="DEEPSEEK_API_KEY",
            quirks=_DEEPSEEK,
            rate_limits=None,
            catalogue="deepseek",
            example="deepseek-chat",
        ),
        Preset(
            name="mistral",
            wire="openai",
            base_url="https://api.mistral.ai/v1",
            key_env="MISTRAL_API_KEY",
            quirks=_MISTRAL,
            catalogue="mistral",
            example="mistral-small-latest",
        ),
        Preset(
            name="groq",
            wire="openai",
            base_url="https://api.groq.com/openai/v1",
            key_env="GROQ_API_KEY",
            quirks=_GROQ,
            rate_limits="groq",
            catalogue="groq",
            example="openai/gpt-oss-20b",
        ),
        Preset(
            name="together",
            wire="openai",
            base_url="https://api.together.xyz/v1",
            also_at=("https://api.together.ai/v1",),
            key_env="TOGETHER_API_KEY",
            quirks=COMPATIBLE,
            rate_limits="together",
            catalogue="together",
            example="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        ),
        Preset(
            name="openrouter",
            wire="openai",
            base_url="https://openrouter.ai/api/v1",
            key_env="OPENROUTER_API_KEY",
            quirks=_OPENROUTER,
            catalogue="openrouter",
            example="openai/gpt-4o-mini",
        ),
        Preset(
            name="xai",
            wire="openai",
            base_url="https://api.x.ai/v1",
            key_env="XAI_API_KEY",
            quirks=Quirks(assistant_lists=False, thinking="reasoning_content", named=frozenset({"user"})),
            catalogue="x-ai",
            example="grok-4",
        ),
        # https://RESOURCE.openai.azure.com/openai/deployments/DEPLOYMENT
        Preset(
            name="azure",
            wire="openai",
            base_url=None,
            key_env="AZURE_OPENAI_API_KEY",
            quirks=_AZURE,
            catalogue="azure",
            example="gpt-4o-mini",
        ),
        # https://RESOURCE.openai.azure.com/openai/v1, which wants no date and takes the deployment as the model
        Preset(
            name="azure-v1",
            wire="openai",
            base_url=None,
            key_env="AZURE_OPENAI_API_KEY",
            quirks=msgspec.structs.replace(_AZURE, query=""),
            catalogue="azure",
            example="gpt-4o-mini",
        ),
        Preset(
            name="litellm",
            wire="openai",
            base_url="http://localhost:4000",
            key_env="LITELLM_API_KEY",
            quirks=_LOCAL,
            example="gpt-4o-mini",
        ),
        Preset(
            name="vllm",
            wire="openai",
            base_url="http://localhost:8000/v1",
            quirks=_LOCAL,
            rate_limits=None,
            free=True,
            example="Qwen/Qwen2.5-1.5B-Instruct",
        ),
        Preset(
            name="llamacpp",
            wire="openai",
            base_url="http://localhost:8080/v1",
            quirks=_LOCAL,
            rate_limits=None,
            free=True,
            example="default",
        ),
    )
}
