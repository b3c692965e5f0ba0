"""The newest factor set, published: checked and written out once, then stored as it was written."""

from datetime import datetime
from functools import cache
from typing import Final

from django.db import connection as database

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.selectors import canonical_json, forget_recent_factors
from apps.emissions.services import NEWEST, load_catalogue
from apps.emissions.services.factor_sets import document_sha256

INSERT: Final = """
INSERT INTO emissions_factorset
    (version, status, is_current, effective_from, document, sha256, notes, created_at, published_at)
VALUES (%s, 'published', true, %s, %s::jsonb, %s, '', %s, %s)
"""


def publish_newest_factors(*, now: datetime) -> None:
    """As `seed_factors --publish` on an empty database leaves it; thousands of tests begin so."""
    with database.cursor() as cursor:
        cursor.execute(INSERT, [*_written(), now, now])
    forget_recent_factors()


@cache
def _written() -> tuple[str, str, str, str]:
    """Version, beginning, document and its hash."""
    document = load_catalogue(NEWEST)
    FactorDocument.from_dict(document)
    text = canonical_json(document).decode()
    return document["version"], document["effective_from"], text, document_sha256(document)
