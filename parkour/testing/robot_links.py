"""Checks of robot links. No robot is needed, and none is spoken to."""

from __future__ import annotations

from parkour.testing.subject import NotChecked, Subject, expect

NOWHERE = "parkour-nowhere"
"""A network interface that no machine has."""


def is_quiet_until_it_is_opened(subject: Subject) -> str:
    """Making one says nothing to anybody: it can be made, and closed, where there is no robot."""
    from parkour_deploy.errors import DeployError
    from parkour_deploy.links.link import LinkContext

    try:
        link = subject.target(LinkContext(NOWHERE))
    except DeployError as error:
        raise NotChecked(f"it needs more than an interface: {error.message}") from None
    link.close()
    return "made and closed"


def refuses_what_is_not_there(subject: Subject) -> str:
    """Opened where there is no robot, it says so in one line, and does not wait for ever."""
    from parkour_deploy.errors import DeployError
    from parkour_deploy.links.link import LinkContext

    try:
        link = subject.target(LinkContext(NOWHERE))
    except DeployError as error:
        raise NotChecked(f"it needs more than an interface: {error.message}") from None
    try:
        link.open(move=False)
    except DeployError as error:
        expect(error.message.strip() and "\n" not in error.message, f"got {error.message!r}, expected one line")
        return error.message
    finally:
        link.close()
    raise NotChecked("it opens without a robot")


CHECKS = (is_quiet_until_it_is_opened, refuses_what_is_not_there)
