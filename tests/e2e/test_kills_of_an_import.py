"""Nothing is lost or doubled: an import killed with kill -9 at random moments, its process, its PostgreSQL, or both."""

import time

import pytest
from tests.e2e.figures import CUT_FIGURES, figures
from tests.e2e.instance import CUT, SPONSORS, Instance, kill
from tests.e2e.kills import KILLS, drawn, victims


@pytest.mark.timeout(400)
def test_an_import_that_is_killed_again_and_again_loads_everything_once(instance: Instance) -> None:
    moments = drawn()
    arguments = ("import-retail", str(CUT), "--distributors", str(SPONSORS))
    began = time.monotonic()
    # The whole length of an undisturbed run, start-up included, so that the moments fall anywhere in it.
    length = 6.0
    for _ in range(KILLS):
        process = instance.popen(*arguments)
        time.sleep(moments.uniform(0.5, length))
        the_process, postgresql = victims(moments)
        if postgresql:
            instance.kill_postgresql()
        if the_process:
            kill(process)
        else:
            process.wait(timeout=60)
    finished = instance.run(*arguments)
    assert finished.returncode == 0, finished.stdout + finished.stderr + instance.output()
    instance.start()
    assert figures(instance) == CUT_FIGURES
    checked = instance.run("verify")
    assert checked.returncode == 0, checked.stdout
    print(f"{KILLS} kills in {time.monotonic() - began:.0f} s")
