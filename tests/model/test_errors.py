from __future__ import annotations

import errno

import pytest

from probe.model.errors import ConnectionFailed, ProbeError, ServerUnreachable, shortage


def raised_from(cause: BaseException) -> ProbeError:
    try:
        try:
            raise cause
        except type(cause) as error:
            raise ServerUnreachable("could not connect") from error
    except ServerUnreachable as error:
        return error


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL])
def test_what_this_machine_had_no_more_of_is_found_among_the_causes(number: int) -> None:
    assert shortage(raised_from(OSError(number, "whatever it says"))) != ""
    wrapped = ConnectionFailed("no media")
    wrapped.__cause__ = raised_from(OSError(number, ""))
    assert shortage(wrapped) == shortage(OSError(number, ""))


def test_too_many_open_files_in_the_systems_words() -> None:
    assert shortage(OSError(errno.EMFILE, "")) == "Too many open files"


@pytest.mark.parametrize("cause", [OSError(errno.ECONNREFUSED, "refused"), TimeoutError(), ValueError("x")])
def test_other_failures_are_not_ours(cause: Exception) -> None:
    assert shortage(raised_from(cause)) == ""
    assert shortage(None) == ""


def test_a_circle_of_causes_ends() -> None:
    one, other = ValueError(), KeyError()
    one.__context__, other.__context__ = other, one
    assert shortage(one) == ""
