"""A disk that is full, or may only be read: an error that says so, and the model on the disk is whole."""

from __future__ import annotations

import gc
import os
import subprocess

import pytest
from tests.cli.command import snapshot
from tests.engines.mapped.models import assert_tidy
from tests.exactness.raw import random_raw

from oubli import Removal, load_model
from oubli.errors import CapacityError, InputError, OubliError
from oubli.models import SGCRidge


@pytest.fixture(scope="module")
def raw():
    return random_raw(12, num_nodes=600, num_features=24)


def free(place):
    return os.statvfs(place).f_bavail * os.statvfs(place).f_frsize


def leave(place, room):
    """Fill the disk but for `room` bytes."""
    (place / "ballast").unlink(missing_ok=True)
    with open(place / "ballast", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free(place) - room))


def mapped(scratch):
    return SGCRidge(engine="mmap", scratch=str(scratch))


def test_a_fit_that_does_not_fit(raw, mount):
    place = mount(2000)
    for room in (0, 20_000, 100_000, 200_000):
        leave(place, room)
        with pytest.raises(CapacityError, match="the disk is full; make room and try again"):
            mapped(place / "scratch").fit(raw.build())
        gc.collect()
        assert not list((place / "scratch").rglob("*")) if (place / "scratch").exists() else True
    leave(place, 1_500_000)
    assert mapped(place / "scratch").fit(raw.build()).digest() == SGCRidge().fit(raw.build()).digest()


def test_a_removal_and_a_save_that_do_not_fit(raw, mount):
    place = mount(4000)
    folder, removal = place / "model", Removal(nodes=raw.ids[:30], features=raw.ids[40:60])
    model = mapped(place / "scratch").fit(raw.build())
    model.save(folder)
    old = model.digest()
    model.unlearn(removal, missing="ignore")
    after = model.digest()
    del model
    assert load_model(folder).digest() == old
    before, failed = snapshot(folder), 0
    for room in range(0, 800_000, 32_000):
        leave(place, room)
        model = load_model(folder)
        try:
            model.unlearn(removal, missing="ignore")
            break
        except CapacityError as error:
            told = str(error)
        failed += 1
        assert "the disk is full; make room and try again" in told
        if room == 0:
            assert model.digest() == old, "nothing was begun"
        else:
            with pytest.raises(OubliError, match="load it again from where it was saved"):
                model.digest()
        # While the disk is full, and without waiting for the object to go.
        assert load_model(folder).digest() == old
        model = None
        gc.collect()
        assert load_model(folder).digest() == old
        assert_tidy(folder)
        assert snapshot(folder) == before
    assert failed > 2
    for room in (0, 5_000, 20_000):
        leave(place, room)
        with pytest.raises(CapacityError, match="no room to write the model; it is as it was before"):
            model.save(folder)
        assert model.digest() == after, "what was not saved is still there, to be saved again"
    (place / "ballast").unlink()
    model.save(folder)
    model = None
    assert load_model(folder).digest() == after
    assert_tidy(folder)


def test_a_save_elsewhere_that_does_not_fit(raw, mount, tmp_path):
    place = mount(150)
    model = mapped(tmp_path / "scratch").fit(raw.build())
    digest = model.digest()
    with pytest.raises(CapacityError, match="room"):
        model.save(place / "model")
    assert [entry.name for entry in (place / "model").iterdir()] == ["lock"]
    model.save(tmp_path / "model")
    model.unlearn(Removal(nodes=raw.ids[:2]))
    with pytest.raises(CapacityError, match="room"):
        model.save(place / "model")
    model.save(tmp_path / "model")
    kept = model.digest()
    assert kept != digest
    del model
    assert load_model(tmp_path / "model").digest() == kept


def test_a_disk_that_may_only_be_read(raw, mount):
    place = mount(4000)
    model = mapped(place / "scratch").fit(raw.build())
    model.save(place / "model")
    old = model.digest()
    del model
    gc.collect()
    before = snapshot(place)
    if subprocess.run(["mount", "-o", "remount,ro", place], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not allow mounting again")
    model, other = load_model(place / "model"), load_model(place / "model")
    assert model.digest() == old
    assert (model.decision_function() == other.decision_function()).all()
    with pytest.raises(InputError, match=r"may only be read|in use"):
        model.unlearn(Removal(nodes=raw.ids[:2]))
    del model
    gc.collect()
    with pytest.raises(InputError, match="may only be read; give write permission"):
        other.unlearn(Removal(nodes=raw.ids[:2]))
    assert load_model(place / "model", engine="memory").digest() == old
    subprocess.run(["mount", "-o", "remount,rw", place], check=True)
    assert snapshot(place) == before
