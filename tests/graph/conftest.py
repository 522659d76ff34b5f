"""What tests of data sets share: a server on this machine that stands for their homes."""

import functools
import http.server
import threading

import pytest

from oubli.graph import datasets, downloads


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder served as the home of all data sets; the cache and the environment are the test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.delenv("OUBLI_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for module in (datasets, downloads):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("OUBLI_MIRROR", f"http://127.0.0.1:{server.server_port}")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()
