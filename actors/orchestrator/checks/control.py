"""Control characters: everything of Unicode's category Cc but tab, newline and carriage return."""

import re

from callboard.messages.hooks import Sanitiser
from callboard.messages.reply import Reply

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def no_control_characters(reply: Reply) -> str | None:
    """Refuses text that holds one."""
    found = _CONTROL.search(reply.text)
    return None if found is None else f"it holds the control character U+{ord(found[0]):04X} at {found.start()}"


STRIP_CONTROL_CHARACTERS = Sanitiser(lambda text: _CONTROL.sub("", text))
"""Takes them out."""
