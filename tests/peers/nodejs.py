"""Runs programs of the npm packages that `run` has installed, with the Node.js that came along with them."""

import platform
import subprocess

from standin import ROOT, environment

FOLDER = ROOT / "target" / "peers" / "node"
PACKAGES = FOLDER / "node_modules"
ARCHITECTURE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def run(program, *arguments, timeout=60):
    """Runs one, its home folder below target/; a name below node_modules/.bin."""
    node = PACKAGES / f"node-linux-{ARCHITECTURE}" / "bin" / "node"
    return subprocess.run(
        [node, (PACKAGES / ".bin" / program).resolve(), *arguments],
        cwd=FOLDER, env=environment(HOME=str(FOLDER), NO_COLOR="1"), capture_output=True, text=True, timeout=timeout,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
