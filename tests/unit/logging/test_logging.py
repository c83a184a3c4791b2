import asyncio
import gzip
import io
import json
import logging
import multiprocessing
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.domain.errors import Misconfigured
from bot.logging import GzipRotatingFile, Logs, register_secret, setup_logging
from bot.security.redact import MASK

CANARY = "canary/9f2c+log-secret"
DAY = 86_400.0
NOON = 1_760_000_000 // 86_400 * 86_400 + 43_200.0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Logs]]:
    started: list[Logs] = []

    def begin(**values: Any) -> Logs:
        # The test runner's own handlers raise for a wrong log call. It puts them back before the next test.
        for handler in list(logging.getLogger().handlers):
            if type(handler).__module__.startswith("_pytest"):
                logging.getLogger().removeHandler(handler)
        started.append(setup_logging(tmp_path, **{"console": False, **values}))
        return started[-1]

    yield begin
    for logs in started:
        logs.stop()
    structlog.reset_defaults()
    logging.getLogger().setLevel(logging.WARNING)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def everything(folder: Path, name: str = "bot.log") -> list[str]:
    old = sorted(folder.glob(f"{name}.*.gz"))
    texts = [gzip.decompress(path.read_bytes()).decode() for path in old]
    return "".join([*texts, (folder / name).read_text()]).splitlines()


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, text, None, None)


def test_structlog_and_the_standard_library_end_in_the_same_json_lines(start: Callable[..., Logs]) -> None:
    logs = start()
    structlog.get_logger("bot.engine").info("order.sent", price=Decimal("1.20"), symbol="BTCUSDT", path=Path("x"))
    logging.getLogger("aiohttp").warning("slow by %d ms", 30)
    logs.stop()
    ours, theirs = lines(logs.path)
    assert datetime.fromisoformat(ours.pop("time")).tzinfo is not None
    assert ours == {
        "level": "info",
        "logger": "bot.engine",
        "event": "order.sent",
        "price": "1.20",
        "symbol": "BTCUSDT",
        "path": "x",
    }
    assert (theirs["level"], theirs["logger"], theirs["event"]) == ("warning", "aiohttp", "slow by 30 ms")


def test_the_level_holds_for_both_ways_in(start: Callable[..., Logs]) -> None:
    logs = start(level="WARNING")
    logs.logger.info("quiet.one")
    logging.getLogger("x").info("quiet two")
    logs.logger.warning("loud.one")
    logging.getLogger("x").error("loud two")
    logs.stop()
    assert [line["event"] for line in lines(logs.path)] == ["loud.one", "loud two"]


def test_lines_also_go_to_the_console(start: Callable[..., Logs], capsys: pytest.CaptureFixture[str]) -> None:
    logs = start(console=True)
    logs.logger.info("bot.started")
    logs.stop()
    shown = capsys.readouterr()
    assert json.loads(shown.err)["event"] == "bot.started"
    assert shown.out == ""
    assert logs.path.read_text() == shown.err


