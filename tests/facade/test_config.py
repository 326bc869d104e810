import functools
import math
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.pretty import pretty_repr

import callboard
from callboard import config
from callboard.actors.prices.book import Price
from callboard.actors.transport.config import TransportConfig
from callboard.actors.wires.presets import PRESETS
from callboard.config import Config, Resolved
from callboard.errors import ConfigError
from callboard.opening import load
from callboard.sections import CircuitConfig, LimitConfig, ProviderConfig

KEY = "sk-verysecret0123456789"
ENVIRON = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": "other"}
OPENAI = "[providers.openai]\n"
AZURE = '[providers.azure]\nbase_url = "https://example.com"\nkey = "k"\n'
LOCAL = '[providers.local]\nwire = "openai"\nbase_url = "http://127.0.0.1:8000/v1"\n'


class Files:
    """A folder with a configuration in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "callboard.toml"

    def read(self, text: str, environ: dict[str, str] | None = None, dotenv: str | None = None) -> Resolved:
        self.path.write_text(text)
        if dotenv is not None:
            (self.folder / ".env").write_text(dotenv)
        return config.read(self.path, ENVIRON if environ is None else environ)

    def refusal(self, text: str, environ: dict[str, str] | None = None) -> str:
        """What is said of it, less the file's name, with which it begins."""
        with pytest.raises(ConfigError) as caught:
            self.read(text, environ)
        sentence = str(caught.value)
        assert KEY not in sentence
        assert caught.value.__cause__ is None
        assert sentence.startswith(f"{self.path}: ")
        return sentence.removeprefix(f"{self.path}: ")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_familiar_name_is_enough(files: Files) -> None:
    resolved = files.read(OPENAI)
    (one,) = resolved.providers
    assert (one.name, one.wire, one.base_url, one.key) == ("openai", "openai", "https://api.openai.com/v1", KEY)
    assert (resolved.source, resolved.store_path) == (str(files.path), files.folder / ".callboard")


def test_everything_that_can_be_set_is_taken(files: Files) -> None:
    resolved = files.read(
        LOCAL
        + """
        key_env = "LOCAL_KEY"
        headers = { x-team = "search" }
        free = true
        timeouts = { connect = 2, first_token = 7.5 }
        circuit = { consecutive = 3, backoff = 1 }
        limits = { requests_per_minute = 60, tokens_per_minute = 1000, concurrency = 4 }
        [models]
        fast = ["local/small", "local/large"]
        [prices."local/small"]
        input = 0.15
        output = "0.60"
        [call]
        timeout = 60
        attempts = 2
        [retry]
        base = 0.5
        [cache]
        max_entries = 10
        [store]
        path = "/elsewhere"
        durability = "strict"
        """,
        {"LOCAL_KEY": " k "},
    )
    (one,) = resolved.providers
    assert (one.key, one.config.headers, one.config.free) == ("k", {"x-team": "search"}, True)
    assert (one.config.timeouts.connect, one.config.timeouts.first_token) == (2, 7.5)
    assert (one.config.circuit.spec().consecutive, one.config.circuit.spec().backoff.base) == (3, 10**9)
    assert one.config.limits.spec().tokens_per_minute == 1000
    assert resolved.config.models == {"fast": ["local/small", "local/large"]}
    assert str(resolved.config.prices["local/small"].input) == "0.15"
    assert (resolved.config.call.timeout, resolved.config.retry.base) == (60, 0.5)
    assert (resolved.config.cache.max_entries, resolved.config.store.durability) == (10, "strict")
    assert resolved.store_path == Path("/elsewhere")


