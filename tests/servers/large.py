"""One output that is larger than what the backend keeps in memory, put and fetched as go would."""

import base64
import hashlib
import json
import subprocess

# Above 64 MiB, from where on a body is streamed.
BODY = bytes(range(251)) * (70 * (1 << 20) // 251)
ACTION = base64.b64encode(bytes(range(32))).decode()


class Backend:
    """A cacheprog with a local store of that name, spoken to in go's place."""

    def __init__(self, machine, strategy, local):
        folder = machine.folder
        arguments = ["--strategy", strategy, "--cache-dir", folder / local, "--metrics", folder / f"metrics-{local}"]
        self.process = subprocess.Popen(
            [str(part) for part in [machine.programs.cacheprog, *arguments]],
            cwd=folder,
            env=machine.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert "get" in self.answer()["KnownCommands"]

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, request, body=b""):
        self.process.stdin.write(json.dumps(request).encode() + b"\n\n")
        if body:
            self.process.stdin.write(b'"' + base64.b64encode(body) + b'"\n')
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        """Closes as go does; what was said."""
        self.ask({"ID": 9, "Command": "close"})
        return self.process.communicate(timeout=120)[1].decode()


def put_and_get(machine, strategy):
    """Puts the output, and fetches it into an empty local store."""
    output = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    first = Backend(machine, strategy, f"large-{strategy}")
    put = {"ID": 1, "Command": "put", "ActionID": ACTION, "OutputID": output, "BodySize": len(BODY)}
    assert first.ask(put, BODY).get("DiskPath")
    said = first.end()
    second = Backend(machine, strategy, f"large-again-{strategy}")
    got = second.ask({"ID": 1, "Command": "get", "ActionID": ACTION})
    said += second.end()
    assert got.get("Size") == len(BODY), (strategy, got, said)
    with open(got["DiskPath"], "rb") as stored:
        assert stored.read() == BODY, "another body"
