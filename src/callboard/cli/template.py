"""The files that `callboard init` writes. Pure."""

from collections.abc import Iterable, Mapping

from callboard.config import FAMILIAR

_HEAD = """\
# callboard.toml: which models may be called, and how.
# What is commented out is the default, or an example where it says so.
# Keys do not stand here. They come from the environment, or from a file .env beside this one (see .env.example).
"""

_REST = """\
# [providers.local]                       # example: any server that speaks OpenAI's chat completions, such as Ollama
# preset = "vllm"                         # a service that callboard knows, where the table's name is another
# wire = "openai"                         # or openai-responses, openai-completions, anthropic, gemini, vertex,
#                                         # cohere, cohere-v1, ollama, ollama-generate
# base_url = "http://127.0.0.1:11434/v1"  # a key goes elsewhere than to its service only where `key_env` is given
# key_env = "LOCAL_API_KEY"
# headers = { x-team = "search" }         # sent with every request
# catalogue = "openai"                    # whose prices count, where the preset does not say
# free = true                             # every call costs 0
# allow_http = false                      # true: send the key over plain http to another machine

# [prices."openai/a-model-of-yours"]      # example: US dollars a million tokens, ahead of the built-in catalogue
# input = 0.15
# output = 0.60                           # also cached_read, cache_write, cache_write_1h, audio_input, audio_cached,
#                                         # audio_output, image_input, image_cached, image_output; what is not given
#                                         # costs what the nearest of these does; and web_search, a thousand of them

# [models.thorough]                       # example: an alias in full; other aliases may stand in its lists
# candidates = ["fast"]
# on.context_too_long = ["openai/gpt-4.1"]   # who comes first after a fault of this kind
# checks = ["strip", "length:1..20000"]   # what every reply passes, in this order; also json, schema (with the package
#                                         # jsonschema), no_control_characters, strip_control_characters
# repair = true                           # send a reply that fails a check back once, with the reason

# [features."openai/a-model-of-yours"]    # example: what a model can do; what is unknown is tried
# tools = false
# images = false
# context = 8192                          # tokens of input and output together

# [budgets.team]                          # example: what may be spent; any number of them
# limit = 5.0                             # US dollars
# per = "day"                             # or "month" or "ever"
# provider = "openai"                     # what it counts; all where it does not say. "*": each apart
# model = "gpt-4o-mini"
# tag = "search"
# user = "*"
# hard = true                             # refuse what would exceed it; false: only watch
# alerts = [0.8, 0.95]                    # shares of the limit at which it tells
# unknown_price = "refuse"                # or "allow": a model whose price nobody knows

# [calendar]
# timezone = "UTC"                        # when a day of usage and budgets begins, such as "Europe/Berlin"

# [call]                                  # what a call may use, all its retries and fallbacks together
# timeout = 600.0                         # seconds
# attempts = 4

# [retry]                                 # the pause before another try: random, at most base * 2**tries
# base = 0.25                             # seconds
# max = 8.0

# [hedge]                                 # a second attempt beside one that is late, for calls with hedge=True
# share = 0.05                            # of those calls, at most
# quantile = 0.95                         # late: slower than this share of the model's attempts
# min_samples = 20                        # attempts to have seen before

# [cache]                                 # replies to calls with temperature 0 or a seed
# max_entries = 1000000
# max_bytes = 1073741824                  # of the file that they take
# max_age = 86400.0                       # seconds
# max_reply = 1048576                     # bytes of one reply

# [store]                                 # usage, cost and cache
# path = ".callboard"                     # a folder, beside this file unless absolute
# mode = "exclusive"                      # or "memory": nothing is kept
# durability = "relaxed"                  # on disk within 50 ms; "strict": before the call returns
# initial_size = 16777216                 # bytes of each of its two files to begin with; they grow by doubling
# max_size = 17179869184                  # bytes that usage and cost may take, with the log; full, old entries go first

# [log]                                   # what was asked and answered, word by word
# requests = false                        # example: true keeps it
# redact = ["emails", "cards", "ssn", "phones"]  # what is taken out before anything is written
# keep_days = 30.0

# [store.keep]                            # for how many days
# entries = 90.0                          # each attempt, call and change of a circuit
# usage = 730.0                           # sums by day
# rows = 100000                           # sums by day, tag and user; of more the oldest days are added up
"""