UNKNOWN_KEYS = [
    (
        "colour = 1\n" + OPENAI,
        "colour: no such key; expected one of providers, models, prices, budgets, calendar, features, call, retry, "
        "hedge, cache, store",
    ),
    (OPENAI + "colour = 1", "providers.openai.colour: no such key; expected one of "),
    (
        OPENAI + "limits = { rpm = 1 }",
        "providers.openai.limits.rpm: no such key; expected one of requests_per_second, ",
    ),
    (OPENAI + "circuit = { open = 1 }", "providers.openai.circuit.open: no such key; expected one of consecutive, "),
    (OPENAI + "timeouts = { read = 1 }", "providers.openai.timeouts.read: no such key; expected one of connect, "),
    (OPENAI + "[call]\ntimeot = 1", "call.timeot: no such key; expected one of timeout, attempts"),
    (OPENAI + "[store]\nmod = 1", "store.mod: no such key; expected one of path, mode, durability, initial_size"),
    (
        OPENAI + "[cache]\nsize = 1",
        "cache.size: no such key; expected one of max_entries, max_bytes, max_age, max_reply",
    ),
    (OPENAI + "[retry]\nmin = 1", "retry.min: no such key; expected one of base, max"),
    (
        OPENAI + '[prices."openai/m"]\ninput = 1\noutput = 1\ntotal = 1',
        'prices."openai/m".total: no such key; expected ',
    ),
    (
        OPENAI + '[providers.openai.limits.models."gpt-4o"]\nrequest_per_minute = 3',
        "providers.openai.limits.models[...].request_per_minute: no such key; expected one of requests_per_second, ",
    ),
]
WRONG_TYPES = [
    (OPENAI + '[log]\nredact = ["emal"]', "log.redact[0]: expected one of cards, emails, phones, ssn"),
    (OPENAI + '[store]\npath = "a\\u0000b"', "store: `path` is the name of a folder"),
    ("providers = 1", "providers: expected a table, got int"),
    ("[providers]\nopenai = 1", "providers.openai: expected a table, got `int`"),
    ("models = 1\n" + OPENAI, "models: expected a table, got int"),
    (OPENAI + "[models]\nfast = 1", "models.fast: expected a list, got `int`"),
    (OPENAI + "[models]\nfast = [1]", "models.fast[0]: expected `str`, got `int`"),
    ("store = 1\n" + OPENAI, "store: expected a table, got `int`"),
    (OPENAI + '[call]\ntimeout = "long"', "call.timeout: expected `float`, got `str`"),
    (OPENAI + "[call]\nattempts = 1.5", "call.attempts: expected `int`, got `float`"),
    (OPENAI + "[call]\nattempts = true", "call.attempts: expected `int`, got `bool`"),
    (OPENAI + "key = 5", "providers.openai.key: expected `str | null`, got `int`"),
    (OPENAI + 'limits = { concurrency = "all" }', "providers.openai.limits.concurrency: expected `int`, got `str`"),
    (OPENAI + "headers = { a = 1 }", "providers.openai.headers[...]: expected `str`, got `int`"),
    (OPENAI + 'free = "yes"', "providers.openai.free: expected `bool | null`, got `str`"),
    (OPENAI + '[prices."openai/m"]\ninput = 1', 'prices."openai/m".output: missing'),
    (OPENAI + '[prices."openai/m"]\ninput = "free"', 'prices."openai/m".input: expected US dollars, such as 5.0'),
    (OPENAI + '[budgets.cap]\nlimit = "five"\nper = "day"', "budgets.cap.limit: expected US dollars, such as 5.0"),
]
WRONG_CHOICES = [
    (OPENAI + 'wire = "soap"', "providers.openai.wire: expected one of "),
    (OPENAI + 'version = "1999"', "providers.openai.version: expected one of 2023-06-01, 2026-10-21"),
    (OPENAI + '[store]\nmode = "shared"', "store.mode: expected one of exclusive, memory"),
    (OPENAI + '[store]\ndurability = "some"', "store.durability: expected one of strict, relaxed"),
    (OPENAI + 'api_version = "2025-04-01-preview"', 'providers.openai.api_version: goes with `preset = "azure"` alone'),
    (AZURE + 'api_version = "2025&x=1"', "providers.azure.api_version: expected a date, such as 2024-10-21"),
    (OPENAI + 'preset = "soap"', "providers.openai.preset: unknown; expected one of "),
]
BAD_NUMBERS = [
    *[(OPENAI + f"[call]\ntimeout = {bad}", "call: `timeout` must be a number") for bad in ("0", "-1", "inf", "nan")],
    (OPENAI + "[call]\nattempts = 0", "call: `attempts` must be a whole number, 1 or more"),
    *[
        (OPENAI + f"timeouts = {{ first_byte = {bad} }}", "providers.openai.timeouts: `first_byte` must be a number")
        for bad in ("0", "-1", "inf", "nan")
    ],
    (OPENAI + "limits = { concurrency = 0 }", "providers.openai.limits: `concurrency` must be a whole number"),
    (
        OPENAI + "limits = { requests_per_minute = -1 }",
        "providers.openai.limits: `requests_per_minute` must be",
    ),
    *[
        (OPENAI + f"limits = {{ ageing = {bad} }}", "providers.openai.limits: `ageing` must be a number of seconds")
        for bad in ("0", "-1", "inf", "nan")
    ],
    (
        OPENAI + "limits = { tokens_per_minute = 9, tokens_per_day = 8 }",
        "providers.openai.limits: `tokens_per_minute` must not be more than `tokens_per_day`",
    ),
    (
        OPENAI + "limits = { requests_per_second = 9, requests_per_minute = 8 }",
        "providers.openai.limits: `requests_per_second` must not be more than `requests_per_minute`",
    ),
    (
        OPENAI + "limits.models.m = { requests_per_day = 0 }",
        "providers.openai.limits.models[...]: `requests_per_day` must be a whole number, 1 or more",
    ),
    (
        OPENAI + 'limits = { concurrency = 4, models = { "gpt-4o" = { concurrency = 5 } } }',
        "providers.openai.limits: `models.gpt-4o.concurrency` must not be more than the account's `concurrency`, 4",
    ),
    (OPENAI + "circuit = { consecutive = 0 }", "providers.openai.circuit: `consecutive` must be a whole number"),
    (
        OPENAI + "circuit = { intensity = -1 }",
        "providers.openai.circuit: `intensity` must be a whole number, 0",
    ),
    (OPENAI + "circuit = { trials = 0 }", "providers.openai.circuit: `trials` must be a whole number"),
    *[
        (OPENAI + f"circuit = {{ rate = {bad} }}", "providers.openai.circuit: `rate` must be a share")
        for bad in ("0.0", "1.5", "nan")
    ],
    *[
        (OPENAI + f"circuit = {{ window = {bad} }}", "providers.openai.circuit: `window` must be a number of seconds")
        for bad in ("0", "inf", "nan")
    ],
    (OPENAI + "circuit = { backoff = 10, max_backoff = 5 }", "providers.openai.circuit: `backoff` must not be longer"),
    (OPENAI + "circuit = { window = 1e-12 }", "providers.openai.circuit: "),
    (OPENAI + "[store]\ninitial_size = 1", "store: `initial_size` is 65536 to "),
    (OPENAI + "[store]\ninitial_size = 99999999999999", "store: `initial_size` is 65536 to "),
    (OPENAI + "[store]\nmax_size = 16777215", "store: `max_size` is 1048576 to "),
    (OPENAI + "[store]\nmax_size = 99999999999999", "store: `max_size` is 1048576 to "),
    (OPENAI + '[store]\npath = ""', "store: `path` is the name of a folder"),
    (OPENAI + "[retry]\nbase = 9", "retry: `base` and `max` are seconds"),
    (OPENAI + "[retry]\nmax = inf", "retry: `base` and `max` are seconds"),
    (OPENAI + "[cache]\nmax_entries = 0", "cache: `max_entries`"),
    (OPENAI + "[cache]\nmax_age = nan", "cache: `max_entries`, `max_bytes`, `max_age`"),
    (OPENAI + '[prices."openai/m"]\ninput = -1\noutput = 1', 'prices."openai/m": `input` is a number of US dollars'),
    (OPENAI + '[prices."openai/m"]\ninput = 1\noutput = nan', 'prices."openai/m": `output` is a number of US dollars'),
]
NONSENSE = [
    ("", "providers: at least one is needed; `callboard init` writes an example"),
    (
        "[providers.google]",
        "providers.google: 'google' is no service that callboard knows (openai, anthropic, ",
    ),
    (
        '[providers.lokal]\nwire = "openai"',
        'providers.lokal.base_url: missing; for openai\'s own service say `preset = "openai"`',
    ),
    ('[providers."a/b"]\nwire = "openai"', "providers.a/b: a provider's name is not empty and holds none of / | #"),
    ('[providers.""]\nwire = "openai"', "providers.: a provider's name is not empty"),
    (OPENAI + "[models]\nfast = []", "models.fast: expected at least one provider/model"),
    (OPENAI + '[models]\n"a/b" = ["openai/m"]', "models.a/b: expected a name without a slash"),
    (OPENAI + '[models]\n"" = ["openai/m"]', "models.: expected a name without a slash"),
    (
        OPENAI + '[models]\nfast = ["opnai/m"]',
        "models.fast: 'opnai/m' is not provider/model with a provider of this file (openai)",
    ),
    (OPENAI + '[models]\nfast = ["openai"]', "models.fast: 'openai' is not provider/model"),
    (OPENAI + '[models]\nfast = ["openai/"]', "models.fast: 'openai/' is not provider/model"),
    (OPENAI + '[models]\nfast = ["openai/m", "openai/m"]', "models.fast: a candidate stands there twice"),
    (OPENAI + "[models.fast]\ncandidates = 1", "models.fast.candidates: expected a list, got `int`"),
    (OPENAI + "[models.fast]", "models.fast.candidates: missing"),
    (OPENAI + '[models.fast]\ncandidates = ["openai/m"]\nwhen = 1', "models.fast.when: no such key; expected one of"),
    (
        OPENAI + '[models.fast]\ncandidates = ["openai/m"]\non.overlooked = ["openai/n"]',
        "models.fast.on.overlooked: no such fault; expected one of rate_limited,",
    ),
    (
        OPENAI + '[models.fast]\ncandidates = ["openai/m"]\non.invalid_request = ["openai/n"]',
        "models.fast.on.invalid_request: no such fault",
    ),
    (
        OPENAI + '[models.fast]\ncandidates = ["openai/m"]\non.overloaded = ["slow"]',
        "models.fast.on.overloaded: 'slow' is not provider/model",
    ),
    (
        OPENAI + '[models.fast]\ncandidates = ["openai/m"]\nchecks = ["length:9..1"]',
        "models.fast.checks: 'length:9..1': `length` is least..most",
    ),
    (
        OPENAI + '[models.fast]\ncandidates = ["openai/m"]\nchecks = ["jason"]',
        "models.fast.checks: 'jason': no such check; expected one of json, no_control_characters,",
    ),
    (OPENAI + '[features."openai/m"]\ncontext = 0', 'features."openai/m": `context` is a number of tokens, 1 or more'),
    (OPENAI + '[features."opnai/m"]\ntools = false', "features: 'opnai/m' is not provider/model"),
    (OPENAI + "[hedge]\nshare = 0.0", "hedge: `share` is a share of the calls"),
    (OPENAI + "[hedge]\nquantile = 1.0", "hedge: `quantile` is a share of the attempts"),
    (OPENAI + "[hedge]\nmin_samples = 0", "hedge: `min_samples` must be a whole number"),
    (
        OPENAI + '[models]\nfast = ["openai/m", "smart"]\nsmart = ["big"]\nbig = ["fast"]',
        "models.fast: fallback goes in a circle: fast -> smart -> big -> fast",
    ),
    (OPENAI + '[prices."opnai/m"]\ninput = 1\noutput = 1', "prices: 'opnai/m' is not provider/model"),
    (OPENAI + "= 1", "is not TOML: "),
    (OPENAI + 'headers = { "a b" = "c" }', "providers.openai.headers: 'a b' is no name of a header"),
    (OPENAI + 'headers = { a = "b\\nc" }', "providers.openai.headers.a: expected printable ASCII"),
]


