"""Files of text, plain or packed: csv, gz, or a zip with one csv in it."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bot.domain.errors import Misconfigured


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a file as text, whatever it is packed in; say in one line why it cannot be read."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8") as text:
                yield text
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as packed:
                members = [name for name in packed.namelist() if name.endswith(".csv")]
                if len(members) != 1:
                    raise Misconfigured(f"{path}: holds {len(members)} csv files; it has to hold one")
                with packed.open(members[0]) as raw:
                    yield io.TextIOWrapper(raw, encoding="utf-8")
        else:
            with path.open(encoding="utf-8") as text:
                yield text
    except FileNotFoundError as error:
        raise Misconfigured(f"{path}: no such file") from error
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, UnicodeDecodeError, RuntimeError) as error:
        raise Misconfigured(f"{path}: cannot be read ({error}); fetch it again") from error


def first_line(path: Path) -> str:
    """Give the first line of a file that is not empty; an empty text when there is none."""
    with open_text(path) as lines:
        return next((line.strip() for line in lines if line.strip()), "")
