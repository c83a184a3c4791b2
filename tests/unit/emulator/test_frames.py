import struct

import pytest

from bot.emulator.frames import framed


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"), (125, b"\x81\x7d"), (126, b"\x81\x7e" + struct.pack("!H", 126)),
        (65_535, b"\x81\x7e\xff\xff"), (65_536, b"\x81\x7f" + struct.pack("!Q", 65_536)),
    ],
)  # fmt: skip
def test_the_header_is_that_of_an_unmasked_text_frame(size: int, header: bytes) -> None:
    assert framed(b"x" * size) == header + b"x" * size