@pytest.mark.parametrize(
    ("text", "told"), [*UNKNOWN_KEYS, *WRONG_TYPES, *WRONG_CHOICES, *BAD_NUMBERS, *NONSENSE], ids=lambda text: text[:50]
)
def test_a_mistake_is_told_with_the_file_the_key_and_what_was_expected(files: Files, text: str, told: str) -> None:
    assert files.refusal(text).startswith(told)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "expected http(s)://host"),
        ("api.openai.com/v1", "expected http(s)://host"),
        ("ftp://host", "expected http(s)://host"),
        ("http://", "expected http(s)://host"),
        ("http://[::1", "expected http(s)://host, got what is no URL"),
        ("https://host:port/", "expected http(s)://host, got what is no URL"),
        (f"https://user:{KEY}@host/v1", "expected no user and password in it"),
        (f"https://{KEY}@host/v1", "expected no user and password in it"),
        (f"https://host/v1?api-key={KEY}", "expected nothing after the path"),
        ("https://host/v1#here", "expected nothing after the path"),
        ("http://api.example.com/v1", "plain http to api.example.com would send the key in clear; expected https"),
        ("http://10.0.0.1/v1", "plain http to 10.0.0.1 would send the key in clear"),
        ("http://localhost.example.com/v1", "plain http to localhost.example.com"),
    ],
)
def test_a_base_url_without_sense_or_safety_is_refused(files: Files, url: str, told: str) -> None:
    assert files.refusal(OPENAI + f'base_url = "{url}"').startswith(f"providers.openai.base_url: {told}")


