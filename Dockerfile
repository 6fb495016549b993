FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements/build.txt requirements/image.txt requirements/
# What builds stays in this stage: the environment that the image gets has neither pip nor a build backend.
RUN python -m pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && python -m venv --without-pip /opt/gelf-listener \
 && python -m pip --python /opt/gelf-listener install --no-cache-dir --require-hashes -r requirements/image.txt
COPY pyproject.toml hatch_build.py README.md LICENSE CHANGELOG.md ./
COPY gelf_listener gelf_listener
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m pip --python /opt/gelf-listener install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
COPY --from=build /opt/gelf-listener /opt/gelf-listener
RUN python -m pip uninstall --yes pip \
 && groupadd --system --gid 12201 gelf \
 && useradd --system --uid 12201 --gid 12201 --no-create-home gelf \
 && install -d -o gelf -g gelf /data
USER gelf
VOLUME /data
# Inside a container the ports have to be open to its network; publish them to where they should be reached from.
# The API then wants to know who may log in: GELF_API_PASSWORD or GELF_API_PASSWORD_FILE; or GELF_API_AUTH=off.
ENV PATH=/opt/gelf-listener/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    XDG_STATE_HOME=/data \
    GELF_HOST=* \
    GELF_API=*:9000
EXPOSE 12201/udp 12202/udp 12201/tcp 12202/tcp 12203/tcp 12204/tcp 1514/udp 1514/tcp 9000/tcp
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9000/health', timeout=2)"]
ENTRYPOINT ["gelf-listener"]
