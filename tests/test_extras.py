"""What to install for a job that lacks a package: it has to work from anywhere, and bring that package."""

import importlib
import shlex
import sys
from importlib.metadata import PackageNotFoundError

import pytest

import fxcore.cli
from fxcore import extras
from fxcore.errors import FxrayError
from fxcore.extras import BENCHMARKS, CLUSTER, PARQUET, SCORING, TRAINING, Extra


def test_only_what_lacks_is_installed_in_this_environment(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    *command, requirement = shlex.split(TRAINING.install)
    assert command == [sys.executable, "-m", "pip", "install"]
    assert requirement.startswith("scikit-learn>=")
    with pytest.raises(FxrayError, match="scikit-learn"):
        TRAINING.require()


@pytest.mark.parametrize("extra", [BENCHMARKS, CLUSTER, PARQUET, SCORING, TRAINING])
def test_each_package_is_asked_for_as_fxray_declares_it(extra, monkeypatch):
    for module in extra.packages:
        monkeypatch.setitem(sys.modules, module, None)
    requirements = shlex.split(extra.install)[4:]
    assert len(requirements) == len(extra.packages)
    assert all(">=" in requirement for requirement in requirements), requirements
    assert not any("fxray" in requirement for requirement in requirements)


def test_without_an_installed_fxray_the_names_alone_are_given(monkeypatch):
    def requires(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "requires", requires)
    assert shlex.split(Extra("this", "that", ("nowhere_found",)).install)[4:] == ["nowhere_found"]


def test_windows_is_sent_to_wsl_before_anything_fails(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="WSL"):
        importlib.reload(fxcore.cli)
