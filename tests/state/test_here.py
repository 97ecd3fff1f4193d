from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

from deployer.state.here import here, started, whoami
from deployer.state.lock import Standing, judge


def test_this_process_is_alive_to_itself() -> None:
    assert judge(whoami("me"), here()) is Standing.ALIVE


def test_who_we_are_has_everything_a_judge_needs() -> None:
    me = whoami("deployer apply prod", 30)
    assert (me.pid, me.command, me.lease) == (os.getpid(), "deployer apply prod", 30)
    assert all((me.user, me.host, me.process_started, me.boot))


def test_a_killed_process_is_dead_even_while_nobody_has_looked() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    begun = started(process.pid)
    holder = replace(whoami("child"), pid=process.pid, process_started=begun or 0.0)
    assert judge(holder, here()) is Standing.ALIVE
    process.kill()
    end = time.monotonic() + 10
    while started(process.pid) is not None and time.monotonic() < end:
        time.sleep(0.01)
    assert judge(holder, here()) is Standing.DEAD
    process.communicate()
    assert judge(holder, here()) is Standing.DEAD


def test_the_start_of_a_process_does_not_depend_on_who_asks() -> None:
    code = f"from deployer.state.here import started; print(started({os.getpid()}))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mine = started(os.getpid())
    assert mine is not None
    assert abs(float(asked.stdout) - mine) < 1
