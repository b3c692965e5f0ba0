"""What must always hold of periods, settlements and grams: counted anew from the rows."""

# ruff: noqa: E501 - a query is read best with one fact a line

from typing import Final

from django.db import connection

SHOWN: Final = 20

# Each query answers one line of text per violation.
CHECKS: Final[tuple[str, ...]] = (
    # Periods of a workspace follow each other without a gap.
    """
    SELECT 'period ' || public_id || ' does not begin where the one before it ends'
    FROM (SELECT public_id, starts_at, lag(ends_at) OVER (PARTITION BY workspace_id ORDER BY starts_at) AS before
          FROM billing_billingperiod) AS period
    WHERE before IS NOT NULL AND before <> starts_at
    """,
    # Closed before closing before open: they close in order.
    """
    SELECT 'period ' || later.public_id || ' is ' || later.status || ' before an earlier one is closed'
    FROM billing_billingperiod AS later
    WHERE (later.status = 'closed' OR later.settled_at IS NOT NULL) AND EXISTS (
        SELECT 1 FROM billing_billingperiod AS earlier
        WHERE earlier.workspace_id = later.workspace_id AND earlier.starts_at < later.starts_at
          AND earlier.status <> 'closed')
    """,
    # What a period states is what its settled entries sum to.
    """
    SELECT 'period ' || period.public_id || ' states other sums than its settled entries have'
    FROM billing_billingperiod AS period
    LEFT JOIN LATERAL (
        SELECT count(*) AS entries, coalesce(sum(entry.co2e_grams_low), 0) AS low,
               coalesce(sum(entry.co2e_grams), 0) AS central, coalesce(sum(entry.co2e_grams_high), 0) AS high,
               coalesce(sum(entry.energy_kwh), 0) AS energy,
               coalesce(sum(entry.co2e_grams) FILTER (WHERE settlement.is_adjustment), 0) AS adjusted
        FROM billing_settlement AS settlement
        JOIN telemetry_carbonentry AS entry ON entry.id = settlement.entry_id
        WHERE settlement.period_id = period.id
    ) AS settled ON true
    WHERE period.settled_at IS NOT NULL
      AND (settled.entries, settled.low, settled.central, settled.high, settled.energy, settled.adjusted)
          IS DISTINCT FROM (period.entries_count, period.co2e_grams_low, period.co2e_grams,
                            period.co2e_grams_high, period.energy_kwh, period.adjustments_grams)
    """,
    # An entry is settled once, in its own workspace, in a period that ends after its use.
    """
    SELECT 'entry ' || settlement.entry_id || ' is settled where it does not belong'
    FROM billing_settlement AS settlement
    JOIN billing_billingperiod AS period ON period.id = settlement.period_id
    LEFT JOIN telemetry_carbonentry AS entry ON entry.id = settlement.entry_id
    WHERE entry.id IS NULL OR entry.is_test OR entry.workspace_id <> settlement.workspace_id
       OR period.workspace_id <> settlement.workspace_id OR entry.used_at >= period.ends_at
       OR settlement.is_adjustment <> (entry.used_at < period.starts_at)
       OR period.settled_at IS NULL
    """,
    "SELECT 'entry ' || entry_id || ' is settled twice' FROM billing_settlement GROUP BY entry_id HAVING count(*) > 1",
    # A period's grams are those it owes, all or none, and of a closed one all and confirmed.
    """
    SELECT 'period ' || period.public_id || ' has ' || given.grams || ' g of the ' || owed.grams || ' g it owes'
    FROM billing_billingperiod AS period
    CROSS JOIN LATERAL (SELECT CASE
        WHEN NOT period.retires_credits OR period.settled_at IS NULL THEN 0
        WHEN period.retirement_basis = 'high' THEN ceil(period.co2e_grams_high)
        ELSE ceil(period.co2e_grams) END AS grams) AS owed
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(upper(grams) - lower(grams)), 0) AS grams
        FROM billing_creditallocation WHERE period_id = period.id) AS given
    WHERE (given.grams <> 0 AND given.grams <> owed.grams)
       OR (period.status = 'closed' AND (given.grams <> owed.grams OR period.retired_grams <> owed.grams))
    """,
    """
    SELECT DISTINCT 'period ' || period.public_id || ' is closed and a retirement of it is not confirmed'
    FROM billing_billingperiod AS period
    JOIN billing_creditallocation AS allocation ON allocation.period_id = period.id
    JOIN billing_retirementorder AS ordered ON ordered.id = allocation.order_id
    WHERE period.status = 'closed' AND ordered.status <> 'confirmed'
    """,
    # Allocation inside order inside batch; no gram left out, none given twice.
    """
    SELECT 'allocation ' || allocation.id || ' lies outside its order or its batch'
    FROM billing_creditallocation AS allocation
    JOIN billing_retirementorder AS ordered ON ordered.id = allocation.order_id
    JOIN billing_creditbatch AS batch ON batch.id = allocation.batch_id
    WHERE ordered.batch_id <> batch.id OR NOT ordered.grams @> allocation.grams
       OR NOT batch.grams @> ordered.grams
    """,
    """
    SELECT 'batch ' || batch.public_id || ': its allocations leave a gap or overlap at gram '
           || lower(allocation.grams)
    FROM (SELECT batch_id, grams, lag(upper(grams)) OVER (PARTITION BY batch_id ORDER BY lower(grams)) AS before
          FROM billing_creditallocation) AS allocation
    JOIN billing_creditbatch AS batch ON batch.id = allocation.batch_id
    WHERE lower(allocation.grams) <> coalesce(allocation.before, lower(batch.grams))
    """,
    """
    SELECT 'batch ' || batch.public_id || ': its orders leave a gap or overlap at gram ' || lower(ordered.grams)
    FROM (SELECT batch_id, grams, lag(upper(grams)) OVER (PARTITION BY batch_id ORDER BY lower(grams)) AS before
          FROM billing_retirementorder) AS ordered
    JOIN billing_creditbatch AS batch ON batch.id = ordered.batch_id
    WHERE lower(ordered.grams) <> coalesce(ordered.before, lower(batch.grams))
    """,
    # No tonne is ordered that no allocation has begun.
    """
    SELECT 'order ' || ordered.public_id || ' covers a tonne of which no gram is allocated'
    FROM billing_retirementorder AS ordered
    CROSS JOIN LATERAL (SELECT coalesce(max(upper(grams)), 0) AS used_until
                        FROM billing_creditallocation WHERE order_id = ordered.id) AS used
    WHERE used.used_until <= upper(ordered.grams) - 1000000
    """,
    # Batches lie side by side in the gram space.
    """
    SELECT 'batch ' || public_id || ' does not begin where the one before it ends'
    FROM (SELECT public_id, grams, lag(upper(grams)) OVER (ORDER BY lower(grams)) AS before
          FROM billing_creditbatch) AS batch
    WHERE lower(grams) <> coalesce(before, 0)
    """,
)  # fmt: skip


def invariant_violations() -> list[str]:
    """Every violation in words, at most twenty of each kind; empty when all is well."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for check in CHECKS:
            cursor.execute(f"SELECT * FROM ({check}) AS violation LIMIT {SHOWN}")  # noqa: S608 - the constants above
            found += [row[0] for row in cursor.fetchall()]
    return found
