"""When receipts are made. Each tick finds its work in the database; losing one loses nothing."""

from celery import shared_task

from apps.common import clock
from apps.common.bell import ring
from apps.receipts.services import documents, receipts


@shared_task
def issue_due_receipts() -> list[str]:
    """Sign and log the receipts of closed periods; their PDFs are drawn by a task of their own."""
    issued = receipts.issue_due(now=clock.now())
    if issued:
        ring(render_due_documents)
    return issued


@shared_task
def render_due_documents() -> int:
    """Draw the PDFs that are missing."""
    return documents.render_due(now=clock.now())
