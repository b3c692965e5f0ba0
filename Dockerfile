# The product alone: no tests, no simulator, no embedded services, no compiler.

FROM python:3.12-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/python -m pip install --require-hashes -r requirements.txt
COPY . .
# The settings have no default for a secret; these live for the length of one command.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    SECRET_KEYRING="build:$(python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())')" \
    DATABASE_URL=postgresql://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1 \
    /venv/bin/python manage.py collectstatic --no-input --verbosity 0


FROM python:3.12-slim-bookworm

# Pango and HarfBuzz draw the PDFs. Debian's point releases move these versions: no pins.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /venv /venv
COPY --from=build /app /app
# /data keeps receipts' documents: a volume here inherits the owner. Celery looks for the group's name.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp carbon \
    && install --directory --owner=carbon --group=carbon /data

ENV PATH=/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ARTIFACTS_FOLDER=/data
WORKDIR /app
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "gunicorn", "carbon_platform.wsgi", "--bind", "0.0.0.0:8000", \
     "--workers", "2", "--worker-class", "gthread", "--threads", "4", "--preload", \
     "--no-control-socket", "--worker-tmp-dir", "/dev/shm"]
