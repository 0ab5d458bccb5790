"""The S3 servers: how each is installed, started with a bucket and keys of its own, and stopped."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time

import boto3
from botocore.config import Config

from install import NotInstalled

BUCKET = "cache"
GET_AND_PUT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/*"}],
}
ALL_RIGHTS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# The longest that a server may take to start, in seconds.
LONGEST_START_S = 60


class DidNotStart(Exception):
    """A server that ended, or does not answer."""


class Server:
    """A server on a free port of 127.0.0.1, with a bucket; as a context manager it is stopped whatever happens."""

    @staticmethod
    def install(programs):
        """Raises NotInstalled where the server cannot be had."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        (folder / "data").mkdir(parents=True)
        self.key_id, self.secret = f"KEY{secrets.token_hex(8).upper()}", secrets.token_hex(20)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def command(self):
        """The command that serves in the foreground."""
        raise NotImplementedError

    def environment(self):
        """Variables of the server, on top of the user's."""
        return {}

    def make_bucket(self):
        self.client().create_bucket(Bucket=BUCKET)

    def client(self, **settings):
        """A boto3 client."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **settings),
        )

    def key_without_list(self):
        """Variables with a key that may get and put, but not list."""
        raise NotInstalled("this server has no such key, or no simple way to make one")

    def __enter__(self):
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command()],
                cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder), **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=self.stdout(log),
                stderr=log,
                start_new_session=True,
            )
        try:
            self.wait()
            self.make_bucket()
        except BaseException as error:
            self.__exit__()
            if isinstance(error, Exception):
                raise DidNotStart(f"{error}\n{self.log()}") from error
            raise
        return self

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(10)
            except (ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
                continue

    def stdout(self, log):
        return log

    def wait(self):
        """Waits until the port answers."""
        end = time.monotonic() + LONGEST_START_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise DidNotStart(f"ended with {self.process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise DidNotStart(f"no answer within {LONGEST_START_S} s")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-2000:]


class Embedded(Server):
    """Our own: what the others are compared with."""

    # More arguments, such as rights of the key.
    arguments = ()

    def command(self):
        return [self.programs.bench, "s3", "--port", "0", "--rtt-ms", "0", "--bucket", BUCKET, *self.arguments]

    def stdout(self, log):
        return subprocess.PIPE

    def wait(self):
        """Takes endpoint and keys from the variables that it prints."""
        printed = {}
        while "S3_BUCKET_NAME" not in printed:
            line = self.process.stdout.readline().decode()
            if not line:
                raise DidNotStart("printed no variables")
            if found := re.fullmatch(r"export (\w+)='(.*)'\n", line):
                printed[found[1]] = found[2]
        self.endpoint = printed["S3_ENDPOINT"]
        self.key_id, self.secret = printed["S3_ACCESS_KEY_ID"], printed["S3_SECRET_ACCESS_KEY"]

    def make_bucket(self):
        """It is there from the start."""


class Moto(Server):
    """Checks keys from the fifth request on: before that the first four make a user with all rights, and the bucket."""

    def command(self):
        return [self.programs.python, "-m", "moto.server", "--host", "127.0.0.1", "--port", self.port]

    def environment(self):
        return {"INITIAL_NO_AUTH_ACTION_COUNT": "4"}

    def make_bucket(self):
        self.key_id, self.secret = self.make_user("all", ALL_RIGHTS)
        super().make_bucket()

    def make_user(self, name, policy):
        iam = boto3.client(
            "iam",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def key_without_list(self):
        key_id, secret = self.make_user("few", GET_AND_PUT)
        return {"S3_ACCESS_KEY_ID": key_id, "S3_SECRET_ACCESS_KEY": secret}


class VersityGateway(Server):
    @staticmethod
    def install(programs):
        programs.go("versitygw")

    def command(self):
        program = self.programs.go("versitygw")
        return [program, "--port", f"127.0.0.1:{self.port}", "posix", self.folder / "data"]

    def environment(self):
        return {"ROOT_ACCESS_KEY": self.key_id, "ROOT_SECRET_KEY": self.secret}


class MinIO(Server):
    @staticmethod
    def install(programs):
        programs.go("minio")

    def command(self):
        program = self.programs.go("minio")
        console = f"127.0.0.1:{free_port()}"
        return [program, "server", "--address", f"127.0.0.1:{self.port}", "--console-address", console, self.folder / "data"]

    def environment(self):
        # No question to the outside for updates.
        return {"MINIO_ROOT_USER": self.key_id, "MINIO_ROOT_PASSWORD": self.secret, "MINIO_UPDATE": "off", "MINIO_BROWSER": "off"}

    def key_without_list(self):
        """For an hour, with a session token."""
        sts = boto3.client(
            "sts",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )
        arguments = {"RoleArn": "arn:aws:iam::000000000000:role/any", "RoleSessionName": "test"}
        key = sts.assume_role(**arguments, Policy=json.dumps(GET_AND_PUT))["Credentials"]
        names = {"S3_ACCESS_KEY_ID": "AccessKeyId", "S3_SECRET_ACCESS_KEY": "SecretAccessKey", "S3_SESSION_TOKEN": "SessionToken"}
        return {variable: key[name] for variable, name in names.items()}

    def make_bucket(self):
        make_bucket_when_ready(self)


class SeaweedFS(Server):
    @staticmethod
    def install(programs):
        programs.go("weed")

    def command(self):
        program = self.programs.go("weed")
        all_rights = self.identity("all", self.key_id, self.secret, ["Admin", "Read", "Write", "List", "Tagging"])
        few_rights = self.identity("few", "FEW", self.secret[::-1], ["Read", "Write"])
        settings = self.folder / "s3.json"
        settings.write_text(json.dumps({"identities": [all_rights, few_rights]}))
        # Each port has a second one for gRPC.
        ports = [f"-{part}port{grpc}={free_port()}" for part in ("master.", "volume.", "filer.", "s3.") for grpc in ("", ".grpc")]
        ports[6] = f"-s3.port={self.port}"
        fixed = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.folder / 'data'}", "-s3", f"-s3.config={settings}"]
        return [program, "server", *fixed, "-master.volumeSizeLimitMB=64", "-volume.max=0", *ports]

    @staticmethod
    def identity(name, key_id, secret, actions):
        return {"name": name, "credentials": [{"accessKey": key_id, "secretKey": secret}], "actions": actions}

    def key_without_list(self):
        return {"S3_ACCESS_KEY_ID": "FEW", "S3_SECRET_ACCESS_KEY": self.secret[::-1]}

    def make_bucket(self):
        make_bucket_when_ready(self)


ALL = {
    "embedded": Embedded,
    "moto": Moto,
    "versitygw": VersityGateway,
    "minio": MinIO,
    "seaweedfs": SeaweedFS,
}


def make_bucket_when_ready(server):
    """For servers whose port answers before they can do anything."""
    for attempt in range(LONGEST_START_S):
        try:
            return server.client().create_bucket(Bucket=BUCKET)
        except Exception:  # refusals of many kinds, until it is ready
            if attempt == LONGEST_START_S - 1:
                raise
            time.sleep(1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
