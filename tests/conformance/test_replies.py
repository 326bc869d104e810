"""Every recorded reply through the whole runtime, beside readings that do not use its decoders."""

from itertools import islice

import pytest
from tests.conformance import ours, sdks
from tests.conformance.corpus import PROVIDERS, Record, chats, payloads, streamed
from tests.conformance.readings import faults
from tests.conformance.replay import Heard, replayed, waits
from tests.conformance.report import Tally


def answered(record: Record) -> bool:
    """Whether the record is an answer, not a refusal and not an error within a reply of status 200."""
    return record["response"]["status"] == 200 and faults.error_of(record) is None


def by_hand(record: Record) -> Record:
    """The reply by its table of JSON paths."""
    table, came = ours.READINGS[record["api"]], payloads(record)
    read: Record = table.reading(table.merged(came) if len(came) > 1 or streamed(record) else came[0])
    return read


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_reply_is_what_its_json_paths_say(provider: str, tally: Tally) -> None:
    wrong = []
    for record in chats(provider):
        if waits(record):
            tally.waits("replies", provider)
        elif "*" in record["unsure"]:
            tally.excepted("replies", provider)
        elif answered(record):
            heard = replayed(provider)[record["id"]]
            differing = ours.differences(record, heard, lambda record=record: by_hand(record))  # type: ignore[misc]
            tally.judged("replies", provider, differing + torn(record, heard))
            wrong += differing
    assert wrong == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_refusal_is_the_fault_that_it_tells(provider: str, tally: Tally) -> None:
    wrong = []
    for record in chats(provider):
        if waits(record) or answered(record) or "*" in record["unsure"]:
            continue
        error = replayed(provider)[record["id"]].error
        fault = error.attempts[-1].fault if error else None
        want = faults.reading(record)
        got = {name: getattr(fault, name, None) for name in want}
        want["status"] = want["status"] or got["status"]  # within a stream it is implied, if told at all
        differing = [f"{record['id']}: {got} for {want}"] if got != want or not (fault and fault.message) else []
        tally.judged("replies", provider, differing)
        wrong += differing
    assert wrong == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_reply_is_what_the_official_client_reads(provider: str, tally: Tally) -> None:
    wrong = []
    for record in chats(provider):
        if waits(record) or "*" in record["unsure"] or not answered(record):
            continue
        sdks.need(record["api"])
        if record["id"] in sdks.UNREADABLE:
            tally.excepted("official clients", provider)
            continue
        heard = replayed(provider)[record["id"]]
        differing = ours.differences(record, heard, lambda record=record: sdks.reading(record))  # type: ignore[misc]
        tally.judged("official clients", provider, differing)
        wrong += differing
    assert wrong == []


def torn(record: Record, heard: Heard) -> list[str]:
    """What a stream's deltas do not add up to."""
    if heard.reply is None or not streamed(record):
        return []
    reply, deltas = heard.reply, heard.deltas
    wrong = []
    for index, call in enumerate(reply.tool_calls):
        own = [delta for delta in deltas if delta.tool_index == index]
        told = next((delta.tool_id for delta in own), None), "".join(delta.tool_name or "" for delta in own)
        arguments = "".join(delta.arguments for delta in own) or "{}"
        wrong += [f"{record['id']} call {index}"] * ((*told, arguments) != (call.id, call.name, call.arguments))
    wrong += [f"{record['id']} text"] * ("".join(delta.text for delta in deltas) != reply.text)
    return wrong + [f"{record['id']} thinking"] * ("".join(delta.thinking for delta in deltas) != reply.thinking)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_streams_deltas_add_up_to_its_reply(provider: str) -> None:
    records = [record for record in chats(provider) if not waits(record)]
    assert [line for record in records for line in torn(record, replayed(provider)[record["id"]])] == []


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_reply_is_the_same_however_it_was_compressed(coding: str) -> None:
    for provider in ("groq", "cohere"):
        plain, compressed = replayed(provider), replayed(provider, coding)
        for record in islice(chats(provider), 40):
            if not waits(record) and plain[record["id"]].reply is not None:
                assert said(compressed[record["id"]]) == said(plain[record["id"]]), record["id"]


def said(heard: Heard) -> Record:
    """What the call gave, less ids and times."""
    assert heard.reply is not None
    return ours.reading(heard.reply)
