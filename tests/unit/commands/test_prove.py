"""`bot prove`: what it answers to people and programs."""

import json

import pytest
import typer

from bot.commands import prove as command
from bot.commands.output import ExitCode
from bot.domain.errors import Misconfigured
from bot.proof import run
from bot.proof.oracle import Breach
from bot.proof.run import Verdict

SOUND = Verdict(4, (), orders=10, trades=7, lives=2, virtual_s=180.0, digest="d4")
BROKEN = Verdict(
    5, (Breach("I1", "sent 2 times", "b-1-x-0"),), orders=3, trades=2, lives=1, virtual_s=90.0, digest="d5",
    trace=("1.0 intent b-1-x-0 BUY",),
)  # fmt: skip


@pytest.fixture(autouse=True)
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """What the seeds that are asked for come to."""
    found = [SOUND]
    monkeypatch.setattr(run, "prove", lambda seed, **_: found[0])
    monkeypatch.setattr(run, "prove_all", lambda seeds, jobs, **_: iter(found))
    return found


def test_sound_seeds_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    command.prove(seeds="4:5", jobs=1)
    shown = capsys.readouterr().out.split()
    assert shown[shown.index("broken") + 1] == "0"
    assert shown[shown.index("orders") + 1] == "10"


def test_a_broken_seed_names_the_first_invariant_and_how_to_see_it_again(
    verdicts: list[Verdict], capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts[:] = [BROKEN, SOUND]
    with pytest.raises(typer.Exit) as ended:
        command.prove(seeds="4:6", jobs=1)
    shown = capsys.readouterr().out
    assert ended.value.exit_code == ExitCode.FAULT
    assert "I1 b-1-x-0 sent 2 times" in shown
    assert "1.0 intent b-1-x-0 BUY" in shown
    assert "bot prove --seed 5 --trace" in shown


def test_a_program_gets_digests_and_breaches(verdicts: list[Verdict], capsys: pytest.CaptureFixture[str]) -> None:
    verdicts[:] = [BROKEN, SOUND]
    with pytest.raises(typer.Exit):
        command.prove(seeds="4:6", jobs=1, json_=True)
    told = json.loads(capsys.readouterr().out)
    assert told["digests"] == {"4": "d4", "5": "d5"}
    assert told["broken"][0]["breaches"] == [{"invariant": "I1", "text": "sent 2 times", "order": "b-1-x-0"}]


def test_one_seed_shows_its_trace_on_request(verdicts: list[Verdict], capsys: pytest.CaptureFixture[str]) -> None:
    verdicts[:] = [BROKEN]
    with pytest.raises(typer.Exit):
        command.prove(seed=5, trace=True)
    assert capsys.readouterr().out.count("1.0 intent b-1-x-0 BUY") == 1


@pytest.mark.parametrize(("wild", "said"), [(None, "--trace"), (True, "--trace --wild"), (False, "--trace --calm")])
def test_how_to_see_it_again_names_the_worlds(
    verdicts: list[Verdict], capsys: pytest.CaptureFixture[str], wild: bool | None, said: str
) -> None:
    verdicts[:] = [BROKEN]
    with pytest.raises(typer.Exit):
        command.prove(seeds="5:6", jobs=1, wild=wild)
    assert f"bot prove --seed 5 {said}\n" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "x", "5:5", "7:3", "-1:4", "1:x"])
def test_a_span_without_seeds_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="--seeds"):
        command.prove(seeds=text, jobs=1)
