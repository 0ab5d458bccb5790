"""What cacheprog, s3-clean and bench have to do on each S3 server."""

import json
import os
import re
import subprocess
import time

import large
from servers import BUCKET

STRATEGIES = ("pack", "async", "workshop")
MANIFESTS = "manifests-v1/"
# The number of sessions that each write a manifest; the last ones merge them.
SESSIONS = 12
# More than that are merged.
MOST_MANIFESTS = 8
LONGEST_COMMAND_S = 600


class Machine:
    """A module, and a go with caches of its own that uses the backend."""

    def __init__(self, server, programs, folder, prefix, **variables):
        self.programs, self.folder = programs, folder
        self.variables = {
            "S3_ENDPOINT": server.endpoint,
            "S3_ACCESS_KEY_ID": server.key_id,
            "S3_SECRET_ACCESS_KEY": server.secret,
            "S3_BUCKET_NAME": BUCKET,
            "S3_PREFIX": prefix,
            **variables,
        }
        self.module = folder / "module"
        if not self.module.exists():
            write_module(self.module)

    def build(self, strategy, local):
        """Builds all packages with the local store of that name; returns the session's summary and what was said."""
        metrics = self.folder / f"metrics-{time.monotonic_ns()}"
        backend = f"{self.programs.cacheprog} --strategy {strategy} --cache-dir {self.folder / local} --metrics {metrics}"
        go_cache = self.folder / "gocache"
        go_cache.mkdir(exist_ok=True)
        settings = {"GOCACHEPROG": backend, "GOCACHE": str(go_cache), "GOFLAGS": "", "GOWORK": "off", "GOENV": "off"}
        said = run(["go", "build", "./..."], self.module, {**self.environment(), **settings})
        assert said.returncode == 0, said.stderr
        return session(metrics), said.stderr

    def environment(self):
        """Variables for our programs: the remote, and nothing of the user's settings."""
        return {**clean_environment(self.folder), **self.variables}

    def run(self, *command):
        """One of our programs."""
        return run(command, self.folder, self.environment())


def write_module(folder):
    """Thirty packages that import nothing of the standard library: compiled in a second."""
    old = time.time() - 60
    texts = {"go.mod": "module example.com/m\n\ngo 1.24\n"}
    for number in range(30):
        texts[f"p{number}/p.go"] = f"package p{number}\n\nfunc F() int {{ return {number} }}\n"
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (old, old))


def clean_environment(folder):
    """Without the user's settings of go, of the remote and of proxies."""
    dropped = re.compile(r"^(S3_|CACHEPROG_|AWS_|GO(?!ROOT))|_proxy$", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not dropped.search(name)}
    homes = {name: str(folder / "home") for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    return {**kept, **homes}


def run(command, folder, environment):
    command = [str(part) for part in command]
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_COMMAND_S
    )


