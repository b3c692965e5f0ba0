"""Makes sure that Pango, which draws the PDFs, can be loaded; without it all else still works.

A machine's own libraries win. On Debian and Ubuntu the missing ones are unpacked into
`.local/sysroot`, as `usr/lib/<machine>/lib*.so.N` with fonts in `usr/share/fonts`.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import unpack_debs

LIBRARIES = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libpangoft2-1.0.so.0",
    "libharfbuzz.so.0",
    "libharfbuzz-subset.so.0",
    "libfontconfig.so.1",
)
PACKAGES = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core"]
MAC_FOLDERS = (Path("/opt/homebrew/lib"), Path("/usr/local/lib"))
MAC_LIBRARY = "libpango-1.0.0.dylib"


def is_ready(sysroot: Path) -> bool:
    if sys.platform == "darwin":
        return any((folder / MAC_LIBRARY).exists() for folder in MAC_FOLDERS)
    return all(_loads(name) for name in LIBRARIES) or _is_unpacked(sysroot)


def unpack(sysroot: Path) -> str | None:
    """None when it worked, else what the person at the keyboard should type."""
    if sys.platform == "darwin":
        return "brew install pango"
    if not unpack_debs.available():
        return "install pango, harfbuzz and fontconfig with this system's package manager"
    remedy = f"sudo apt-get install {' '.join(PACKAGES)}"
    try:
        unpack_debs.unpack(PACKAGES, sysroot)
    except (unpack_debs.UnpackError, OSError) as refusal:
        return f"{remedy}   ({refusal})"
    return None if is_ready(sysroot) else remedy


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _is_unpacked(sysroot: Path) -> bool:
    """What the system already had was not unpacked, so one library of ours is proof enough."""
    return any(sysroot.glob("usr/lib/*/lib*.so.*"))
