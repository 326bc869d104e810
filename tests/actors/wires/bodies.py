"""Good bodies of every wire, small and with all that it knows of: seeds for what spoils them.

Each body stays on one line, so that it can be seen as it is sent.
"""
# ruff: noqa: E501

from typing import Any

Json = dict[str, Any]

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
OPENAI_USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
GEMINI = {
    "candidates": [
        {
            "content": {"parts": [{"text": "hm", "thought": True, "thoughtSignature": "c2ln"}, {"text": "hi"}, {"functionCall": {"name": "f", "args": {"a": 1}}}]},
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 1},
    "responseId": "r",
}  # fmt: skip
COHERE_END = {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}, "billed_units": {"input_tokens": 1}}}  # fmt: skip
PLAIN: dict[str, Json] = {
    "openai": {
        "id": "r",
        "choices": [{"index": 0, "message": {"content": "hi", "reasoning_content": "hm", "tool_calls": [CALL]}, "finish_reason": "stop"}],
        "usage": OPENAI_USAGE,
    },
    "responses": {
        "id": "r",
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "x"},
            {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "completions": {"id": "r", "choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}], "usage": OPENAI_USAGE},
    "anthropic": {
        "id": "r",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 1},
    },
    "gemini": GEMINI,
    "vertex": {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": 1}]},
    "cohere": {
        "id": "r",
        "message": {"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}], "tool_plan": "f", "tool_calls": [CALL], "citations": [{"start": 0}]},
        **COHERE_END,
    },
    "cohere-v1": {"response_id": "r", "text": "hi", "tool_calls": [{"name": "f", "parameters": {}}], "finish_reason": "COMPLETE", "meta": {"tokens": {"input_tokens": 3}}},
    "ollama": {
        "message": {"content": "hi", "thinking": "hm", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2, "created_at": "now",
    },
    "ollama-generate": {"response": "hi", "thinking": "hm", "done": True, "done_reason": "stop", "context": [1], "eval_count": 2},
}  # fmt: skip
STREAMED: dict[str, list[Json]] = {
    "openai": [
        {"id": "r", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi", "reasoning_content": "hm"}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **CALL}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}, "finish_reason": "stop"}]},
        {"choices": [], "usage": OPENAI_USAGE},
        {"error": {"message": "late", "code": 500}},
    ],
    "responses": [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m"}},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "hi"},
        {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "call_id": "c", "name": "f"}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"},
        {"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}},
        {"type": "response.completed", "response": PLAIN["responses"]},
        {"type": "error", "code": "server_error", "message": "late"},
    ],
    "completions": [{"choices": [{"index": 0, "text": "hi"}]}, PLAIN["completions"]],
    "anthropic": [
        {"type": "message_start", "message": {"id": "r", "usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "c", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
        {"type": "error", "error": {"type": "overloaded_error", "message": "late"}},
    ],
    "gemini": [GEMINI, GEMINI, {"promptFeedback": {"blockReason": "SAFETY"}}, {"error": {"code": 503, "message": "late"}}],
    "vertex": [PLAIN["vertex"], GEMINI],
    "cohere": [
        {"type": "message-start", "id": "r"},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "hi"}}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "f"}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": CALL}}},
        {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": " "}}}}},
        {"type": "citation-start", "delta": {"message": {"citations": {"start": 0}}}},
        {"type": "message-end", "delta": COHERE_END},
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "late", "error_type": "x"}},
    ],
    "cohere-v1": [
        {"event_type": "stream-start", "generation_id": "g"},
        {"event_type": "text-generation", "text": "hi"},
        {"event_type": "tool-calls-generation", "text": "f", "tool_calls": [{"name": "f", "parameters": {"a": 1}}]},
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": PLAIN["cohere-v1"]},
        {"event_type": "stream-end", "finish_reason": "ERROR", "error": "late"},
    ],
    "ollama": [{"message": {"content": "hi"}}, {"message": {"thinking": "hm"}}, PLAIN["ollama"], {"error": "late"}],
    "ollama-generate": [{"response": "hi"}, {"thinking": "hm"}, PLAIN["ollama-generate"], {"error": "late"}],
}  # fmt: skip
LISTS: list[Json] = [
    {"data": [{"id": "m", "context_length": 8, "embedding": [0.5], "index": 0, "b64_json": "eA==", "url": "u"}], "usage": OPENAI_USAGE},
    {"models": [{"name": "m", "model": "m", "inputTokenLimit": 8}], "publisherModels": [{"name": "m"}]},
    {"name": "m", "context_length": 8},
    {"embeddings": [[0.5, 1]], "prompt_eval_count": 1, "meta": {"billed_units": {"input_tokens": 1}}},
    {"embeddings": {"float": [[0.5]], "int8": [[1]]}, "meta": {"billed_units": {"image_tokens": 1}}},
    {"embeddings": [{"values": [0.5]}], "embedding": {"values": [1]}, "predictions": [{"embeddings": {"values": [1]}}]},
    {"results": [{"index": 0, "relevance_score": 0.5}], "id": "r", "meta": {"billed_units": {"search_units": 1}}},
    GEMINI,
]  # fmt: skip
FAULTS: list[Json] = [
    {"error": {"message": "no", "type": "t", "code": "rate_limit_exceeded", "param": None}},
    {"type": "error", "error": {"type": "rate_limit_error", "message": "no", "details": {"error_code": "enforced_spend_limit_reached"}}, "request_id": "r"},
    {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "no", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}, {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "xPerDay"}]}]}},
    {"id": "r", "message": "no"},
    {"error": "no", "detail": [{"msg": "no"}], "code": "x"},
]  # fmt: skip
REQUESTS: list[Json] = [
    {
        "model": "m", "stream": True, "temperature": 0.5, "stop": ["x"], "options": {"num_predict": 1}, "think": "low", "format": "json",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}]},
            {"role": "user", "content": "hi", "images": ["eA=="]},
            {"role": "assistant", "content": "", "tool_calls": [CALL], "thinking": "hm", "tool_plan": "f"},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}, {"type": "thinking", "thinking": "hm", "signature": "s"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "1"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": "auto", "response_format": {"type": "json_object"}, "thinking": {"type": "enabled", "token_budget": 1},
    },
    {"model": "m", "message": "hi", "chat_history": [{"role": "User", "message": "a"}], "prompt": "hi", "system": "s"},
    {"model": "m", "input": [{"role": "user", "content": "hi"}, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "1"}], "text": {"format": {"type": "json_object"}}},
    {"contents": [{"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "eA=="}}]}], "generationConfig": {"temperature": 1}, "tools": [{"functionDeclarations": [{"name": "f"}]}]},
]  # fmt: skip

SECRET = "0PAQUE"
"""What stands for all that is opaque; in base64 `MFBBUVVF`."""

SIGNED: dict[str, Json] = {
    "openai": {"choices": [{"message": {"content": "hi", "reasoning_content": "hm", "tool_calls": [
        {"id": "call-1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]}, "finish_reason": "tool_calls"}]},
    "responses": {"id": "r", "status": "completed", "output": [
        {"type": "reasoning", "id": f"rs_{SECRET}", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": SECRET},
        {"type": "web_search_call", "id": f"ws_{SECRET}", "status": "completed"},
        {"type": "message", "id": f"m_{SECRET}", "role": "assistant", "content": [{"type": "output_text", "text": "hi", "annotations": [{"type": "file_citation", "file_id": SECRET}]}]},
        {"type": "function_call", "id": f"fc_{SECRET}", "call_id": "call-1", "name": "f", "arguments": '{"a": 1}'}]},
    "anthropic": {"content": [
        {"type": "thinking", "thinking": "hm", "signature": SECRET},
        {"type": "redacted_thinking", "data": SECRET},
        {"type": "server_tool_use", "id": f"s_{SECRET}", "name": "web_search", "input": {}},
        {"type": "text", "text": "hi", "citations": [{"encrypted_index": SECRET}]},
        {"type": "tool_use", "id": "call-1", "name": "f", "input": {"a": 1}}], "stop_reason": "tool_use"},
    "gemini": {"candidates": [{"content": {"parts": [
        {"text": "hm", "thought": True, "thoughtSignature": "MFBBUVVF"},
        {"text": "hi"},
        {"executableCode": {"language": "PYTHON", "code": SECRET}},
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "MFBBUVVF"}]}, "finishReason": "STOP"}]},
    "cohere": {"message": {"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}], "tool_plan": SECRET, "tool_calls": [
        {"id": "call-1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]}, "finish_reason": "TOOL_CALL", "usage": {}},
    "ollama": {"message": {"content": "hi", "thinking": "hm", "tool_calls": [
        {"function": {"index": 0, "name": "f", "arguments": {"a": 1}}}]}, "done": True, "done_reason": "stop"},
}  # fmt: skip
"""A reply of each with all that is opaque in its protocol, spelt so that it can be found; and one call."""
