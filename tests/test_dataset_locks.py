"""Who may write to a data set, where the system cannot say."""

from __future__ import annotations

import errno
import fcntl
import os

import pytest

from fxcore.dataset.layout import Layout
from fxcore.dataset.locks import at_work, run_lock
from fxcore.errors import FxrayError


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.parametrize("shard", ["", "1-of-2"])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, number, shard):
    def flock(file, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    layout = Layout(tmp_path, shard)
    for lock in (run_lock(layout, print), at_work(layout)):
        with pytest.raises(FxrayError, match=r"has no flock .*docs/clusters\.md") as refused, lock:
            pass
        assert str(tmp_path) in str(refused.value)
