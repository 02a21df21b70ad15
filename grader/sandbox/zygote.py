"""The process that imports the heavy libraries once and forks a job for each submission.

It is started afresh (never forked from the grader) with a clean environment and knows no
rubric, oracle or roster. It runs no tensor operation and no CUDA call: after either, a forked
child would hang or fail. It has one thread, and says so when it is ready.

Protocol on the socket named by the first argument, one JSON object per datagram: the grader
sends a launch request with the job's descriptors; the zygote reports when a job's process has
ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any

from grader.sandbox import job, pages

_LAUNCH_BYTES = 1 << 20
_MOST_FDS = 250
# How often jobs are looked at for their end, which nobody waits for; and how often without any.
_LOOK_MS, _IDLE_MS = 200, 5000


def main() -> None:
    """Import what the command line names, say ready, and fork jobs until the grader hangs up."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()  # imports leave little behind that it could find
    missing = preload(json.loads(sys.argv[2]))
    gc.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's to handle
    # Objects of the imports move out of the collector's sight: a child's first collection
    # would otherwise touch, and so copy, every page that they lie on.
    gc.collect()
    gc.freeze()
    pages.collapse()
    told = {"ready": True, "missing": missing, "threads": _threads()}
    try:
        channel.send(json.dumps(told).encode())
    except ConnectionError:
        return  # closed again before anything was launched
    _serve(channel)


def preload(names: list[str]) -> dict[str, str]:
    """Import each module; what cannot be imported is reported, since a notebook may not need it."""
    missing: dict[str, str] = {}
    for name in names:
        try:
            if name.split(".")[0] == "torchvision":
                from grader.compat import import_torchvision

                import_torchvision()
            importlib.import_module(name)
        except Exception as error:
            missing[name] = f"{type(error).__name__}: {error}"
    return missing


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        return 0  # no /proc on this system


def _serve(channel: socket.socket) -> None:
    jobs: dict[int, str] = {}
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        if poll.poll(_LOOK_MS if jobs else _IDLE_MS):
            try:
                data, fds, _, _ = socket.recv_fds(channel, _LAUNCH_BYTES, _MOST_FDS)
            except ConnectionResetError:
                return  # the grader ended while reports to it were waiting
            if not data:
                return
            _launch(channel, json.loads(data), fds, jobs)
        _report_ended(channel, jobs)


def _launch(
    channel: socket.socket, request: dict[str, Any], fds: list[int], jobs: dict[int, str]
) -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            channel.close()
            code = job.supervise(request, fds)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    jobs[pid] = request["job"]
    for fd in fds:
        os.close(fd)


def _report_ended(channel: socket.socket, jobs: dict[int, str]) -> None:
    for pid in list(jobs):
        done, status, used = os.wait4(pid, os.WNOHANG)
        if done:
            told = {
                "ended": jobs.pop(pid),
                "code": os.waitstatus_to_exitcode(status),
                "cpu_s": used.ru_utime + used.ru_stime,
            }
            channel.send(json.dumps(told).encode())


if __name__ == "__main__":
    main()
