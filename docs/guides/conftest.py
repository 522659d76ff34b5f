"""Guides run in a folder of their own, so that what they save does not land in the checkout."""

import pytest


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