@pytest.mark.parametrize(
    "url",
    ["https://host", "http://localhost:8000", "http://LOCALHOST", "http://127.0.0.1:1/v1", "http://[::1]:8000/v1"],
)
def test_https_goes_anywhere_and_plain_http_to_this_machine(files: Files, url: str) -> None:
    assert files.read(OPENAI + f'base_url = "{url}"').providers[0].base_url == url.lower()


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Host.Example:443/V1/", "https://host.example/V1"),
        ("https://host.example:0443", "https://host.example"),
        ("https://host.example:80//", "https://host.example:80"),
        ("http://[::1]:80/v1", "http://[::1]/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_an_address_is_kept_in_one_form_however_it_is_written(files: Files, url: str, normal: str) -> None:
    assert files.read(OPENAI + f'base_url = "{url}"').providers[0].base_url == normal


def test_plain_http_goes_elsewhere_when_it_is_allowed(files: Files) -> None:
    assert files.read(OPENAI + 'base_url = "http://10.0.0.1/v1"\nallow_http = true').providers


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": "  "}])
def test_a_missing_credential_is_told_with_the_variable_that_should_hold_it(
    files: Files, environ: dict[str, str]
) -> None:
    told = "providers.openai: no credential; expected the environment variable OPENAI_API_KEY, or one in .env"
    assert files.refusal(OPENAI, environ) == told
    told = "providers.openai: no credential; expected the environment variable MINE, or one in .env"
    assert files.refusal(OPENAI + 'key_env = "MINE"', environ) == told


def test_another_account_of_a_familiar_service_needs_a_credential_too(files: Files) -> None:
    assert "no credential" in files.refusal('[providers.work]\npreset = "anthropic"', {})


def test_a_familiar_key_is_not_sent_to_an_unfamiliar_address(files: Files) -> None:
    assert files.read(OPENAI + 'base_url = "https://elsewhere.example.com"').providers[0].key is None
    assert files.read(LOCAL).providers[0].key is None


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "https://api.openai.com/v1/", "https://API.OpenAI.com:443/v1"]
)
def test_a_services_own_address_is_its_own_however_it_is_written(files: Files, url: str) -> None:
    found = files.read(OPENAI + f'base_url = "{url}"', {"OPENAI_API_KEY": "sk-own"}).providers[0]
    assert (found.key, found.preset) == ("sk-own", PRESETS["openai"])


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("openai", "https://eu.api.openai.com/v1"),
        ("openai", "https://US.api.openai.com/v1/"),
        ("deepseek", "https://api.deepseek.com/v1"),
        ("together", "https://api.together.ai/v1"),
        ("cohere", "https://api.cohere.ai/v2"),
    ],
)
def test_a_service_is_known_at_all_its_addresses(files: Files, name: str, url: str) -> None:
    preset = PRESETS[name]
    assert preset.key_env is not None
    found = files.read(f'[providers.{name}]\nbase_url = "{url}"', {preset.key_env: "sk-own"}).providers[0]
    assert (found.key, found.preset) == ("sk-own", preset)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com.example.com/v1",
        "https://api.openai.com:8443/v1",
        "https://api.openai.com:0/v1",
        "https://api.openai.com/v2",
        "https://openai.com/v1",
        "https://eu.api.openai.com.example.com/v1",
        "http://api.openai.com/v1",
    ],
)
def test_what_only_looks_like_a_services_own_address_gets_no_key(files: Files, url: str) -> None:
    text = OPENAI + f'base_url = "{url}"\nallow_http = true'
    found = files.read(text, {"OPENAI_API_KEY": "sk-own"}).providers[0]
    assert (found.key, found.preset.catalogue) == (None, None)


