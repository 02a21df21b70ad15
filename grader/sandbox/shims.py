"""Stand-ins for what a notebook expects of its usual home and that a sandbox does not have.

Colab's package, package installs and downloads: they say what they did not do, and go on.
"""

from __future__ import annotations

import os
import stat
import sys
from types import ModuleType
from typing import Any

_PIP = """#!/bin/sh
echo "The grader has its packages installed; this command was not carried out: $(basename "$0") $*"
"""

# Shell commands that would wait for a network that is not there.
_COMMANDS = ("pip", "pip3", "conda", "apt", "apt-get", "wget", "curl", "gdown")


def install(folder: str) -> None:
    """Put stand-in commands into `folder`, on the path, and Colab's package into place."""
    os.makedirs(folder, exist_ok=True)
    for name in _COMMANDS:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(_PIP)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    _install_colab()


def _install_colab() -> None:
    colab = _module("google.colab")
    colab.drive = _module("google.colab.drive", mount=_said("drive.mount"))
    colab.files = _module(
        "google.colab.files", upload=_said("files.upload", {}), download=_said("files.download")
    )
    colab.output = _module("google.colab.output", clear=_said("output.clear"))
    colab.userdata = _module("google.colab.userdata", get=_said("userdata.get", ""))
    colab.patches = _module("google.colab.patches", cv2_imshow=_said("cv2_imshow"))
    google: Any = sys.modules.get("google") or _module("google", __path__=[])
    google.colab = colab


def _module(name: str, **members: Any) -> Any:
    module = ModuleType(name)
    for key, value in members.items():
        setattr(module, key, value)
    sys.modules[name] = module
    return module


def _said(what: str, result: Any = None) -> Any:
    def stand_in(*_: object, **__: object) -> Any:
        print(f"google.colab.{what} does nothing in the grader")
        return result

    return stand_in
