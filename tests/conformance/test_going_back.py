"""What a recorded reply sends back when the conversation goes on: signatures, encrypted reasoning, blocks of the
provider's own."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.conformance.corpus import PROVIDERS, Record, chats, payloads, streamed
from tests.conformance.readings import anthropic, responses
from tests.conformance.replay import NATIVE, PRESETS, account, replayed

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire
from callboard.messages.chat import user
from callboard.messages.request import Request
from callboard.messages.validate import check

OWN_ITEMS = ("message", "reasoning", "function_call")


def went_back(api: str, wire: Callable[[Record], Wire]) -> Iterator[tuple[Record, Record]]:
    """Each record of an API that was answered, with the body of the next request."""
    for provider in PROVIDERS:
        for record in chats(provider):
            if record["api"] != api or "*" in record["unsure"]:
                continue
            reply = replayed(provider)[record["id"]].reply
            if reply is not None:
                model = reply.model or "m"
                request = Request(model=model, messages=(user("hi"), reply.message, user("on")))
                check(request)
                yield record, json.loads(wire(record).encode(request, model, stream=False).body)


def spoken(record: Record) -> str:
    """What the wire of its account is called: after the preset."""
    return record["vendor"] if record["vendor"] in PRESETS else NATIVE[record["api"]]


def chat_of(record: Record) -> OpenAIChat:
    """As its account speaks it: what a server that is not known by its name has signed is that account's own."""
    return OpenAIChat(spoken(record), account=None if record["vendor"] in PRESETS else account(record))


def whole(record: Record, table: Any) -> Record:
    """The plain reply, by hand."""
    came = payloads(record)
    found: Record = table.merged(came) if streamed(record) else came[0]
    return found


def test_anthropics_blocks_go_back_as_they_came() -> None:
    replayed_kinds = set()
    for record, body in went_back("messages", lambda record: AnthropicMessages()):
        came = [block_essence(block) for block in whole(record, anthropic)["content"] if block.get("text", "…").strip()]
        sent = [block_essence(block) for turn in body["messages"][1:-1] for block in turn["content"]]
        assert sent == came, record["id"]
        replayed_kinds |= {block["type"] for block in came}
    assert {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use"} <= replayed_kinds


def block_essence(block: Record) -> Record:
    """What makes the block; a stream's signature comes in a delta that the table leaves out."""
    names = ("type", "text", "thinking", "data", "id", "name", "input")
    return {name: block[name] for name in names if name in block}


def test_geminis_signatures_go_back_on_the_parts_that_they_came_on() -> None:
    signed = 0
    for api in ("generateContent", "streamGenerateContent"):
        for record, body in went_back(api, lambda record: Gemini(spoken(record))):
            if "tool_calls" in record["unsure"]:
                continue
            candidates = [one for chunk in payloads(record) for one in chunk["candidates"]]
            came = [part for one in candidates for part in one["content"].get("parts", []) if part != {"text": ""}]
            back = [part for content in body["contents"][1:-1] for part in content["parts"]]
            assert joined(back) == joined(came), record["id"]
            signed += sum("thoughtSignature" in part for part in back)
    assert signed > 80


def joined(parts: list[Record]) -> list[Record]:
    """Consecutive pieces of plain text as one; calls with the arguments that they left out."""
    together: list[Record] = []
    for came in parts:
        call = {"functionCall": {"args": {}} | came["functionCall"]} if "functionCall" in came else {}
        part = came | call
        if together and "text" in part and part.keys() <= {"text", "thought", "thoughtSignature"}:
            last = together[-1]
            if last.keys() == part.keys() - {"thoughtSignature"} and part["text"]:
                together[-1] = part | {"text": last["text"] + part["text"]}
                continue
        together.append(part)
    return together


def test_a_responses_items_go_back_as_they_came() -> None:
    kinds = set()
    for record, body in went_back("responses", lambda record: OpenAIResponses(spoken(record), account=account(record))):
        came = [item_essence(item) for item in whole(record, responses)["output"] if worth_sending(item)]
        assert [item_essence(item) for item in body["input"][1:-1]] == came, record["id"]
        kinds |= {item.get("type", "message") for item in body["input"][1:-1]}
    assert {"message", "reasoning", "function_call", "web_search_call", "mcp_call"} <= kinds


def worth_sending(item: Record) -> bool:
    """An answer without text is not sent, nor reasoning whose content stayed with the server."""
    if item["type"] == "message":
        return any(block.get("text") for block in item["content"])
    return item["type"] != "reasoning" or bool(item.get("encrypted_content") or item.get("content"))


def item_essence(item: Record) -> Record:
    """What makes the item; encrypted reasoning is written anew for each of a stream's tellings."""
    kind = item.get("type", "message")
    if kind == "message":
        return {"phase": item.get("phase"), "content": [(block["type"], block["text"]) for block in item["content"]]}
    if kind not in OWN_ITEMS:
        return item
    names = ("type", "summary", "content", "call_id", "name", "arguments", "namespace")
    kept = {name: item[name] for name in names if item.get(name)}
    return kept | {"encrypted": bool(item.get("encrypted_content"))}


def test_openrouters_reasoning_details_go_back_as_they_came() -> None:
    seen = 0
    for record, body in went_back("chat_completions", chat_of):
        if record["stream"] or '"reasoning_details"' not in record["response"]["body"]:
            continue
        came = payloads(record)[0]["choices"][0]["message"]["reasoning_details"]
        said = [{name: value for name, value in detail.items() if value is not None} for detail in came]
        assert body["messages"][1].get("reasoning_details", []) == said, record["id"]
        seen += bool(said)
    assert seen > 3
