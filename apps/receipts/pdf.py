"""The receipt as one sheet of paper, with the receipt file attached inside the PDF.

Drawn in a worker or a command, never in a web process: a library that crashes there takes no
visitor with it.
"""

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import segno
from django.conf import settings
from django.template.loader import render_to_string

from apps.receipts import native
from apps.receipts.models import CarbonReceipt
from apps.receipts.presentation import sheet_of
from apps.receipts.selectors import envelope_of, place_in_log, receipt_file

ATTACHMENT = "receipt.json"
_PACKAGED = "packaged:"
_QUIET = ("weasyprint", "weasyprint.progress", "fontTools", "fontTools.subset")


def render(receipt: CarbonReceipt) -> bytes:
    """The PDF. Raises `PdfUnavailableError` where this machine cannot draw one."""
    html = render_to_string("receipts/receipt.html", _context(receipt))
    return _drawn(html, receipt_file(receipt), receipt.issued_at)


def _context(receipt: CarbonReceipt) -> dict[str, Any]:
    envelope = envelope_of(receipt)
    index, checkpoint = place_in_log(receipt)
    url = f"{settings.PUBLIC_URL}/verify/{receipt.public_id}"
    return {
        "sheet": sheet_of(envelope["payload"]),
        "payload_hash": envelope["payload_hash"].removeprefix("sha256:")[:16],
        "key_version": envelope["key_version"],
        "algorithm": envelope["algorithm"],
        "index": index,
        "checkpoint": checkpoint,
        "log_origin": settings.LOG_ORIGIN,
        "url": url,
        "qr": _qr(url),
        "attachment": ATTACHMENT,
    }


def _qr(url: str) -> dict[str, Any]:
    """The code as one SVG path of dark cells, quiet zone included."""
    code = segno.make(url, error="m", micro=False)
    path = "".join(
        f"M{column} {row}h1v1h-1z"
        for row, cells in enumerate(code.matrix_iter(border=4))
        for column, cell in enumerate(cells)
        if cell
    )
    return {"size": code.symbol_size(border=4)[0], "path": path}


def _drawn(html: str, attachment: bytes, issued_at: datetime) -> bytes:
    native.prepare()
    import weasyprint  # noqa: PLC0415 - Pango is made loadable just before, and only in workers
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # noqa: PLC0415 - as above

    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)

    class PackagedFiles(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        """Serves our own fonts and `data:`; nothing else can be asked for."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.startswith(_PACKAGED):
                font = native.FONTS / Path(url.removeprefix(_PACKAGED)).name
                return URLFetcherResponse(url, font.read_bytes(), {"Content-Type": "font/ttf"})
            return super().fetch(url, headers)

    document = weasyprint.HTML(
        string=html, url_fetcher=PackagedFiles(allowed_protocols=["data"], fail_on_errors=True)
    )
    file = weasyprint.Attachment(
        string=attachment,
        name=ATTACHMENT,
        description="The signed receipt with the proof of its place in the log",
        created=issued_at,
        modified=issued_at,
        relationship="Source",
    )
    pdf: bytes = document.write_pdf(attachments=[file], pdf_tags=True)
    return pdf
