"""The sandbox tried from inside: what holds is said to be tested, what does not is absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.doctor import KERNEL
from grader.sandbox import canaries
from grader.sandbox.canaries import REQUIRED, TESTED, Trap, as_tested, missing, try_layers
from grader.sandbox.canary_cell import CANARIES
from grader.sandbox.launcher import ColdLauncher, Launcher, WarmLauncher
from grader.sandbox.spec import JobSpec
from grader.sandbox.tiers import TIERS, Tier, best_tier

AVAILABLE = [name for name, tier in TIERS.items() if tier.available()]


@pytest.fixture(params=["warm", "cold"])
def launcher(request: pytest.FixtureRequest) -> Iterator[Launcher]:
    """Jobs of both kinds."""
    if request.param == "warm" and not WarmLauncher.available():
        pytest.skip("no warm forks here")
    made = WarmLauncher(KERNEL) if request.param == "warm" else ColdLauncher(KERNEL)
    yield made
    made.close()


def test_what_the_best_tier_claims_holds(launcher: Launcher) -> None:
    found = try_layers(launcher)
    claimed = {n for n, (state, _) in found.items() if state in ("enforced", TESTED)}
    untested = {n for n, (state, _) in found.items() if state == "enforced"}
    assert not [f"{n}: {d}" for n, (_, d) in found.items() if d.startswith("tested: ")]
    assert untested <= {"rlimit core", "rlimit cpu", "rlimit msgqueue", "rlimit nproc"}
    assert {"files", "network", "left behind"} & claimed or best_tier().name == "process"


@pytest.mark.parametrize("name", AVAILABLE)
def test_each_tier_keeps_what_it_claims(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: Tier = TIERS[name]()
    monkeypatch.setattr("grader.sandbox.spec.best_tier", lambda: chosen)
    launcher = ColdLauncher(KERNEL)
    try:
        found = try_layers(launcher)
    finally:
        launcher.close()
    assert not [f"{n}: {d}" for n, (_, d) in found.items() if d.startswith("tested: ")]
    assert name == "process" or not missing("standard", found)


def test_without_a_sandbox_every_canary_gets_through(tmp_path: Path) -> None:
    """Nothing here is confined: a canary that finds nothing would be one that cannot fail."""
    layers = sorted(set(CANARIES) - {"memory", "disk", "files", "user"})
    with Trap() as trap:
        told = {
            **trap.told(JobSpec(memory_mb=1024, file_mb=8)),
            "layers": layers,
            "open_files": 64,
            "processes": 8,
        }
        code = canaries._source(told)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        inside = json.loads(done.stdout.rsplit("canaries ", 1)[1])
        heard, left = trap.heard(), trap.left()
    allowed = {"capabilities", "system calls"} if os.getuid() else {"system calls"}
    held = {name for name, through in inside.items() if not through}
    assert held <= allowed
    assert len(heard["network"]) == 4
    assert heard["signals"] == ["a process of the grader's was signalled"]
    assert left == ["a process outlived the job"]


def test_files_are_reached_without_a_sandbox(tmp_path: Path) -> None:
    source = Path(canaries.__file__).with_name("canary_cell.py").read_text(encoding="utf-8")
    namespace: dict[str, object] = {}
    exec(source, namespace)
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="utf-8")
    assert namespace["files"]({"secret": str(secret)})[:2] == [  # type: ignore[operator]
        "a file of the grader's was read", "a file of the grader's was written",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "through", "then"),
    [
        ("enforced", [], TESTED),
        ("enforced", ["a file was read"], "absent"),
        ("enforced", None, "enforced"),
        ("best effort", [], "best effort"),
        ("best effort", ["a file was read"], "best effort"),
        ("absent", [], "absent"),
    ],
)
def test_a_state_is_what_was_found(state: str, through: list[str] | None, then: str) -> None:
    assert canaries._found((state, "why"), through)[0] == then


def test_a_job_that_lost_a_layer_does_not_count_as_tested() -> None:
    found = {"files": (TESTED, ""), "network": (TESTED, ""), "left behind": (TESTED, "")}
    layers = {"files": ("enforced", ""), "network": ("absent", "no Landlock")}
    assert as_tested(layers, found) == {**found, "network": ("absent", "no Landlock")}
    assert as_tested(layers, {}) == layers


def test_levels_ask_for_more_and_more() -> None:
    assert REQUIRED["none"] == ()
    assert set(REQUIRED["standard"]) < set(REQUIRED["strict"])
    assert set(REQUIRED["strict"]) <= set(canaries.MENDS)
    everything = {name: (TESTED, "") for name in REQUIRED["strict"]}
    assert missing("strict", everything) == {}
    weaker = {**everything, "memory": ("best effort", "for each process alone")}
    assert missing("strict", weaker) == {"memory": "best effort (for each process alone)"}
    assert missing("standard", weaker) == {}
    assert set(missing("standard", {})) == set(REQUIRED["standard"])
