# Stands in for the official image of Redis, in what the stack uses of it: user 999, and /data as its place.
FROM waiver-tests/debian
RUN groupadd --system --gid 999 redis \
    && useradd --system --uid 999 --gid 999 --home-dir /data redis \
    && apt-get update \
    && apt-get install --yes --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /usr/share/doc/* \
    && install --directory --owner=redis --group=redis /data
WORKDIR /data
EXPOSE 6379
ENTRYPOINT []
CMD ["redis-server"]
