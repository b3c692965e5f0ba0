"""The pages of receipts: checking one for everybody, and a workspace's list."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from apps.receipts import selectors
from apps.receipts.canonical import MAX_BYTES
from apps.receipts.delivery import checked, file_response, pdf_response
from apps.receipts.errors import ReceiptDocumentPendingError, ReceiptNotFoundError
from apps.receipts.models import CarbonReceipt
from apps.receipts.presentation import sheet_of
from apps.receipts.verification import FAILED, PASSED, Verification
from apps.workspaces.access import WorkspacePage

_FORM_BYTES = MAX_BYTES + 16 * 1024
_SHOWN = 200
_TITLES = {
    "form": "Readable file",
    "algorithm": "Known algorithm",
    "key": "Published key",
    "hash": "Hash of the payload",
    "signature_form": "Form of the signature",
    "signature": "Signature",
    "key_validity": "Key valid when issued",
    "consistency": "Agrees with itself",
    "log": "Place in the public log",
    "status": "Status today",
}
_MARKS = {PASSED: ("good", "passed"), FAILED: ("bad", "failed")}


class UploadForm(forms.Form):
    """A receipt file, looked at and forgotten."""

    file = forms.FileField(
        label="Receipt file",
        help_text="The JSON file of a receipt, at most 256 KiB. It is checked and not stored.",
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"}),
    )


@require_safe
def verify_page(request: HttpRequest, receipt_id: str) -> HttpResponse:
    """GET /verify/{receipt_id}: every check of one receipt, and what it states."""
    receipt = _receipt_or_404(receipt_id)
    answer = checked(selectors.receipt_file(receipt))
    response = render(request, "receipts/verify.html", _context(answer, receipt))
    response["X-Robots-Tag"] = "noindex"  # shown to whoever was given the id, not to be found
    return response


@require_safe
def receipt_json(_request: HttpRequest, receipt_id: str) -> HttpResponse:
    """GET /verify/{receipt_id}/receipt.json: the signed file."""
    return file_response(_receipt_or_404(receipt_id))


@require_safe
def receipt_pdf(_request: HttpRequest, receipt_id: str) -> HttpResponse:
    """GET /verify/{receipt_id}/receipt.pdf."""
    try:
        return pdf_response(_receipt_or_404(receipt_id))
    except ReceiptDocumentPendingError as pending:
        return HttpResponse(
            pending.message,
            status=pending.status,
            content_type="text/plain; charset=utf-8",
            headers={"Retry-After": "30"},
        )


# Without a token: the answer depends on the file alone and nothing is changed. It also means that
# nothing has read the body when its size is looked at.
@csrf_exempt
def verify_upload(request: HttpRequest) -> HttpResponse:
    """GET, POST /verify/: check a file that somebody was given."""
    if request.method == "POST" and int(request.META.get("CONTENT_LENGTH") or 0) > _FORM_BYTES:
        form = UploadForm()
        problem = "The file is larger than 256 KiB, so it is no receipt."
        return _upload_page(request, form, status=413, problem=problem)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST":
        return _upload_page(request, UploadForm())
    if not form.is_valid():
        return _upload_page(request, form, status=400)
    file: UploadedFile = form.cleaned_data["file"]
    answer = checked(file.read(MAX_BYTES + 1))
    return render(request, "receipts/verify.html", _context(answer, None))


class ReceiptsPage(WorkspacePage, View):
    """GET /dashboard/receipts/."""

    def get(self, request: HttpRequest) -> HttpResponse:
        newest = selectors.receipts_of(self.workspace)[:_SHOWN]
        receipts = [(receipt, sheet_of(selectors.payload_of(receipt))) for receipt in newest]
        context = {
            "workspace": self.workspace,
            "is_simulated": self.workspace.is_simulated,
            "receipts": receipts,
            "most": max((sheet.co2e.high for _, sheet in receipts), default=1),
        }
        return render(request, "dashboard/receipts.html", context)


def _context(answer: Verification, receipt: CarbonReceipt | None) -> dict[str, Any]:
    # A file that failed a check shows no figures: they would wear this page's authority.
    sheet = sheet_of(answer.payload) if answer.valid and answer.payload is not None else None
    return {
        "answer": answer,
        "unchecked": [_TITLES[name] for name in answer.not_checked],
        "steps": [
            {
                "title": _TITLES[step.name],
                "kind": _MARKS.get(step.outcome, ("", ""))[0],
                "word": _MARKS.get(step.outcome, ("", "not checked"))[1],
                "text": step.text,
            }
            for step in answer.steps
        ],
        "sheet": sheet,
        "is_simulated": bool(sheet and sheet.is_simulated),
        "receipt": receipt,
        "has_pdf": receipt is not None and hasattr(receipt, "document"),
        "payload_hash": answer.steps[3].text.rpartition("sha256:")[2][:64] if sheet else "",
        "log_origin": settings.LOG_ORIGIN,
    }


def _upload_page(
    request: HttpRequest, form: UploadForm, *, status: int = 200, problem: str = ""
) -> HttpResponse:
    context = {"form": form, "problem": problem}
    return render(request, "receipts/upload.html", context, status=status)


def _receipt_or_404(receipt_id: str) -> CarbonReceipt:
    try:
        return selectors.receipt_by_id(receipt_id)
    except ReceiptNotFoundError as missing:
        raise Http404(missing.message) from missing
