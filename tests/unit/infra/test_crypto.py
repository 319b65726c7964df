"""Sealed values open where they were sealed and nowhere else; the key file is made once whoever comes first."""

import json
import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.infra.crypto import (
    KEY_FILE,
    CannotOpen,
    Cipher,
    KeyFileFault,
    KeyRing,
    load_or_create,
    read,
    rotate,
)

RING = KeyRing(data_keys={1: b"1" * 32, 7: b"7" * 32}, current=7, index_key=b"i" * 32)
PLACE = {"table": "payout_account", "column": "number", "row": 12}


@given(st.text())
def test_what_is_sealed_opens(text: str) -> None:
    cipher = Cipher(RING)
    sealed = cipher.seal(text, **PLACE)
    assert cipher.open(sealed, **PLACE) == text
    assert sealed != cipher.seal(text, **PLACE)


@pytest.mark.parametrize(
    "other",
    [
        {"table": "payout_accounts"},
        {"column": "holder"},
        {"row": 13},
        {"table": "payout_accountnumber", "column": ""},
    ],
)
def test_a_value_does_not_open_elsewhere(other: dict[str, str]) -> None:
    sealed = Cipher(RING).seal("6222 0200", **PLACE)
    with pytest.raises(CannotOpen):
        Cipher(RING).open(sealed, **{**PLACE, **other})


def test_every_changed_byte_is_noticed() -> None:
    cipher = Cipher(RING)
    sealed = cipher.seal("6222", **PLACE)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(CannotOpen):
            cipher.open(bytes(changed), **PLACE)
    for length in range(len(sealed)):
        with pytest.raises(CannotOpen):
            cipher.open(sealed[:length], **PLACE)


def test_blind_indexes() -> None:
    cipher = Cipher(RING)
    assert cipher.blind("13800138000") == cipher.blind("13800138000")
    assert len(cipher.blind("13800138000")) == 32
    assert cipher.blind("13800138000") != cipher.blind("13800138001")
    assert cipher.blind("a", column="phone") != cipher.blind("a", column="email")
    other = KeyRing(data_keys=RING.data_keys, current=7, index_key=b"j" * 32)
    assert Cipher(other).blind("a") != cipher.blind("a")


def test_the_key_file_is_private_and_lasting(tmp_path: Path) -> None:
    sealed = load_or_create(tmp_path / "data").seal("x", **PLACE)
    path = tmp_path / "data" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["master.json"]
    assert load_or_create(tmp_path / "data").open(sealed, **PLACE) == "x"


def _first_start(folder: Path, barrier: object, answers: object) -> None:
    barrier.wait()
    answers.put(load_or_create(folder).blind("same?"))


def test_processes_that_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for attempt in range(3):
        barrier, answers = context.Barrier(4), context.Queue()
        folder = tmp_path / str(attempt)
        processes = [context.Process(target=_first_start, args=(folder, barrier, answers)) for _ in range(4)]
        for process in processes:
            process.start()
        seen = {answers.get(timeout=60) for _ in processes}
        for process in processes:
            process.join()
        assert len(seen) == 1
        assert [file.name for file in (folder / "keys").iterdir()] == ["master.json"]


def test_rotation_seals_anew_and_still_opens_the_old(tmp_path: Path) -> None:
    before = load_or_create(tmp_path)
    old = before.seal("x", **PLACE)
    rotate(tmp_path)
    after = load_or_create(tmp_path)
    new = after.seal("x", **PLACE)
    assert after.open(old, **PLACE) == after.open(new, **PLACE) == "x"
    assert after.stale(old)
    assert not after.stale(new)
    assert after.blind("x") == before.blind("x")
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    with pytest.raises(CannotOpen, match="data key 2"):
        before.open(new, **PLACE)


def test_a_key_file_for_all_eyes_is_refused(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(KeyFileFault, match="chmod 600"):
        load_or_create(tmp_path)


@pytest.mark.parametrize(
    "damage", ["", "{}", "[]", '{"format": 1, "master": "!", "data_keys": {}, "current": 1}']
)
def test_a_damaged_key_file_is_never_replaced(tmp_path: Path, damage: str) -> None:
    load_or_create(tmp_path)
    path = tmp_path / KEY_FILE
    path.write_text(damage)
    with pytest.raises(KeyFileFault, match="damaged"):
        load_or_create(tmp_path)
    assert path.read_text() == damage


def test_a_wrapped_key_that_was_changed_is_noticed(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    path = tmp_path / KEY_FILE
    document = json.loads(path.read_text())
    document["data_keys"]["1"] = document["index_key"][:-4] + "AAA="
    path.write_text(json.dumps(document))
    with pytest.raises(KeyFileFault):
        read(path)
