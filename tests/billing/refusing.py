"""SQL that PostgreSQL must refuse, run past all of our code."""

from typing import Any

import pytest
from django.db import Error, connection, transaction


def refused(sql: str, *parameters: Any, because: str) -> None:
    with pytest.raises(Error, match=because), transaction.atomic():
        run_checked(sql, *parameters)


def run_checked(sql: str, *parameters: Any) -> None:
    run(sql, *parameters)
    run("SET CONSTRAINTS ALL IMMEDIATE")


def run(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
