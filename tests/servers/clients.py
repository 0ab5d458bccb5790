"""The embedded server with clients of others: boto3, and gobuildcache, which is built on Go's SDK."""

import base64
import hashlib
import io
import re
import urllib.error
import urllib.request

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, MissingDependencyException

import cache
import servers
from servers import BUCKET

KINDS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
MIB = 1 << 20


def refused(call, **arguments):
    """Status and code of a call that has to fail."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError(f"{call} worked with {arguments}")


def equal(got, expected):
    assert got == expected, f"{got!r} instead of {expected!r}"


def check_objects(server, programs, folder):
    """boto3: put, get, head, ranges, list, delete."""
    s3 = server.client()
    body = bytes(range(256)) * 300
    for key in ("plain", "a b+c/ü&?#%2F", "dir/"):
        put = s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        equal(put["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
        got = s3.get_object(Bucket=BUCKET, Key=key)
        equal(got["Body"].read(), body)
        equal(s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"], len(body))
    ranged = s3.get_object(Bucket=BUCKET, Key="plain", Range="bytes=-5")
    equal((ranged["Body"].read(), ranged["ContentRange"]), (body[-5:], f"bytes {len(body) - 5}-{len(body) - 1}/{len(body)}"))
    listed = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/")
    equal([entry["Key"] for entry in listed["Contents"]], ["plain"])
    equal([entry["Prefix"] for entry in listed["CommonPrefixes"]], ["a b+c/", "dir/"])
    equal(len(s3.list_objects(Bucket=BUCKET, MaxKeys=2)["Contents"]), 2)
    equal(cache.keys(server, "a b"), ["a b+c/ü&?#%2F"])
    equal(refused(s3.get_object, Bucket=BUCKET, Key="none"), (404, "NoSuchKey"))
    equal(refused(s3.get_object, Bucket="nowhere", Key="none"), (404, "NoSuchBucket"))
    equal(refused(s3.get_object_tagging, Bucket=BUCKET, Key="plain"), (501, "NotImplemented"))
    s3.delete_object(Bucket=BUCKET, Key="plain")
    gone = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in ("a b+c/ü&?#%2F", "dir/", "none")]})
    equal((len(gone["Deleted"]), gone.get("Errors")), (3, None))
    equal(cache.keys(server, ""), [])


def check_metadata(server, programs, folder):
    """boto3: metadata, headers, conditions, copies."""
    s3 = server.client()
    headers = {"ContentType": "text/x-go", "ContentEncoding": "gzip", "CacheControl": "no-store", "ContentDisposition": "inline"}
    etag = s3.put_object(Bucket=BUCKET, Key="m", Body=b"one", Metadata={"Output-ID": "x+/="}, **headers)["ETag"]
    for answer in (s3.head_object(Bucket=BUCKET, Key="m"), s3.get_object(Bucket=BUCKET, Key="m")):
        equal(answer["Metadata"], {"output-id": "x+/="})
        equal({name: answer[name] for name in headers}, headers)
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "m"})
    equal(s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"], {"output-id": "x+/="})
    source = {"Bucket": BUCKET, "Key": "m"}
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    equal(s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"], {"n": "2"})
    equal(refused(s3.get_object, Bucket=BUCKET, Key="m", IfNoneMatch=etag)[0], 304)
    equal(refused(s3.get_object, Bucket=BUCKET, Key="m", IfMatch='"x"'), (412, "PreconditionFailed"))
    equal(refused(s3.put_object, Bucket=BUCKET, Key="m", Body=b"two", IfNoneMatch="*"), (412, "PreconditionFailed"))
    s3.put_object(Bucket=BUCKET, Key="m", Body=b"two", IfMatch=etag)
    equal(s3.head_object(Bucket=BUCKET, Key="m")["Metadata"], {})
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "m"}, {"Key": "copy"}]})


def check_checksums(server, programs, folder):
    """boto3: checksums of all kinds, in headers and behind bodies in chunks."""
    body = b"checked" * 20_000
    s3 = server.client()
    for kind in KINDS:
        put = {"Bucket": BUCKET, "Key": "c", "Body": io.BytesIO(body), "ChecksumAlgorithm": kind}
        try:
            s3.put_object(**put)
        except MissingDependencyException:  # two kinds need a package that boto3 does not bring
            continue
        got = s3.get_object(Bucket=BUCKET, Key="c", ChecksumMode="ENABLED")
        equal(got["Body"].read(), body)
        assert got[f"Checksum{kind}"], got
        assert "ContentEncoding" not in got, got["ContentEncoding"]
    wrong = base64.b64encode(bytes(4)).decode()
    equal(refused(s3.put_object, Bucket=BUCKET, Key="c", Body=body, ChecksumCRC32=wrong), (400, "BadDigest"))
    wrong = base64.b64encode(bytes(16)).decode()
    equal(refused(s3.put_object, Bucket=BUCKET, Key="c", Body=body, ContentMD5=wrong), (400, "BadDigest"))
    s3.delete_object(Bucket=BUCKET, Key="c")


def check_parts(server, programs, folder):
    """boto3: uploads and copies in parts."""
    s3 = server.client()
    body = bytes(range(250)) * (13 * MIB // 250)
    settings = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "large", ExtraArgs={"Metadata": {"m": "1"}}, Config=settings)
    head = s3.head_object(Bucket=BUCKET, Key="large")
    assert re.fullmatch(r'"[0-9a-f]{32}-3"', head["ETag"]), head["ETag"]
    equal(head["Metadata"], {"m": "1"})
    s3.copy({"Bucket": BUCKET, "Key": "large"}, BUCKET, "copied", Config=settings)
    for key in ("large", "copied"):
        into = io.BytesIO()
        s3.download_fileobj(BUCKET, key, into, Config=settings)
        assert into.getvalue() == body, key
        s3.delete_object(Bucket=BUCKET, Key=key)
    started = s3.create_multipart_upload(Bucket=BUCKET, Key="given up")
    s3.abort_multipart_upload(Bucket=BUCKET, Key="given up", UploadId=started["UploadId"])


def check_presigned(server, programs, folder):
    """boto3: presigned URLs, and a bucket in the host name."""
    s3 = server.client(signature_version="s3v4")
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "by url"}, ExpiresIn=60)
    with urllib.request.urlopen(urllib.request.Request(url, data=b"text", method="PUT")) as answer:
        equal(answer.status, 200)
    url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "by url"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        equal(answer.read(), b"text")
    try:
        urllib.request.urlopen(url.replace("by%20url", "other"))
        raise AssertionError("a URL opened another object")
    except urllib.error.HTTPError as error:
        equal(error.code, 403)
    s3.delete_object(Bucket=BUCKET, Key="by url")


def check_rights(server, programs, folder):
    """boto3: a key that may only get and put below a prefix."""

    class Restricted(servers.Embedded):
        arguments = ("--rights", "get,put:ci/")

    with Restricted(programs, folder / "server") as few:
        s3 = few.client()
        s3.put_object(Bucket=BUCKET, Key="ci/x", Body=b"x")
        equal(s3.get_object(Bucket=BUCKET, Key="ci/x")["Body"].read(), b"x")
        denied = (403, "AccessDenied")
        equal(refused(s3.get_object, Bucket=BUCKET, Key="ci/none"), denied)
        equal(refused(s3.put_object, Bucket=BUCKET, Key="other", Body=bytes(20 * MIB)), denied)
        equal(refused(s3.list_objects_v2, Bucket=BUCKET, Prefix="ci/"), denied)
        gone = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "ci/x"}]})
        equal([error["Code"] for error in gone["Errors"]], ["AccessDenied"])


def check_gobuildcache(server, programs, folder):
    """gobuildcache: a second machine gets all from the bucket."""
    program = programs.go("gobuildcache")
    machine = cache.Machine(server, programs, folder, "")
    variables = {
        "GOBUILDCACHE_BACKEND_TYPE": "s3",
        "GOBUILDCACHE_S3_BUCKET": BUCKET,
        "GOBUILDCACHE_PRINT_STATS": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": server.key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_S3_USE_PATH_STYLE": "true",
        "GOBUILDCACHE_LOCK_DIR": str(folder / "locks"),
        "GOCACHEPROG": str(program),
        "GOFLAGS": "",
        "GOWORK": "off",
        "GOENV": "off",
    }
    for number in range(2):
        (folder / f"gocache-{number}").mkdir()
        local = {"GOCACHE": str(folder / f"gocache-{number}"), "GOBUILDCACHE_CACHE_DIR": str(folder / f"store-{number}")}
        done = cache.run(
            ["go", "build", "./..."], machine.module, {**cache.clean_environment(folder), **variables, **local}
        )
        assert done.returncode == 0, done.stderr
    hits = re.search(r"GET operations: (\d+) .*\n.*\n *Backend cache hits: (\d+)", done.stderr)
    assert hits and 0 < int(hits[1]) == int(hits[2]), done.stderr
    server.client().delete_objects(
        Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in cache.keys(server, "")]}
    )
    return f"{hits[2]} hits of {hits[1]} gets"


CHECKS = [
    check_objects,
    check_metadata,
    check_checksums,
    check_parts,
    check_presigned,
    check_rights,
    check_gobuildcache,
]
