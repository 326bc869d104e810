"""What the cache has kept for one call."""

from callboard.actors.orchestrator.kept import kept_entry, kept_vectors
from callboard.actors.orchestrator.key import cache_key, reads, writes
from callboard.actors.orchestrator.means import Means
from callboard.actors.orchestrator.story import Story
from callboard.messages.caching import CacheReader, Entry
from callboard.messages.calls import Candidate
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.reply import Receipt
from callboard.messages.request import Request, Work
from callboard.runtime.actor import Me


class Lookup:
    """Makes the keys, each once, and the replies of what is found under them."""

    def __init__(self, request: Work, story: Story, means: Means, me: Me) -> None:
        self._request = request
        self.reads = reads(request)
        self.writes = writes(request)
        self._story = story
        self._means = means
        self._me = me
        self._keys: dict[Candidate, bytes] = {}
        self._missed: dict[bytes, int] = {}
        """What was not there, and which entry was the latest then."""

    def key(self, candidate: Candidate) -> bytes:
        """The cache's key of what is asked, at this candidate."""
        key = self._keys.get(candidate)
        if key is None:
            key = self._keys[candidate] = cache_key(self._request, candidate)
        return key

    @property
    def ended(self) -> int:
        """How many fills had ended by now; to be read before it is looked for what they brought.

        None for texts to embed that may be answered from the cache: what a fill has just brought them is a hit that is
        yet to be kept.
        """
        if self._story.batches is not None and self.reads and self._request.cache.max_age != 0:
            return 0
        reader: CacheReader | None = self._means.cache.snapshot if self.writes else None
        return 0 if reader is None else reader.ended

    def at_once(self) -> Receipt | None:
        """The reply kept from the candidate that would be asked first, if that one takes calls now."""
        request, means = self._request, self._means
        if not (self.reads and isinstance(request, Request)):
            return None
        now = self._me.now()
        plan, unfit = means.planned(request, now)
        if plan.skipped or unfit or not plan.candidates:
            return None
        key = self.key(plan.candidates[0])
        entry = self._entry(key)
        return None if entry is None else self._reply(entry, key, now)

    async def at(self, candidate: Candidate, key: bytes) -> Receipt | None:
        """The reply kept from this candidate, or put together from the vectors that are."""
        request, story = self._request, self._story
        if story.batches is not None and isinstance(request, EmbeddingRequest):
            reader = self._means.cache.latest
            answer = await kept_vectors(reader, request, story.batches, candidate, self._me.utc())
            if answer is None:
                return None
            return story.reply(answer, candidate, self._me.now(), cached=True, shared=False)
        entry = self._entry(key)
        return None if entry is None else self._reply(entry, key, self._me.now())

    def _entry(self, key: bytes) -> Entry | None:
        """What was not there is looked for again only if something has been kept since."""
        reader: CacheReader | None = self._means.cache.latest
        if reader is None or self._missed.get(key) == reader.latest:
            return None
        entry = kept_entry(reader, self._request, key, self._me.utc())
        if entry is None:
            self._missed[key] = reader.latest
        return entry

    def _reply(self, entry: Entry, key: bytes, now: int) -> Receipt:
        candidate = Candidate(entry.provider, entry.model)
        return self._story.reply(entry.answer, candidate, now, cached=True, shared=False, key=key)
