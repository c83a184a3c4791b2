import struct

import pytest

from bot.emulator.frames import framed, unframed


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"), (125, b"\x81\x7d"), (126, b"\x81\x7e" + struct.pack("!H", 126)),
        (65_535, b"\x81\x7e\xff\xff"), (65_536, b"\x81\x7f" + struct.pack("!Q", 65_536)),
    ],
)  # fmt: skip
def test_the_header_is_that_of_an_unmasked_text_frame(size: int, header: bytes) -> None:
    assert framed(b"x" * size) == header + b"x" * size


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_the_text_of_a_frame_is_found_again(size: int) -> None:
    assert unframed(framed(b"x" * size)) == b"x" * size
