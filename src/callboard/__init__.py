"""An embedded, supervised runtime for calling many language models from long-running Python programs."""

__version__ = "0.1.0"