_ACCOUNT = """\
# [providers.{name}.timeouts]             # seconds; running into one is the provider's fault
# connect = 10.0
# first_byte = 60.0
# between_bytes = 60.0
# first_token = 60.0
# between_tokens = 60.0
# permit = 30.0                           # waiting for room in the limits below; nobody's fault

# [providers.{name}.circuit]              # when the provider is given a rest
# consecutive = 5                         # so many faults in a row, or
# intensity = 5                           # more than so many faults
# window = 30.0                           # within so many seconds,
# min_calls = 20                          # among at least so many calls,
# rate = 0.5                              # at least this share of them
# backoff = 5.0                           # seconds until the first trial; longer each time
# max_backoff = 300.0
# trials = 1                              # at once

# [providers.{name}.health]               # whether it is back, while its circuit is open
# enabled = true
# interval = 5.0                          # seconds until the first check; the next ones twice as long each
# max_interval = 60.0

# [providers.{name}.transport]
# engine = "callboard"                    # or "httpx", as proxies and HTTP/2 always do
# http2 = false                           # true needs the package h2
# proxy = "http://proxy.example:3128"     # example: none unless given or in the environment; socks5 needs socksio
# use_environment = true                  # whether HTTPS_PROXY, ALL_PROXY, NO_PROXY count
# plain_http = "loopback"                 # or "anywhere"
# allowed_hosts = ["api.example.com"]     # example: all unless given; names, *.names, addresses, networks
# max_connections = 500                   # at least as many as `concurrency` below
# max_idle = 100
# keep_alive = 60.0                       # seconds that an idle connection is kept
# eyeballs_delay = 0.25                   # seconds before the next address is tried as well

# [providers.{name}.transport.tls]
# roots = "certifi"                       # or "system", or "none": ca_file alone
# ca_file = "/path/to/authorities.pem"    # example: further authorities
# client_cert = "/path/to/client.pem"     # example: shown to servers that ask
# client_key = "/path/to/client.key"      # example: where it is not in client_cert
# min_version = "TLSv1.2"                 # or "TLSv1.3"

# [providers.{name}.transport.bounds]     # bytes of one reply
# header = 65536
# body = 67108864                         # as it travels
# decoded = 268435456

# [providers.{name}.limits]               # of the whole account; what its replies tell is learned besides
# concurrency = 512
# ageing = 10.0                           # seconds after which who waits stands one priority higher
# requests_per_second = 20                # example: no limit unless given
# tokens_per_second = 20000               # example: no limit unless given
# requests_per_minute = 500               # example: no limit unless given
# tokens_per_minute = 200000              # example: no limit unless given
# requests_per_day = 10000                # example: no limit unless given
# tokens_per_day = 5000000                # example: no limit unless given

# [providers.{name}.limits.models."gpt-4o"]  # example: what one model has besides
# requests_per_minute = 100
# tokens_per_minute = 50000
# concurrency = 20
"""


def providers_with_keys(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The known providers whose keys are set; the first known one when there is none."""
    found = tuple(name for name, preset in FAMILIAR.items() if environ.get(preset.key_env))
    return found or tuple(FAMILIAR)[:1]


def configuration(providers: Iterable[str]) -> str:
    """The text of a `callboard.toml` in which these known providers are in use."""
    used = tuple(providers)
    accounts = [_account(name, commented=name not in used) for name in FAMILIAR]
    return "\n".join([_HEAD, *accounts, _models(used), _REST, _ACCOUNT.format(name=used[0])])


def environment() -> str:
    """The text of a `.env.example`."""
    lines = [
        "# Copy this to .env and fill it in. Never commit .env.",
        *(f"{one.key_env}=" for one in FAMILIAR.values()),
    ]
    return "\n".join(lines) + "\n"


def _account(name: str, *, commented: bool) -> str:
    lines = (f"[providers.{name}]", f'key_env = "{FAMILIAR[name].key_env}"')
    return "".join(f"{'# ' if commented else ''}{line}\n" for line in lines)


def _models(used: tuple[str, ...]) -> str:
    order = ", ".join(f'"{name}/{FAMILIAR[name].example}"' for name in used)
    return f"[models]                                  # aliases: tried in this order\nfast = [{order}]\n"
