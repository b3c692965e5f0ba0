"""Making Pango loadable before WeasyPrint asks for it, and making sure that it finds a font.

Without any font Pango ends the whole process with a segmentation fault, so a missing one is an
ordinary refusal here. Libraries of the system win; otherwise those unpacked into `.local/sysroot`.
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from apps.receipts.errors import PdfUnavailableError

_ROOT: Final = Path(__file__).resolve().parents[2]
FONTS: Final = _ROOT / "static" / "fonts"
SYSROOT: Final = _ROOT / ".local" / "sysroot"
SYSTEM_FONT_CONFIGURATION: Final = Path("/etc/fonts/fonts.conf")
_LIBRARIES: Final = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libpangoft2-1.0.so.0",
    "libharfbuzz.so.0",
    "libfontconfig.so.1",
)
_MAC_FOLDERS: Final = ("/opt/homebrew/lib", "/usr/local/lib")


def prepare(
    *,
    fonts: Path = FONTS,
    sysroot: Path = SYSROOT,
    configuration: Path = SYSTEM_FONT_CONFIGURATION,
) -> None:
    """Raise `PdfUnavailableError` unless PDFs can be drawn in this process. Safe to repeat."""
    if not any(fonts.glob("*.ttf")):
        raise PdfUnavailableError(f"PDFs cannot be drawn: there is no font in {fonts.name}")
    if sys.platform == "darwin":
        known = os.environ.get("DYLD_FALLBACK_LIBRARY_PATH", "")
        os.environ["DYLD_FALLBACK_LIBRARY_PATH"] = ":".join(filter(None, [known, *_MAC_FOLDERS]))
    elif missing := _missing():
        _load_all(sysroot.glob("usr/lib/*/lib*.so.*"))
        if missing := _missing():
            raise PdfUnavailableError(
                f"PDFs cannot be drawn: {', '.join(missing)} not found. "
                "Install Pango (Debian: libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)"
            )
    if not configuration.exists() and "FONTCONFIG_FILE" not in os.environ:
        os.environ["FONTCONFIG_FILE"] = str(_font_configuration(fonts, sysroot))


def _missing() -> list[str]:
    return [name for name in _LIBRARIES if not _loads(name)]


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _load_all(paths: Iterable[Path]) -> None:
    """Load what can be loaded, again and again: each may need another one first."""
    waiting = list(paths)
    while waiting:
        left = [path for path in waiting if not _load(path)]
        if len(left) == len(waiting):
            return
        waiting = left


def _load(path: Path) -> bool:
    with suppress(OSError):
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        return True
    return False


def _font_configuration(fonts: Path, sysroot: Path) -> Path:
    home = Path(tempfile.mkdtemp(prefix="carbon-fonts-"))
    folders = [fonts, sysroot / "usr" / "share" / "fonts"]
    listed = "".join(f"<dir>{escape(str(folder))}</dir>" for folder in folders)
    file = home / "fonts.conf"
    file.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
        f"<fontconfig>{listed}<cachedir>{escape(str(home / 'cache'))}</cachedir></fontconfig>"
    )
    return file
