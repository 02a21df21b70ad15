"""A job in an interpreter of its own: what `ColdLauncher` starts where there is no zygote."""

from __future__ import annotations

import json
import os
import sys

from grader.sandbox import job
from grader.sandbox.zygote import preload


def main() -> None:
    """Import what the request names and supervise the one job."""
    told = json.loads(sys.argv[1])
    preload(told["preload"])
    os._exit(job.supervise(told["request"], told["fds"]))


if __name__ == "__main__":
    main()
