"""What a provider said, made fit for logs and errors: secrets out, length bounded.

Providers quote credentials back ("Incorrect API key provided: sk-abc***xyz"), so their words pass through here before
they enter a Fault. Every pattern is linear in the length of the text.
"""

import re
from collections.abc import Callable

BOUND = 500
"""Characters that are kept."""

HIDDEN = "[redacted]"

_READ = 8192
_NAMES = (
    r"(?:x-)?(?:goog-)?api[-_ ]?key|authorization|(?:access|auth|refresh|bearer|id)[-_ ]token|token|secret|password"
)

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def redact(text: str) -> str:
    """`text` without credentials, on one line and no longer than BOUND."""
    words = text[:_READ].split()
    if len(text) > _READ:
        words = words[:-1]  # the cut may have split a secret, and half a secret is not recognised
    text = " ".join(words)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text if len(text) <= BOUND else text[: BOUND - 1] + "…"


def _token(match: re.Match[str]) -> str:
    """Long words without a digit are prose or names; keys have digits and letters."""
    word = match[0]
    keyed = any(map(str.isdigit, word)) and any(map(str.isalpha, word))
    return HIDDEN if keyed else word


_RULES: tuple[_Rule, ...] = (
    (re.compile(r"\bbearer\s+[^\s\"',;]+", re.IGNORECASE), f"Bearer {HIDDEN}"),
    (re.compile(r"\bbasic\s+[A-Za-z0-9+/=]{12,}", re.IGNORECASE), f"Basic {HIDDEN}"),
    (
        re.compile(
            rf"\b({_NAMES})((?: provided| is)?[\"']?\s*[:=]\s*[\"']?)(?!bearer|basic)[^\s\"',;]+", re.IGNORECASE
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?<![A-Za-z0-9])(?:sk|pk|rk|csk|fw|xai|nvapi|pplx|tgp)[-_][\w*•….-]*[\w*•…]"), HIDDEN),
    (
        re.compile(r"(?<![A-Za-z0-9])(?:gsk_|hf_|r8_|gh[opsu]_|github_pat_|AKIA|AIza|ya29\.|eyJ)[\w*•….-]*[\w*•…]"),
        HIDDEN,
    ),
    (re.compile(r"(?<![\w-])[\w-]*[*•]{3,}[\w*•-]*"), HIDDEN),
    (re.compile(r"[A-Za-z0-9+/]{40,}={0,2}|[A-Za-z0-9+_=-]{32,}"), _token),
)
