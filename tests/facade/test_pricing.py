"""Which price book a configuration has."""

from decimal import Decimal
from pathlib import Path

from callboard.config import read
from callboard.messages.usage import Usage
from callboard.spec import price_book


def test_accounts_at_openais_regional_addresses_pay_a_tenth_more_for_newer_models(tmp_path: Path) -> None:
    file = tmp_path / "callboard.toml"
    file.write_text(
        """
        [providers.openai]
        [providers.eu]
        preset = "openai"
        base_url = "https://EU.api.openai.com/v1/"
        [providers.usual]
        preset = "openai"
        base_url = "https://api.openai.com/v1"
        """
    )
    book = price_book(read(file, {"OPENAI_API_KEY": "k"}))
    told = {name: book(name, "gpt-6-sol", Usage(input=1_000)) for name in ("openai", "eu", "usual")}
    usual = told["openai"]
    assert usual is not None
    assert told == {"openai": usual, "eu": usual * Decimal("1.1"), "usual": usual}
