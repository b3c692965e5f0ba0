from datetime import UTC, datetime, timedelta
import pytest
from decimal import Decimal
from apps.telemetry.connectors.base import *
from apps.telemetry.models import *
from apps.telemetry.services.ingest import record
from apps.workspaces.models import *
from apps.emissions.services import load_catalogue, seed_factor_set, NEWEST
from apps.emissions.selectors import current_factors
T=datetime(2026,11,18,tzinfo=UTC)
def row(model, i, o, **k):
    return UsageRow(dims={"model":model}, model=model, input_uncached=i, output=o, requests=3, **k)
@pytest.mark.django_db
def test_draft():
    now=T+timedelta(days=1)
    seed_factor_set(load_catalogue(NEWEST), publish=True, now=now)
    ws=Workspace.objects.create(name="a", slug="a", created_at=T, updated_at=T)
    p=Project.objects.create(workspace=ws,name="Default",is_default=True,created_at=T)
    c=ProviderConnection.objects.create(workspace=ws,provider="openai",name="x",created_at=T,updated_at=T)
    Workload.objects.create(workspace=ws,connection=c,project=p,created_at=T)
    w=Window(T,T+timedelta(hours=3))
    b=[BucketReading("s",T+timedelta(hours=h),T+timedelta(hours=h+1),False,(row("gpt-4o",1000*h,500), row("o3-mini",10,20))) for h in range(3)]
    f=current_factors()
    r=record(c,"s",Reading(w,tuple(b),()),f,now=now)
    print(r)
    r=record(c,"s",Reading(w,tuple(b),()),f,now=now+timedelta(hours=1))
    print(r)
    b[1]=BucketReading("s",b[1].bucket_start,b[1].bucket_end,False,(row("gpt-4o",900,600),))
    r=record(c,"s",Reading(w,tuple(b),()),f,now=now+timedelta(hours=2))
    print(r)
    from django.db.models import Sum
    print(Rollup.objects.aggregate(Sum("co2e_grams"),Sum("output_tokens")), CarbonEntry.objects.aggregate(Sum("co2e_grams"),Sum("output_tokens")))
    from apps.telemetry.selectors import summary, Span, timeseries
    s=summary(ws,Span(T,T+timedelta(hours=3)),f); print(s)
    print(timeseries(ws,Span(T+timedelta(minutes=1),T+timedelta(hours=3)),step="day",split="model"))
    import time
    w=Window(T-timedelta(days=60),T)
    b=[BucketReading("s",t,t+HOUR,False,tuple(row(m,1000+i,500) for m in ("gpt-4o","o3","o1","gpt-4.1","gpt-4.1-mini"))) for i,t in enumerate(w.starts(HOUR))]
    t0=time.perf_counter(); r=record(c,"s",Reading(w,tuple(b),()),f,now=now); print(r, time.perf_counter()-t0)
    t0=time.perf_counter(); r=record(c,"s",Reading(w,tuple(b),()),f,now=now); print(r, time.perf_counter()-t0)
