# The service with its embedded store and the drivers of all ledgers. See docs/deployment.md.
#
# It runs as a user without a name or rights, writes to /data and /tmp only (docker run --read-only
# --tmpfs /tmp), is process 1 itself, and is the same for amd64 and arm64: every pinned package has a wheel
# for both.

# The Python and the Debian that the tests run on.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG EXTRAS=embedded,postgres,mysql
WORKDIR /src
COPY . .
RUN sh deploy/image/install.sh /opt/holdfast "$EXTRAS"

FROM python:${PYTHON}
COPY --from=build /opt/holdfast /opt/holdfast
# A new volume gets the owner of the directory that it is mounted on.
RUN ["install", "-d", "-o", "10001", "-g", "10001", "-m", "0700", "/data"]
ENV PATH=/opt/holdfast/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    HOLDFAST_HOST=0.0.0.0 \
    HOLDFAST_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --start-interval=2s CMD ["holdfast", "ready"]
# SIGTERM lets requests in flight finish: stop it with a grace period of 40 s (docker stop --time 40).
ENTRYPOINT ["holdfast"]
CMD ["serve"]
