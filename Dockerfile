# One image for all: `docker run meetprobe sfu-shim …`, `… probe …`, `… locust …`. Options alone (`--worker …`) are Locust's:
# its Kubernetes operator gives nothing else.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv --without-pip /opt/meetprobe
WORKDIR /src
COPY . .
RUN python3 -m pip --python /opt/meetprobe install --no-cache-dir . \
    && cd / && /opt/meetprobe/bin/python -c 'from probe import native; assert native.available(), "no compiled packet path"'

FROM ${BASE}
RUN useradd --uid 10001 --no-create-home --home-dir /tmp meetprobe \
    && install -d -o meetprobe /out /cache
COPY --from=build /opt/meetprobe /opt/meetprobe
COPY deploy/entrypoint.sh /usr/local/bin/entrypoint
# Where Locust finds its file without -f, and where the operator puts another over it.
COPY loadtest/locustfile.py /home/locust/
WORKDIR /home/locust
ENV PATH=/opt/meetprobe/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MEETPROBE_CACHE=/tmp/meetprobe
# By number: `runAsNonRoot` of Kubernetes can't check a name. Nothing is written but to /tmp, and to /out and /cache where they are
# mounted.
USER 10001:10001
STOPSIGNAL SIGTERM
# A service names its page in MEETPROBE_HEALTH_URL; what has none is well for as long as it runs.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; url = os.environ.get('MEETPROBE_HEALTH_URL'); url and web.urlopen(url, timeout=4)"]
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["probe", "--help"]
