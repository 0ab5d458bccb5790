"""Puts the servers and clients of others below target/servers, by their package managers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

# The longest that one program may take to be built, in seconds.
LONGEST_BUILD_S = 3600


# What is tested with, so that a run next year means what it means today. A program of Go that is there already is kept: after a
# change here delete target/servers.
PYTHON_PACKAGES = ["boto3==1.44.8", "moto[server]==5.2.5"]
GO_PROGRAMS = {
    "gobuildcache": ("github.com/richardartoul/gobuildcache", "v1.5.0"),
    "minio": ("github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"),
    "versitygw": ("github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
    "weed": ("github.com/seaweedfs/seaweedfs/weed", "v0.0.0-20261109003541-7506e5f91cd6"),
}


class NotInstalled(Exception):
    """A program that cannot be had on this machine."""


class Programs:
    """Our own programs, and the folder for those of others."""

    def __init__(self, build):
        self.folder = build / "servers"
        self.folder.mkdir(exist_ok=True)
        debug = build / "debug"
        self.cacheprog, self.bench, self.s3_clean = (debug / name for name in ("cacheprog", "bench", "s3-clean"))
        self.python = Path(sys.executable)

    def go(self, name):
        """A Go program, built once. One whose module replaces others is built in a copy of it: `go install` refuses those."""
        program = self.folder / "bin" / name
        if program.exists():
            return program
        package, version = GO_PROGRAMS[name]
        print(f"building {package} {version} …", file=sys.stderr)
        environment = self._go_environment()
        installed = self._run(["go", "install", f"{package}@{version}"], self.folder, environment)
        if "replace directives" in installed.stderr:
            self._build_in_a_copy(package, version, program, environment)
        elif installed.returncode != 0:
            raise NotInstalled(last_line(installed.stderr))
        return program

    def _go_environment(self):
        paths = {"GOPATH": self.folder / "go", "GOBIN": self.folder / "bin", "GOCACHE": self.folder / "go-build"}
        fixed = {"GOENV": "off", "GOFLAGS": "-modcacherw -buildvcs=false", "CGO_ENABLED": "0", "GOCACHEPROG": ""}
        return {**os.environ, **{name: str(path) for name, path in paths.items()}, **fixed}

    def _build_in_a_copy(self, package, version, program, environment):
        module = "/".join(package.split("/")[:3])
        fetched = self._run(["go", "mod", "download", "-json", f"{module}@{version}"], self.folder, environment)
        if fetched.returncode != 0:
            raise NotInstalled(last_line(fetched.stderr))
        source, copy = json.loads(fetched.stdout)["Dir"], self.folder / "source" / program.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy)
        target = "." + package.removeprefix(module)
        built = self._run(["go", "build", "-o", program, target], copy, environment)
        shutil.rmtree(copy, ignore_errors=True)
        if built.returncode != 0:
            raise NotInstalled(last_line(built.stderr))

    def _run(self, command, folder, environment):
        try:
            return subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_BUILD_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstalled(f"{command[0]}: {error}") from error


def last_line(text):
    lines = text.strip().split("\n")
    return lines[-1].strip()


if __name__ == "__main__":
    print("\n".join(PYTHON_PACKAGES))
