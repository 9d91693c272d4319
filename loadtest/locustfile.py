"""The file for `locust -f loadtest/locustfile.py --host ws://…`: load campaigns of WebRTC participants.

A locustfile of your own is made of the same parts. Users that differ from ours are subclasses:

    from loadtest import plugin, users

    plugin.install()

    class Guest(users.ParticipantUser):
        def period(self):
            return 120.0  # comes every two minutes, stays as long as --stay says

`CampaignShape` is what --shape speaks to; leave it out to say with --users and --spawn-rate alone how many come, or write
a LoadTestShape of your own. Several files work too: `locust -f loadtest/locustfile.py,mine.py`.
"""

from __future__ import annotations

from loadtest import plugin
from loadtest.shapes import CampaignShape
from loadtest.users import MeetingUser, ParticipantUser

__all__ = ["CampaignShape", "MeetingUser", "ParticipantUser"]

plugin.install()
