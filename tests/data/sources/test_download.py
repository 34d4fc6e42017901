"""Downloads against a server on this machine that cuts off, lies and ignores ranges on demand."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trimaran.data.sources.download import Pinned, Unreachable, digest, fetch
from trimaran.errors import DataError

CONTENT = bytes(range(256)) * 5000  # 1.28 MB: several blocks
FILE = Pinned("digits.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.cuts: list[int] = []  # bytes after which each of the next replies ends
        self.ranges = True
        self.seen: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range")
        server.seen.append(asked)
        if self.path != f"/{FILE.name}":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            end = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else len(body)
        self.wfile.write(body[:cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, folder: Path, *more: str) -> Path:
    return fetch(FILE, [*more, server.url], folder, pause=0)


def test_whole_file_arrives_under_its_name(server: Server, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    path = fetch(FILE, [server.url], tmp_path, lambda done, of: steps.append((done, of)))
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert not list(tmp_path.glob("*.part"))


def test_cut_off_download_resumes_where_it_ended(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000, 500_000]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.seen == [None, "bytes=300000-", "bytes=800000-"]


def test_resume_survives_the_process(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000] + [0] * 9
    with pytest.raises(Unreachable, match="ended after 300000 of 1280000 bytes"):
        get(server, tmp_path)
    assert (tmp_path / "digits.gz.part").stat().st_size == 300_000
    server.cuts = []
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.seen[-1] == "bytes=300000-"


def test_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.cuts, server.ranges = [300_000], False
    assert get(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("change", ["one byte", "longer", "resumed"])
def test_tampered_file_is_refused_and_deleted(server: Server, tmp_path: Path, change: str) -> None:
    if change == "resumed":  # the part that waited is the wrong one
        (tmp_path / "digits.gz.part").write_bytes(b"x" * 1000)
    elif change == "longer":
        server.content = CONTENT + b"!"
    else:
        server.content = b"!" + CONTENT[1:]
    with pytest.raises(DataError, match=f"digits.gz: expected {len(CONTENT)} bytes with SHA-256"):
        get(server, tmp_path)
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")] == []


def test_truncated_for_good_is_never_used(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:1000]
    with pytest.raises(Unreachable, match="1000 of 1280000"):
        get(server, tmp_path)
    assert not (tmp_path / FILE.name).exists()


def test_next_mirror_is_asked(server: Server, tmp_path: Path) -> None:
    assert get(server, tmp_path, f"{server.url}/missing").read_bytes() == CONTENT


def test_no_mirror_names_them_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        Unreachable, match=r"digits.gz .* from http://127.0.0.1:9 .*\$TRIMARAN_DATA"
    ):
        fetch(FILE, ["http://127.0.0.1:9"], tmp_path, tries=2, pause=0)


def test_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    get(server, tmp_path)
    get(server, tmp_path)
    assert len(server.seen) == 1


def test_two_fetches_at_once_share_one_download(server: Server, tmp_path: Path) -> None:
    threads = [threading.Thread(target=get, args=(server, tmp_path)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 1
    assert digest(tmp_path / FILE.name) == FILE.sha256