def session(metrics):
    """The summary of the only session; it is written after go has ended."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for path in metrics.glob("sessions/*/session.json"):
            try:
                return json.loads(path.read_text())
            except json.JSONDecodeError:
                pass  # still being written
        time.sleep(0.05)
    raise AssertionError(f"no session.json below {metrics} within a minute")


def keys(server, prefix):
    """All keys below a prefix, by boto3."""
    pages = server.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def check_strategies(server, programs, folder):
    """all strategies: cold, remote hits, local hits."""
    for strategy in STRATEGIES:
        machine = Machine(server, programs, folder, f"{strategy}/")
        cold, said = machine.build(strategy, f"cold-{strategy}")
        assert cold["misses"] > 0 and cold["uploads_left"] == 0 and cold["remote_off"] is None, (strategy, cold, said)
        fresh, said = machine.build(strategy, f"fresh-{strategy}")
        assert (fresh["misses"], fresh["puts"], fresh["hits_local"]) == (0, 0, 0), (strategy, fresh, said)
        assert fresh["hits_remote"] > 0, (strategy, fresh)
        local, _ = machine.build(strategy, f"fresh-{strategy}")
        assert local["hits_local"] == local["gets"] > 0, (strategy, local)
    return f"{cold['puts']} puts, {fresh['hits_remote']} remote hits each"


def check_merging(server, programs, folder):
    """many sessions leave few manifests."""
    machine = Machine(server, programs, folder, "merging/")
    for number in range(SESSIONS):
        (machine.module / "p0/p.go").write_text(f"package p0\n\nfunc F() int {{ return {number + 1000} }}\n")
        machine.build("pack", f"store-{number}")
    # The bucket is tidied up after go has ended.
    end = time.monotonic() + 60
    while len(left := keys(server, f"merging/{MANIFESTS}")) > MOST_MANIFESTS and time.monotonic() < end:
        time.sleep(0.2)
    assert 0 < len(left) <= MOST_MANIFESTS, left
    fresh, said = machine.build("pack", "fresh")
    assert (fresh["misses"], fresh["puts"]) == (0, 0), (fresh, said)
    return f"{len(left)} manifests after {SESSIONS} sessions"


def check_wrong_keys(server, programs, folder):
    """wrong keys: the build works, and a line says why there is no remote."""
    for wrong in ({"S3_SECRET_ACCESS_KEY": "wrong"}, {"S3_ACCESS_KEY_ID": "unknown"}):
        machine = Machine(server, programs, folder, "wrong/", **wrong)
        summary, said = machine.build("pack", f"store-{list(wrong)[0]}")
        assert summary["hits_remote"] == 0 and summary["uploads_done"] == 0, summary
        reasons = re.findall("^cacheprog: (.*(?:denied|refused|answered 4).*)$", said, re.MULTILINE)
        assert reasons, (wrong, said)
        assert server.secret not in said, "the secret is shown"
        cleaned = machine.run(programs.s3_clean, "--yes")
        assert cleaned.returncode != 0 and "error: " in cleaned.stderr, cleaned.stderr
    return reasons[0]


def check_few_rights(server, programs, folder):
    """a key that may get and put, but not list."""
    variables = server.key_without_list()
    for strategy in STRATEGIES:
        machine = Machine(server, programs, folder, f"few/{strategy}/", **variables)
        _, cold = machine.build(strategy, f"cold-{strategy}")
        fresh, said = machine.build(strategy, f"fresh-{strategy}")
        assert (fresh["misses"], fresh["remote_off"]) == (0, None), (strategy, fresh["misses"], cold, said)
        if strategy == "pack":
            assert re.search("^cacheprog: .*list", said, re.MULTILINE | re.IGNORECASE), f"not a word: {cold}{said}"


def check_prefix(server, programs, folder):
    """a prefix with a slash before it, and none behind."""
    machine = Machine(server, programs, folder, "/slash")
    machine.build("pack", "cold")
    fresh, said = machine.build("pack", "fresh")
    stored = keys(server, "")
    for key in stored:
        server.client().delete_object(Bucket=BUCKET, Key=key)
    assert (fresh["misses"], fresh["puts"]) == (0, 0), (fresh["misses"], stored[:2], said)


def check_large(server, programs, folder):
    """an output of 70 MiB."""
    for strategy in STRATEGIES:
        large.put_and_get(Machine(server, programs, folder, f"large/{strategy}/"), strategy)


def check_bench(server, programs, folder):
    """bench --remote env --scenario small."""
    machine = Machine(server, programs, folder, "bench/")
    arguments = ("--remote", "env", "--scenario", "small", "--rounds", "1", "--no-profile", "--out", folder / "results")
    done = machine.run(programs.bench, *arguments)
    assert done.returncode == 0, done.stderr
    left = keys(server, "bench/")
    assert not left, f"the run left {left[:3]}"


def check_clean(server, programs, folder):
    """s3-clean: shows what would go, then empties."""
    machine = Machine(server, programs, folder, "")
    for number in range(3):
        server.client().put_object(Bucket=BUCKET, Key=f"clean/a b+c/{number}=", Body=b"x")
    dry = machine.run(programs.s3_clean, "--prefix", "clean/")
    assert "3 objects" in dry.stderr and len(keys(server, "clean/")) == 3, dry.stderr
    for prefix in ("clean/", "merging/", "wrong/", "few/", "large/", *(f"{strategy}/" for strategy in STRATEGIES)):
        done = machine.run(programs.s3_clean, "--yes", "--prefix", prefix)
        assert done.returncode == 0, done.stderr
    assert not keys(server, ""), keys(server, "")[:3]


CHECKS = [
    check_prefix,
    check_strategies,
    check_merging,
    check_wrong_keys,
    check_few_rights,
    check_large,
    check_bench,
    check_clean,
]
