"""Runs all checks against each S3 server, and prints a table of what came out. scripts/test-servers starts it."""

import argparse
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import cache
import clients
import install
import servers

# With fewer than these from others, the run has shown too little.
LEAST_SERVERS = 2


def main():
    arguments = parse()
    # An end by a signal unwinds as an error does, so that each server is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    programs = install.Programs(arguments.build)
    rows, ran = [], 0
    for name in arguments.servers or list(servers.ALL):
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=programs.folder))
        try:
            came = run_server(name, programs, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        rows += came
        ran += any(result != "skipped" for _, _, result, _ in came) and name != "embedded"
    show(rows)
    failed = sum(result == "FAILED" for _, _, result, _ in rows)
    passed = sum(result == "ok" for _, _, result, _ in rows)
    print(f"{passed} passed, {failed} failed, {len(rows) - passed - failed} skipped")
    if not arguments.servers and ran < LEAST_SERVERS:
        print(f"error: {ran} servers of others ran, and {LEAST_SERVERS} have to", file=sys.stderr)
        failed += 1
    sys.exit(1 if failed else 0)


def parse():
    parser = argparse.ArgumentParser(prog="scripts/test-servers", description=__doc__)
    parser.add_argument("servers", nargs="*", metavar="SERVER", help=f"which: {', '.join(servers.ALL)} (default: all)")
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for name in arguments.servers:
        if name not in servers.ALL:
            parser.error(f"{name} is none of {', '.join(servers.ALL)}")
    return arguments


def run_server(name, programs, folder):
    """Installs and starts one server and runs its checks; rows of server, check, result, detail."""
    kind = servers.ALL[name]
    try:
        kind.install(programs)
    except install.NotInstalled as reason:
        return [report(name, "install", "skipped", str(reason))]
    try:
        with kind(programs, folder / "server") as server:
            checks = cache.CHECKS + (clients.CHECKS if name == "embedded" else [])
            return [run_check(name, check, server, programs, folder) for check in checks]
    except servers.DidNotStart as error:
        return [report(name, "start", "FAILED", str(error))]


def run_check(name, check, server, programs, folder):
    title = check.__doc__.split("\n")[0].rstrip(".")
    try:
        detail = check(server, programs, Path(tempfile.mkdtemp(dir=folder)))
    except install.NotInstalled as reason:
        return report(name, title, "skipped", str(reason))
    except Exception:  # each check is one row, whatever goes wrong in it
        return report(name, title, "FAILED", traceback.format_exc(limit=-2))
    return report(name, title, "ok", detail or "")


def report(name, check, result, detail):
    """One row; what failed is shown in full at once, since the run goes on."""
    print(f"{name}: {check}: {result}", file=sys.stderr)
    if result != "ok":
        print(detail, file=sys.stderr)
    return name, check, result, detail.strip().split("\n")[-1]


def show(rows):
    header = ("server", "check", "result", "")
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(3)]
    for row in [header, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print("  ".join([*cells, row[3]]).rstrip())


if __name__ == "__main__":
    main()
