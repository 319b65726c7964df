"""The commands of `./run`: what they print, what they leave, and one clear line for what the caller can put right."""

import os
import socket
import time
from pathlib import Path

import httpx
from tests.e2e.figures import CUT_FIGURES, figures
from tests.e2e.instance import CUT, SPONSORS, Instance


def one_line(instance: Instance, *arguments: str) -> str:
    """The only line that a refused command prints."""
    refused = instance.run(*arguments)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    lines = (refused.stdout + refused.stderr).strip().splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return lines[0]


def test_a_second_start_finds_its_data_and_sigterm_ends_it(instance: Instance) -> None:
    instance.start()
    headers = instance.token()
    made = httpx.post(
        f"{instance.url}/api/categories", json={"name": "茶"}, headers=headers, timeout=20
    ).json()
    assert instance.stop() == 0
    assert instance.postmaster() is None, "the last one out stops PostgreSQL"
    instance.start()
    found = httpx.get(f"{instance.url}/api/categories", headers=instance.token(), timeout=20).json()
    assert made["category_id"] in [one["category_id"] for one in found["items"]]


def test_the_import_loads_the_cut_beside_a_running_server_and_again_changes_nothing(
    instance: Instance,
) -> None:
    instance.start()
    arguments = ("import-retail", str(CUT), "--distributors", str(SPONSORS))
    importing = instance.popen(*arguments)
    answers = []
    headers = instance.token()
    while importing.poll() is None:
        answers.append(
            httpx.get(
                f"{instance.url}/api/products", params={"limit": 5}, headers=headers, timeout=20
            ).status_code
        )
        time.sleep(0.05)
    assert set(answers) == {200}, "the API answers meanwhile"
    assert importing.returncode == 0, instance.output()
    assert "172 placed with 4015 lines" in instance.output()
    assert "26 rows matched whole, 125 not or in part" in instance.output()
    assert figures(instance) == CUT_FIGURES
    rejected = (instance.folder / "rejects-online_retail_cut.csv").read_text()
    again = instance.run(*arguments)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 placed with 0 lines, 172 known before" in again.stdout
    assert figures(instance) == CUT_FIGURES
    assert (instance.folder / "rejects-online_retail_cut.csv").read_text() == rejected
    checked = instance.run("verify")
    assert checked.returncode == 0, checked.stdout


def test_psql_reaches_the_database_with_and_without_a_server(instance: Instance) -> None:
    alone = instance.run("psql", "-Atc", "select 1 + 1")
    assert (alone.returncode, alone.stdout) == (0, "2\n"), alone.stderr
    instance.start()
    beside = instance.run("psql", "-Atc", "select count(*) from identity.account")
    assert (beside.returncode, beside.stdout) == (0, "1\n"), beside.stderr


def test_a_port_in_use_is_said_in_one_line_and_nothing_is_made(instance: Instance) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", instance.port))
        taken.listen()
        assert "FENXIAO_PORT" in one_line(instance, "up")
    assert not instance.folder.exists()


def test_a_data_folder_that_is_a_file_is_said_in_one_line(instance: Instance) -> None:
    instance.folder.write_text("not a folder")
    assert str(instance.folder) in one_line(instance, "up")
    assert instance.folder.read_text() == "not a folder"


def test_a_data_folder_that_cannot_be_made_is_said_in_one_line(instance: Instance, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    # No folder is closed to root, but nobody makes folders in /proc, or where the system's own disk is read-only.
    instance.extra["FENXIAO_DATA_DIR"] = "/proc/fenxiao" if os.geteuid() == 0 else str(closed / "folder")
    said = one_line(instance, "up")
    assert "FENXIAO_DATA_DIR" in said
    assert instance.extra["FENXIAO_DATA_DIR"] in said


def test_a_data_folder_of_another_version_is_said_in_one_line(instance: Instance) -> None:
    assert instance.run("migrate").returncode == 0
    version = next(instance.folder.rglob("PG_VERSION"))
    real = version.read_text()
    version.write_text("12\n")
    assert "12" in one_line(instance, "up")
    version.write_text(real)
    assert (
        instance.run("psql", "-c", "update catalog.alembic_version set version_num = '9999'").returncode == 0
    )
    assert "newer version" in one_line(instance, "up")


def test_a_setting_that_makes_no_sense_is_said_in_one_line(instance: Instance) -> None:
    instance.extra["FENXIAO_JURISDICTION"] = "Atlantis"
    assert "FENXIAO_JURISDICTION" in one_line(instance, "up")


def test_bad_files_are_said_in_one_line_and_change_nothing(instance: Instance, tmp_path: Path) -> None:
    instance.start()
    missing = tmp_path / "missing.parquet"
    assert str(missing) in one_line(instance, "import-retail", str(missing))
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("Invoice,StockCode\n1,2\n")
    assert "Description" in one_line(instance, "import-retail", str(lacking))
    latin = tmp_path / "latin.csv"
    latin.write_bytes(
        "external_id,joined_at,country,sponsor_external_id\n1,2009-12-01T07:45:00,España,\n".encode("latin-1")
    )
    assert "UTF-8" in one_line(instance, "import-retail", str(CUT), "--distributors", str(latin))
    loop = tmp_path / "loop.csv"
    loop.write_text(
        "external_id,joined_at,country,sponsor_external_id\n1,2009-12-01T07:45:00,UK,2\n2,2009-12-01T07:45:00,UK,1\n"
    )
    assert "loop" in one_line(instance, "import-retail", str(CUT), "--distributors", str(loop))
    nowhere = str(tmp_path / "nowhere" / "rejects.csv")
    assert nowhere in one_line(instance, "import-retail", str(CUT), "--rejects", nowhere)
    counted = instance.run("psql", "-Atc", "select count(*) from network.distributor")
    assert counted.stdout == "0\n"


def test_requests_in_flight_are_answered_before_sigterm_ends_the_server(instance: Instance) -> None:
    instance.start()
    headers = instance.token()
    began = time.monotonic()
    with httpx.Client(base_url=instance.url, headers=headers, timeout=20) as http:
        assert http.get("/api/categories").status_code == 200
        assert instance.stop() == 0
    assert time.monotonic() - began < 15
