"""Images that stand in for the official ones, which no package registry has: Debian with this machine's own settings.

Whatever lets package managers work here (a bundle of certificates, an index, a proxy) is taken from this machine when
the images are made, so that they work there too; no file of the repository names it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.docker_engine import FOLDER, HOST, NICE, PATH, DockerEngine, program

SUITE: Final = "bookworm"
DEBIAN: Final = "waiver-tests/debian"
RECIPES: Final = Path(__file__).resolve().parents[1] / "deploy" / "bases"
# The variables of compose.yaml and the images that they name here.
IMAGES: Final = {
    "BASE_IMAGE": "waiver-tests/python",
    "POSTGRES_IMAGE": "waiver-tests/postgres",
    "REDIS_IMAGE": "waiver-tests/redis",
}
MINUTES: Final = 60.0
_ROOT_FILES: Final = FOLDER / f"{SUITE}.tar"
_CERTIFICATES: Final = "etc/ssl/certs/ca-certificates.crt"
_PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_PIP_OPTIONS: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")
# Not needed by a server, and a third of everything.
_NEEDLESS: Final = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/lib/apt/lists", "var/cache/apt")


def make_base_images(engine: DockerEngine) -> dict[str, str]:
    """Make the images where they are missing, and return the variables that name them."""
    if not _ROOT_FILES.exists():
        _make_root_files()
    if not engine.run("images", "--quiet", DEBIAN).strip():
        proxies = [f"ENV {name}={_seen_inside(os.environ[name])}" for name in _PROXIES if os.environ.get(name)]
        path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        changes = [part for change in (path, *proxies) for part in ("--change", change)]
        engine.run("import", *changes, str(_ROOT_FILES), DEBIAN)
    for image in IMAGES.values():
        recipe = RECIPES / f"{image.rpartition('/')[2]}.Dockerfile"
        engine.run("build", "--file", str(recipe), "--tag", image, str(RECIPES), seconds=5 * MINUTES)
    return dict(IMAGES)


def _make_root_files() -> None:
    """Keep a Debian that knows what this machine knows of registries."""
    with tempfile.TemporaryDirectory(prefix="debian-") as name:
        root = Path(name)
        sources = _sources()
        mirror = [line.split()[1] for line in sources if line.split()[2] == SUITE][:1]
        _run("debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, name, *mirror)
        for needless in _NEEDLESS:
            shutil.rmtree(root / needless, ignore_errors=True)
            (root / needless).mkdir()
        if sources:
            (root / "etc/apt/sources.list").write_text("".join(sources), encoding="ascii")
        (root / "etc/apt/apt.conf.d/90host").write_text(_apt_settings(), encoding="utf-8")
        (root / "etc/pip.conf").write_text(_pip_settings(), encoding="utf-8")
        if Path("/", _CERTIFICATES).exists():
            shutil.copy(Path("/", _CERTIFICATES), root / _CERTIFICATES)
        draft = _ROOT_FILES.with_suffix(".draft")
        _run("tar", "--create", "--file", str(draft), "--directory", name, ".")
        draft.replace(_ROOT_FILES)


def _sources() -> list[str]:
    """Return lines for Debian's packages as this machine fetches them; none if it is no Debian of the suite."""
    if shutil.which("apt-get") is None:
        return []
    form = "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)"
    rows = _run("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines()
    known = dict.fromkeys(tuple(row.split()) for row in rows)
    wanted = [(row[0], row[1]) for row in known if row[2:] == ("main", "Debian") and row[1].startswith(SUITE)]
    return [f"deb {_seen_inside(uri)} {codename} main\n" for uri, codename in wanted]


def _apt_settings() -> str:
    """Return the proxies and certificates of this machine's apt-get, and that it asks nothing."""
    known = _run("apt-config", "dump").splitlines() if shutil.which("apt-config") else []
    wanted = re.compile(r"Acquire::https?::(Proxy|CaInfo|Verify-Peer)\b", re.IGNORECASE)
    return "".join(f"{_seen_inside(line)}\n" for line in known if wanted.match(line))


def _pip_settings() -> str:
    """Return where this machine's pip finds packages, from its files and the environment, and whom it trusts."""
    options = {"cert": f"/{_CERTIFICATES}"}
    for line in _run(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option in _PIP_OPTIONS:
            options[option] = _seen_inside(json.loads(value.replace("'", '"')))
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())


def _seen_inside(text: str) -> str:
    """Return an address as containers reach it: this machine's loopback has another name there."""
    return re.sub(r"(?<=[/@\"'\s])(localhost|127\.0\.0\.1)(?=[:/])", HOST, text)


def _run(name: str, *arguments: str) -> str:
    """Run a program beside other tests, and return what it prints."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        ["nice", "-n", str(NICE), program(name) or name, *arguments],  # noqa: S607 - as above
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * MINUTES,
        env=os.environ | {"PATH": PATH} if "/" not in name else None,
    )
    assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout
