"""The public test kit: simulated providers as real HTTP servers on loopback, under Trio.

```python
from callboard.testing import Behaviour, SimulatedProvider

behaviour = Behaviour(latency=(0.01, 0.05), error_rate=0.02)
async with SimulatedProvider("alpha", shape="openai", seed=7, behaviour=behaviour) as provider:
    ...                                            # provider.url == "http://127.0.0.1:PORT/v1"
    provider.behaviour = Behaviour(hang_rate=1)    # holds for the requests that come after
    provider.upcoming.append(Behaviour(error_rate=1, error_statuses=(503,)))  # the next one only
    provider.die()                                 # connections are closed, new ones refused
    provider.revive()                              # back, on the same port
    provider.log                                   # what it served, how each ended, what it bills
```

`await nursery.start(provider.serve)` is the other way in. The same seed gives the same requests the same words and the
same faults, whatever the timing. All waiting is Trio's: under `trio.testing.MockClock` hours pass in no time, and
client and server may share the process. OpenAI's shape serves `/embeddings` and `/images/generations` as well.

`callboard.testing.direct.DirectProvider` is the same without sockets, as an httpx transport: for runs that are too long
for them.
"""

from callboard.testing.anthropic import AnthropicShape
from callboard.testing.behaviour import Behaviour, InjectedFault
from callboard.testing.desk import MODELS
from callboard.testing.openai import OpenAIShape
from callboard.testing.provider import SimulatedProvider
from callboard.testing.served import Outcome, ProviderStatistics, Served
from callboard.testing.shape import Shape

__all__ = [
    "MODELS",
    "AnthropicShape",
    "Behaviour",
    "InjectedFault",
    "OpenAIShape",
    "Outcome",
    "ProviderStatistics",
    "Served",
    "Shape",
    "SimulatedProvider",
]