def test_a_budget_of_an_alias_is_refused_for_it_would_count_nothing(files: Files) -> None:
    text = OPENAI + '[models]\nfast = ["openai/m"]\n[budgets.cap]\nlimit = 1\nper = "day"\nmodel = "fast"'
    told = "budgets.cap.model: 'fast' is an alias; expected a model's own name, or provider/model"
    assert files.refusal(text) == told


def test_a_key_in_place_of_its_variables_name_is_not_told(files: Files) -> None:
    told = files.refusal(OPENAI + 'key_env = "sk-proj-AbC123secret"', {})
    assert (
        told == "providers.openai.key_env: expected a variable's name, of letters, digits and _; the key is its value"
    )


@pytest.mark.parametrize("wire", ["anthropic", "gemini", "cohere", "ollama"])
def test_a_server_of_ones_own_is_known_by_what_it_speaks(files: Files, wire: str) -> None:
    text = f'[providers.mine]\nwire = "{wire}"\nbase_url = "http://127.0.0.1:1"\n'
    assert files.read(text).providers[0].preset.name == wire


@pytest.mark.parametrize(
    ("wire", "preset"),
    [("ollama-generate", "ollama"), ("cohere-v1", "cohere"), ("openai-responses", "openai"), ("gemini", "gemini")],
)
def test_a_wire_alone_sends_no_prompt_to_its_own_service_which_its_preset_names(
    files: Files, wire: str, preset: str
) -> None:
    keys = {"CO_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}
    alone = f'[providers.box]\nwire = "{wire}"\n'
    assert f'say `preset = "{preset}"`' in files.refusal(alone, keys)
    (provider,) = files.read(f'{alone}preset = "{preset}"', keys).providers
    assert (provider.wire, provider.preset.name) == (wire, preset)
    assert provider.base_url == PRESETS[preset].base_url


def test_vertex_is_at_the_users_own_address_with_an_access_token(files: Files) -> None:
    assert "base_url" in files.refusal("[providers.vertex]", {"VERTEX_ACCESS_TOKEN": "ya29"})
    base = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"
    (provider,) = files.read(f'[providers.vertex]\nbase_url = "{base}"', {"VERTEX_ACCESS_TOKEN": "ya29"}).providers
    assert (provider.wire, provider.key, provider.base_url) == ("vertex", "ya29", base)


def test_the_env_file_beside_the_configuration_is_read(files: Files) -> None:
    dotenv = "# mine\nexport OPENAI_API_KEY='from the file'\nOTHER=$HOME\nEMPTY=\n".replace("from the file", "fromfile")
    assert files.read(OPENAI, {}, dotenv).providers[0].key == "fromfile"


def test_the_environment_wins_over_the_env_file(files: Files) -> None:
    assert files.read(OPENAI, {"OPENAI_API_KEY": "real"}, "OPENAI_API_KEY=file").providers[0].key == "real"


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_not_set_and_hides_none_of_the_env_file(files: Files, empty: str) -> None:
    assert files.read(OPENAI, {"OPENAI_API_KEY": empty}, "OPENAI_API_KEY=file").providers[0].key == "file"


def test_values_in_the_env_file_are_taken_as_they_stand(files: Files) -> None:
    assert files.read(OPENAI, {"HOME": "/root"}, 'OPENAI_API_KEY="a${HOME}"').providers[0].key == "a${HOME}"


def test_an_env_file_that_cannot_be_read_is_told_without_what_it_holds(files: Files) -> None:
    (files.folder / ".env").write_bytes(b"OPENAI_API_KEY=" + KEY.encode() + b"\xff\xfe")
    files.path.write_text(OPENAI)
    with pytest.raises(ConfigError, match=r"\.env: cannot be read") as caught:
        config.read(files.path, {})
    assert KEY not in str(caught.value)


def test_a_key_in_clear_works_with_a_warning_that_does_not_show_it(files: Files) -> None:
    with pytest.warns(UserWarning, match=r"providers\.openai\.key: .* in clear") as caught:
        resolved = files.read(OPENAI + f'key = "{KEY}"', {})
    assert resolved.providers[0].key == KEY
    assert KEY not in str(caught[0].message)


def test_a_key_in_a_config_made_in_code_stands_in_no_file_and_is_no_matter_of_a_warning() -> None:
    source = Config(providers={"openai": ProviderConfig(key=KEY)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(source).providers[0].key == KEY


def test_a_key_and_a_variable_for_it_are_one_too_many(files: Files) -> None:
    told = files.refusal(OPENAI + f'key = "{KEY}"\nkey_env = "MINE"')
    assert told == "providers.openai.key: expected either key or key_env, got both"


@pytest.mark.parametrize("key", [f"“{KEY}”", f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}\x00"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(files: Files, key: str) -> None:
    told = files.refusal(OPENAI, {"OPENAI_API_KEY": key})
    assert told.startswith("providers.openai: the variable OPENAI_API_KEY: expected a key, got characters")


def test_an_empty_key_in_clear_is_refused(files: Files) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert files.refusal(OPENAI + 'key = ""') == "providers.openai.key: expected a key, got nothing"


def test_secrets_are_in_no_repr(files: Files) -> None:
    secret = f'headers = {{ authorization = "{KEY}" }}\ntransport = {{ proxy = "http://u:{KEY}@proxy:1" }}\n'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resolved = files.read(OPENAI + f'key = "{KEY}"\n' + secret)
    for thing in (resolved, resolved.config, *resolved.providers, *resolved.config.providers.values()):
        for shown in (repr(thing), str(thing), f"{thing}", pretty_repr(thing), pretty_repr(thing, expand_all=True)):
            assert KEY not in shown
    assert "key set" in repr(resolved.providers[0])


def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file or directory\); `callboard init` writes one"):
        config.read(tmp_path / "callboard.toml", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        config.read(tmp_path, {})


def test_a_byte_order_mark_in_front_does_no_harm(files: Files) -> None:
    assert files.read("\ufeff" + OPENAI).providers[0].name == "openai"


async def test_a_link_that_leads_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("callboard.toml").symlink_to("elsewhere.toml")
    with pytest.raises(ConfigError, match=r"callboard\.toml: cannot be read"):
        async with callboard.open():
            pass


@pytest.mark.parametrize("source", [{"providers": {}}, 5, b"callboard.toml"])
async def test_what_is_no_source_is_told(source: Any) -> None:
    with pytest.raises(ConfigError, match=r"^source: expected a file's name, a Config or None"):
        async with callboard.open(source):
            pass


async def _awaited(event: callboard.Event, where: str = "") -> None:
    pass


async def _yielding(event: callboard.Event) -> AsyncIterator[None]:
    yield


class _Listens:
    async def __call__(self, event: callboard.Event) -> None: ...


@pytest.mark.parametrize(
    ("on_event", "told"),
    [
        (_awaited, "expected a plain function, got an async one"),
        (functools.partial(_awaited, where="here"), "expected a plain function, got an async one"),
        (_yielding, "expected a plain function, got an async one"),
        (_Listens(), "expected a plain function, got an async one"),
        (functools.partial(_Listens()), "expected a plain function, got an async one"),
        ("print", "expected a function, got a str"),
    ],
)
async def test_an_on_event_that_nobody_would_await_is_told(on_event: Any, told: str) -> None:
    source = Config(providers={"local": ProviderConfig(wire="openai", base_url="http://127.0.0.1:9/v1")})
    with pytest.raises(ConfigError, match=rf"^on_event: {told}"):
        async with callboard.open(source, on_event=on_event):
            pass


@pytest.mark.parametrize(
    ("transport", "told"),
    [
        ({"proxy": "ftp://proxy"}, "a proxy's URL must begin with one of"),
        ({"proxy": "http://foo bar"}, "a proxy's URL is scheme://"),
        ({"allowed_hosts": ("10.0.0.0/99",)}, "allowed_hosts"),
        ({"tls": {"ca_file": "/nowhere.pem"}}, "/nowhere.pem"),
    ],
)
async def test_a_transport_without_sense_is_told_before_anything_starts(transport: dict[str, Any], told: str) -> None:
    made = msgspec.convert(transport, TransportConfig)
    source = Config(
        providers={"local": ProviderConfig(wire="openai", base_url="http://127.0.0.1:9/v1", transport=made)}
    )
    with pytest.raises(ConfigError, match=r"providers\.local\.transport: ") as caught:
        async with callboard.open(source):
            pass
    assert told in str(caught.value)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "callboard.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        config.read(path, {})


def test_without_a_file_every_key_in_the_environment_is_a_provider() -> None:
    found = config.from_environment(ENVIRON)
    assert found is not None
    assert {one.name: one.key for one in found.providers} == {"openai": KEY, "anthropic": "other"}
    assert config.from_environment({}) is None
    assert config.from_environment({"OPENAI_API_KEY": ""}) is None
    assert config.from_environment({"OPENAI_API_KEY": " "}) is None


def test_parsing_changes_nothing_in_what_it_is_given() -> None:
    data: dict[str, Any] = {"providers": {"openai": {}}, "models": {"fast": ["openai/m"]}, "call": {"attempts": 1}}
    before = repr(data)
    config.parse(data, "here")
    assert repr(data) == before


def test_a_configuration_made_in_code_is_checked_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^here: providers\.mine: 'mine' is no service that callboard knows"):
        config.resolve(Config(providers={"mine": ProviderConfig()}), "here", tmp_path, {})
    with pytest.raises(ValueError, match="consecutive"):
        CircuitConfig(consecutive=0)
    for limit in (1.5, math.nan, math.inf):
        with pytest.raises(ValueError, match="requests_per_day"):
            LimitConfig(requests_per_day=limit)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="input"):
        Price(input=-1, output=1)  # type: ignore[arg-type]


NAMES = sorted(
    {"openai", "fast", "openai/m", *Config.__struct_fields__, *ProviderConfig.__struct_fields__}
    | {"concurrency", "connect", "rate", "max_age", "input", "output", "attempts", "engine", "tls"}
)
toml = st.recursive(
    st.one_of(st.integers(-9, 9), st.floats(), st.booleans(), st.text("ab/", max_size=4), st.just("openai")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200)
@given(data=st.dictionaries(st.sampled_from([*Config.__struct_fields__, "other"]), toml, max_size=4))
def test_whatever_stands_in_a_file_it_is_a_configuration_or_a_config_error(data: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = config.parse(data, "here")
            config.resolve(parsed, "here", Path("/"), ENVIRON)
        except ConfigError as error:
            assert str(error).startswith("here: ")


def test_what_is_known_of_a_service_is_not_told_for_an_address_that_is_none() -> None:
    mine = Config(providers={"mine": ProviderConfig(wire="openai", base_url="https://host:port/v1")})
    with pytest.raises(ConfigError, match=r"^it: providers\.mine\.base_url: expected http"):
        config.presets(mine, "it")