def test_a_closed_console_stops_nothing(start: Callable[..., Logs], monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    logs = start(console=True)
    closed.close()
    logs.logger.info("still.here")
    logs.stop()
    assert [line["event"] for line in lines(logs.path)] == ["still.here"]


def test_bound_context_appears_in_the_line(start: Callable[..., Logs]) -> None:
    logs = start()
    with structlog.contextvars.bound_contextvars(account="main"):
        logs.logger.info("account.ready")
    logs.stop()
    written = lines(logs.path)
    assert [line.get("account") for line in written] == ["main"], written


def planted_failures(log: Any) -> None:
    """Let the secret fall into the log in every way a careless line could."""
    hidden = CANARY
    log.info(f"text with {CANARY}")
    log.info("value", note=CANARY, deep={"list": [{"inner": CANARY}]}, api_secret="other", mixed={CANARY: 1})
    log.info("value %s", CANARY)
    log.info("object", thing=ValueError(CANARY), raw=CANARY.encode())
    logging.getLogger("x").warning("args %s", {"a": CANARY})
    logging.getLogger("x").warning("too many %d", CANARY)
    logging.getLogger("x").warning("extra", extra={"note": CANARY}, stack_info=True)
    for logged in (log.exception, logging.getLogger("x").exception):
        try:
            try:
                {}[hidden]
            except KeyError as error:
                raise RuntimeError(f"signature=abcdef123&{CANARY}") from error
        except RuntimeError:
            logged("failed")


def test_a_planted_secret_reaches_no_line(start: Callable[..., Logs], capsys: pytest.CaptureFixture[str]) -> None:
    register_secret(CANARY)
    logs = start(console=True)
    planted_failures(logs.logger)
    logs.stop()
    shown = capsys.readouterr()
    written = logs.path.read_text() + shown.err + shown.out
    assert len(lines(logs.path)) == 9
    for hidden in (CANARY, CANARY.encode().hex(), "other", "abcdef123", "canary%2F9f2c", "9f2c+log"):
        assert hidden not in written
    assert MASK in written


def _fail(value: object) -> None:
    raise ValueError(value)


def test_a_password_that_is_an_ordinary_word_leaves_the_shape_of_a_line(start: Callable[..., Logs]) -> None:
    register_secret("logger")
    register_secret("account")
    logs = start()
    logs.logger.info("order.sent", account="main", note="my account")
    logs.stop()
    [line] = lines(logs.path)
    assert (line["logger"], line["account"], line["note"]) == ("bot", "main", f"my {MASK}")


def test_tracebacks_show_no_local_variables(start: Callable[..., Logs]) -> None:
    logs = start()
    unregistered = "never-registered-" + "local"
    try:
        _fail(len(unregistered))
    except ValueError:
        logs.logger.exception("failed")
    logs.stop()
    text = logs.path.read_text()
    assert "ValueError: 22" in text
    assert "never-registered-local" not in text


def test_a_log_call_that_cannot_be_rendered_says_where_it_stands(start: Callable[..., Logs]) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    logs = start()
    logging.getLogger("x").warning("count %d", "three")
    logs.logger.info("thing", thing=Broken())
    logs.logger.info("half a letter \udc80", number=float("nan"))
    logs.stop()
    first, second, third = lines(logs.path)
    assert first["event"] == second["event"] == "log.unrenderable"
    assert first["where"].startswith("test_logging:")
    assert third["event"] == "half a letter \udc80"


def test_a_line_break_in_a_message_starts_no_new_line(start: Callable[..., Logs]) -> None:
    logs = start()
    logs.logger.info('name\n{"event":"forged"}')
    logs.stop()
    assert len(logs.path.read_text().splitlines()) == 1


def test_warnings_of_libraries_are_logged(start: Callable[..., Logs]) -> None:
    logs = start()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old api", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    logs.stop()
    assert "old api" in lines(logs.path)[0]["event"]


def test_setting_up_again_takes_over_without_doubling_lines(start: Callable[..., Logs]) -> None:
    start()
    logs = start()
    logs.logger.info("once")
    logs.stop()
    logs.stop()
    assert len(lines(logs.path)) == 1


async def test_the_event_loop_never_waits_for_a_stalled_disk(
    start: Callable[..., Logs], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    real = GzipRotatingFile.emit

    def stalled(self: GzipRotatingFile, line: logging.LogRecord) -> None:
        gate.wait(10)
        real(self, line)

    monkeypatch.setattr(GzipRotatingFile, "emit", stalled)
    logs = start(queue_lines=100)
    for number in range(300):
        logs.logger.info("tick", number=number)
        await asyncio.sleep(0)
    assert logs.dropped >= 199
    dropped = logs.dropped
    gate.set()
    logs.stop()
    written = lines(logs.path)
    told = [line["lines"] for line in written if line["event"] == "log.dropped"]
    assert sum(told) == dropped
    assert len([line for line in written if line["event"] == "tick"]) == 300 - dropped


def test_by_size_exactly_the_wanted_files_are_kept_all_gzipped(tmp_path: Path) -> None:
    file = GzipRotatingFile(tmp_path / "bot.log", "SIZE", 1_000, 14)
    for number in range(1_000):
        file.emit(record(f"line {number:04d} {'x' * 20}"))
    file.close()
    old = [path.name for path in tmp_path.glob("bot.log.*")]
    assert len(old) == 14
    assert all(name.endswith(".gz") for name in old)
    kept = everything(tmp_path)
    per_file = 1_000 // len("line 0000 " + "x" * 20 + "\n")
    # The newest lines, without a hole: fourteen full files and the current one.
    assert len(kept) > 14 * per_file
    assert [int(line.split()[1]) for line in kept] == list(range(1_000 - len(kept), 1_000))
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.glob("bot.log"))


def test_no_line_is_lost_while_all_old_files_are_kept(tmp_path: Path) -> None:
    file = GzipRotatingFile(tmp_path / "bot.log", "SIZE", 2_000, 3_000)
    for number in range(2_000):
        file.emit(record(f"line {number:04d}"))
    file.close()
    assert everything(tmp_path) == [f"line {number:04d}" for number in range(2_000)]


def test_a_new_day_puts_yesterday_away_under_its_name(tmp_path: Path) -> None:
    moment = [NOON]
    file = GzipRotatingFile(tmp_path / "bot.log", "DAILY", 1, 3, now=lambda: moment[0])
    for day in range(6):
        moment[0] = NOON + day * DAY
        file.emit(record(f"noon of day {day}"))
        moment[0] = NOON + day * DAY + 43_199.9
        file.emit(record(f"last moment of day {day}"))
    file.close()
    old = sorted(path.name for path in tmp_path.glob("bot.log.*"))
    names = [datetime.fromtimestamp(NOON + day * DAY, UTC).strftime("%Y-%m-%d") for day in (2, 3, 4)]
    assert old == [f"bot.log.{name}-0001.gz" for name in names]
    assert gzip.decompress((tmp_path / old[0]).read_bytes()).decode() == "noon of day 2\nlast moment of day 2\n"
    assert everything(tmp_path)[-1] == "last moment of day 5"


def test_yesterdays_file_is_put_away_by_the_first_line_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "bot.log").write_text("yesterday\n")
    os.utime(tmp_path / "bot.log", (NOON, NOON))
    file = GzipRotatingFile(tmp_path / "bot.log", "DAILY", 1, 3, now=lambda: NOON + DAY)
    file.emit(record("today"))
    file.close()
    assert (tmp_path / "bot.log").read_text() == "today\n"
    assert everything(tmp_path) == ["yesterday", "today"]


