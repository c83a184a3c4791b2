"""A WebSocket text frame as a server writes it: made once, it goes to any number of connections as it is."""

from struct import pack

_SHORT, _MEDIUM = 126, 1 << 16
_FINAL_TEXT = 0x81


def framed(text: bytes) -> bytes:
    """Put the header of an unmasked, unfragmented text frame before a text."""
    size = len(text)
    if size < _SHORT:
        return pack("!BB", _FINAL_TEXT, size) + text
    if size < _MEDIUM:
        return pack("!BBH", _FINAL_TEXT, 126, size) + text
    return pack("!BBQ", _FINAL_TEXT, 127, size) + text


def unframed(frame: bytes) -> bytes:
    """Give the text of a frame that `framed` made."""
    size = frame[1]
    return frame[2 if size < _SHORT else 4 if size == _SHORT else 10 :]
