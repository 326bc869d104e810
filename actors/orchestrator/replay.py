"""A reply that is there already, as a stream."""

from collections.abc import Iterator

from callboard.messages.chat import RefusalPart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer, Delta, Reply


def deltas(answer: Answer | Reply) -> Iterator[Delta]:
    """One delta for each part that a stream can carry."""
    tools = 0
    for part in answer.parts:
        match part:
            case TextPart(text=text) if text:
                yield Delta(text=text)
            case ThinkingPart(text=text) if text:
                yield Delta(thinking=text)
            case RefusalPart(text=text) if text:
                yield Delta(refusal=text)
            case ToolCallPart():
                yield Delta(tool_index=tools, tool_id=part.id, tool_name=part.name, arguments=part.arguments)
                tools += 1
            case _:
                pass
