# Stands in for the official slim image of Python: an interpreter as /usr/local/bin/python3, its headers, and no compiler.
FROM waiver-tests/debian
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && cd /tmp && apt-get download libpython3.11-dev \
    && dpkg-deb --fsys-tarfile libpython3.11-dev_*.deb | tar --extract --directory / ./usr/include \
    && rm -rf /tmp/*.deb /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /usr/share/doc/* \
    && ln -s /usr/bin/python3 /usr/local/bin/python3
