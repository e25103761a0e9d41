"""Decode processes that crash, hang or are killed, drivers that are killed, and two drivers at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.data.decoded import run, worker_process
from convstudy.data.decoded.worker_process import end_processes
from convstudy.errors import DataError
from tests.data.decoded.photos import OPTIONS, Photos, check, list_folder, make_folder

ROOT = Path(__file__).resolve().parents[3]
DRIVER = """
import sys
from pathlib import Path
from convstudy.data.decoded import run
from tests.data.decoded.photos import Photos
run.SECONDS_BETWEEN_SAVES = 0.0
photos = Photos(Path(sys.argv[1]))
def progress(n_done, n_total):
    print(n_done, flush=True)
    if n_done >= int(sys.argv[3]):
        import time
        time.sleep(60)
print(photos.decode(Path(sys.argv[2]), on_progress=progress, n_workers=2).n_decoded, flush=True)
"""

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="needs signals and /proc")


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the decode process by one whose decoder crashes or hangs."""
    monkeypatch.setattr("convstudy.data.decoded.worker_process.WORKER", "tests.data.decoded.hostile_worker")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'src'}")


def _children(parent: int) -> set[int]:
    """Return the running child processes of a process."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, its_parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(its_parent) == parent and state != "Z":
            found.add(int(folder.name))
    return found


def _wait_until_gone(mine: set[int]) -> None:
    deadline = time.monotonic() + 10
    while any(_is_running(process) for process in mine):
        assert time.monotonic() < deadline, "a decode process is still running"
        time.sleep(0.05)


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_crash_of_a_decoder_costs_one_image(hostile: None, photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 20)
    (folder / "cat" / "000a.png").write_bytes(b"crash")
    (folder / "dog" / "018a.png").write_bytes(b"crash")
    with photos.decode(folder) as decoded:
        names = {decoded.listing.names[position] for position in decoded.failures}
        assert names == {"cat/000a.png", "dog/018a.png"}
        assert set(decoded.failures.values()) == {"the decode process ended by signal 11"}
        assert decoded.n_decoded == 20 and photos.progress[-1] == (22, 22)
        check(decoded)
    # The next call tries these two again, and only these.
    with photos.decode(folder) as decoded:
        assert len(decoded.failures) == 2 and photos.progress[-1] == (2, 2)


def test_process_that_ends_once_is_replaced_without_a_failure(
    hostile: None, photos: Photos, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "photos", 6)
    flag = tmp_path / "crashed"
    (folder / "cat" / "twice.png").write_bytes(b"crash " + os.fsencode(flag))
    with photos.decode(folder) as decoded:
        assert flag.exists()
        # The second process reads the file as what it is: no image.
        (reason,) = decoded.failures.values()
        assert "signal" not in reason and decoded.n_decoded == 6
        check(decoded)


def test_decoder_that_hangs_is_ended_at_the_time_limit(
    hostile: None, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SECONDS_PER_IMAGE", 1)
    folder = make_folder(tmp_path / "photos", 6)
    (folder / "cat" / "slow.png").write_bytes(b"hang")
    with photos.decode(folder, n_workers=2) as decoded:
        assert list(decoded.failures.values()) == ["decoding takes more than 1 seconds"]
        assert decoded.n_decoded == 6
        check(decoded)


def test_processes_that_cannot_start_are_one_error_with_the_reason(
    hostile: None, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_processes()
    monkeypatch.setenv("CONVSTUDY_TEST_WORKER", "broken")
    with pytest.raises(DataError, match=r"decode processes cannot work: .* status 1; .* no decoder here"):
        photos.decode(make_folder(tmp_path / "photos", 2))


def test_interruption_ends_the_processes_and_keeps_what_is_done(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 60)
    end_processes()
    before, mine = _children(os.getpid()), set[int]()

    def interrupt(n_done: int, n_total: int) -> None:
        mine.update(_children(os.getpid()) - before)
        if n_done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        photos.decode(folder, on_progress=interrupt)
    assert len(mine) == 1 and not _is_running(*mine)
    with photos.decode(folder) as decoded:
        assert 0 < decoded.n_decoded <= 50
        check(decoded)


@pytest.mark.parametrize("when", ["driver", "driver and processes"])
def test_killed_driver_leaves_no_process_and_keeps_what_is_done(
    photos: Photos, tmp_path: Path, when: str
) -> None:
    folder = make_folder(tmp_path / "photos", 60)
    with _driver(photos.cache, folder, stop_at=20) as driver:
        assert driver.stdout is not None
        while int(driver.stdout.readline()) < 20:
            pass
        mine = _children(driver.pid)
        assert mine
        driver.kill()
        if when != "driver":
            for process in mine:
                os.kill(process, signal.SIGKILL)
    _wait_until_gone(mine)
    with photos.decode(folder) as decoded:
        assert 0 < decoded.n_decoded < 60
        check(decoded)


@pytest.mark.slow
def test_driver_killed_at_any_time_leaves_a_usable_cache(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 300)
    n_decoded = []
    for number in range(12):
        with _driver(photos.cache, folder, stop_at=10**9) as driver:
            time.sleep(0.25 + 0.05 * number)
            driver.kill()
        with photos.decode(folder, on_progress=lambda *_: None) as decoded:
            n_decoded.append(decoded.n_decoded)
            check(decoded)
        for file in sorted(folder.rglob("*.png"))[number : 40 + number]:
            os.utime(file, ns=(number, number))
        (photos.entries[0] / "index").unlink()
    assert max(n_decoded) > 0


def test_second_process_waits_and_decodes_nothing_again(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 40)
    n_decoded = []

    def decode() -> None:
        own = Photos(photos.cache)
        with own.decode(folder) as decoded:
            check(decoded)
            n_decoded.append(decoded.n_decoded)

    # Locks belong to open files, so threads exclude each other as processes do.
    threads = [threading.Thread(target=decode) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(n_decoded) == [0, 0, 40]


def test_full_disk_while_decoding_is_one_error_and_keeps_what_is_done(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A limit of the size of files gives the same kind of error as a full disk.
    folder = make_folder(tmp_path / "photos", 40)
    monkeypatch.setattr("convstudy.data.decoded.worker_process.WORKER", "tests.data.decoded.limited_worker")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'src'}")
    with pytest.raises(DataError, match="the cache cannot be written: File too large") as caught:
        photos.decode(folder)
    assert "CONVSTUDY_CACHE" in str(caught.value)
    monkeypatch.undo()
    with photos.decode(folder) as decoded:
        assert 0 < decoded.n_decoded < 40
        check(decoded)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(photos: Photos, tmp_path: Path) -> None:
    # The decoded pixels take 480 MB.
    folder = make_folder(tmp_path / "photos", 480)
    program = DRIVER.replace(
        "photos.decode(Path(sys.argv[2])", "photos.decode(Path(sys.argv[2]), LARGE"
    ).replace(
        "def progress",
        "from convstudy.data.decoding import DecodeOptions\nLARGE = DecodeOptions((577, 577), 3)\ndef progress",
    )
    largest = 0
    with _driver(photos.cache, folder, stop_at=10**9, program=program) as driver:
        while driver.poll() is None:
            largest = max(largest, sum(_pss(process) for process in {driver.pid, *_children(driver.pid)}))
            time.sleep(0.05)
        assert driver.stdout is not None
        assert driver.stdout.read().splitlines()[-1] == "480"
    assert (photos.entries[0] / "pixels-0").stat().st_size > 470e6
    assert 30e6 < largest < 300e6


def _pss(process: int) -> int:
    """Return the proportional set size of a process in bytes; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _driver(cache: Path, folder: Path, stop_at: int, program: str = DRIVER) -> subprocess.Popen[str]:
    """Start a process that decodes a folder and pauses when this many images are done."""
    return subprocess.Popen(
        [sys.executable, "-c", program, str(cache), str(folder), str(stop_at)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
    )


def test_processes_wait_for_the_next_run_and_end_after_some_seconds(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "IDLE_SECONDS", 0.5)
    end_processes()
    folder = make_folder(tmp_path / "photos", 4)
    before = _children(os.getpid())
    photos.n_decoded(folder)
    (mine,) = _children(os.getpid()) - before
    assert photos.n_decoded(folder, replace(OPTIONS, channels=1)) == 4
    assert _children(os.getpid()) - before == {mine}
    _wait_until_gone({mine})


def test_killed_process_that_waited_is_replaced(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 4)
    photos.n_decoded(folder)
    for worker in worker_process._IDLE:
        worker.kill()
    assert photos.n_decoded(folder, replace(OPTIONS, channels=1)) == 4


def test_listing_without_changes_starts_no_process(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "photos", 4)
    photos.n_decoded(folder)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert len(list_folder(folder)) == 4
    assert photos.n_decoded(folder) == 0
