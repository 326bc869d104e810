from callboard.actors.wires.wire import Encoded


def test_what_an_encoded_request_says_of_itself_keeps_headers_and_words_back() -> None:
    encoded = Encoded("POST", "/chat/completions", {"x-auth": "sk-secret"}, b"my words" * 1_000)
    assert repr(encoded) == "Encoded(POST /chat/completions, 1 headers, 8,000 bytes)"