def test_what_a_killed_process_left_half_done_is_finished(tmp_path: Path) -> None:
    (tmp_path / "bot.log.2026-01-02-0001").write_text("put away, not gzipped\n")
    (tmp_path / "bot.log.2026-01-02-0001.gz.part").write_bytes(b"half")
    (tmp_path / "bot.log.notes").write_text("not ours")
    GzipRotatingFile(tmp_path / "bot.log", "DAILY", 1, 3).close()
    assert gzip.decompress((tmp_path / "bot.log.2026-01-02-0001.gz").read_bytes()) == b"put away, not gzipped\n"
    assert sorted(path.name for path in tmp_path.glob("bot.log.*")) == ["bot.log.2026-01-02-0001.gz", "bot.log.notes"]


def test_only_we_may_read_the_logs(tmp_path: Path) -> None:
    file = GzipRotatingFile(tmp_path / "log" / "bot.log", "SIZE", 10, 3)
    for number in range(3):
        file.emit(record(f"line {number}"))
    file.close()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "log").iterdir()}
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_survived_counted_and_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = GzipRotatingFile(tmp_path / "bot.log", "SIZE", 10_000, 3)
    file.emit(record("before"))
    real = os.write
    monkeypatch.setattr("bot.logging.os.write", lambda descriptor, data: real(descriptor, data[:3]))
    file.emit(record("torn in the middle"))

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bot.logging.os.write", full)
    file.emit(record("lost"))
    monkeypatch.setattr("bot.logging.os.write", real)
    file.emit(record("after"))
    file.close()
    assert file.failed == 2
    before, torn, notice, after = (tmp_path / "bot.log").read_text().splitlines()
    assert (before, torn, after) == ("before", "tor", "after")
    assert json.loads(notice)["lines"] == 2


def test_when_the_old_file_cannot_be_gzipped_lines_go_on_and_it_is_done_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("bot.logging.shutil.copyfileobj", full)
        file = GzipRotatingFile(tmp_path / "bot.log", "SIZE", 30, 30)
        for number in range(12):
            file.emit(record(f"line {number:04d}"))
    file.emit(record("line 0012"))
    file.emit(record("line 0013"))
    file.emit(record("line 0014"))
    file.close()
    assert file.failed == 0
    assert everything(tmp_path) == [f"line {number:04d}" for number in range(15)]
    assert all(path.suffix == ".gz" for path in tmp_path.glob("bot.log.*"))


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    file = GzipRotatingFile(tmp_path / "file" / "bot.log", "DAILY", 1, 1)
    file.emit(record("lost"))
    file.close()
    assert file.failed == 2


def test_a_folder_that_cannot_be_written_to_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "log"):
        with pytest.raises(Misconfigured, match="give LOG_DIR a folder"):
            setup_logging(folder)


def test_a_disk_that_is_full_from_the_start_stops_nothing(
    start: Callable[..., Logs], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("bot.logging.os.open", full)
        logs = start()
        logs.logger.info("lost")
        logs.stop()
    assert logs.failed == 2


def write_many(folder: str, who: int) -> None:
    file = GzipRotatingFile(Path(folder) / "bot.log", "SIZE", 2_000, 3_000)
    for number in range(200):
        file.emit(record(f"{who} {number:04d} {'x' * 20}"))
    file.close()


def test_two_processes_on_one_file_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        writers = [context.Process(target=write_many, args=(str(tmp_path), who)) for who in range(2)]
        for writer in writers:
            writer.start()
    for writer in writers:
        writer.join(30)
    written = everything(tmp_path)
    assert len(written) == 400
    for who in range(2):
        mine = [line for line in written if line.startswith(f"{who} ")]
        assert sorted(mine) == [f"{who} {number:04d} {'x' * 20}" for number in range(200)]


def test_a_line_costs_the_event_loop_little(start: Callable[..., Logs]) -> None:
    logs = start(queue_lines=5_000)
    began = time.thread_time()
    for number in range(500):
        logs.logger.info("candle.closed", symbol="BTCUSDT", close="65000.10", number=number)
    assert (time.thread_time() - began) / 500 < 0.002
