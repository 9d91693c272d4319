"""Who publishes, what we get of it, and what is asked for next."""

from __future__ import annotations

from probe.signalling.janus_feeds import Feeds, Wish, participant
from probe.signalling.janus_messages import Feed, Section, Track

BOTH = (Track("audio", "0"), Track("video", "1"))
ANN, BEN = Feed(1, "ann", BOTH), Feed(2, "ben", BOTH)
OF_ANN = (Section("0", "audio", 1, "0"), Section("1", "video", 1, "1"))
OF_BEN = (Section("2", "audio", 2, "0"), Section("3", "video", 2, "1"))


def test_each_new_one_is_asked_for_once_and_one_request_is_on_its_way() -> None:
    feeds = Feeds()
    assert feeds.next_wish() is None
    assert feeds.publish([ANN]) == ["ann/1"]
    assert feeds.next_wish() == Wish(subscribe=((1, "0"), (1, "1")))
    assert feeds.publish([BEN]) == ["ben/2"]
    assert feeds.publish([BEN]) == []
    assert feeds.next_wish() is None  # busy
    assert feeds.get(OF_ANN) == {"0": "ann/1", "1": "ann/1"}
    feeds.busy = False
    assert feeds.next_wish() == Wish(subscribe=((2, "0"), (2, "1")))
    feeds.busy = False  # "updating": it will be told
    assert feeds.next_wish() is None
    assert feeds.get(OF_ANN + OF_BEN) == {"0": "ann/1", "1": "ann/1", "2": "ben/2", "3": "ben/2"}
    assert feeds.next_wish() is None


def test_a_feed_that_publishes_more_is_subscribed_to_for_that() -> None:
    feeds = Feeds()
    feeds.publish([Feed(1, "ann", BOTH[:1])])
    feeds.next_wish()
    feeds.get(OF_ANN[:1])
    feeds.busy = False
    assert feeds.publish([ANN]) == []
    assert feeds.next_wish() == Wish(subscribe=((1, "1"),))


def test_who_left_is_told_once_and_what_janus_still_carries_of_it_is_dropped() -> None:
    feeds = Feeds()
    feeds.publish([ANN, BEN])
    feeds.next_wish()
    feeds.get(OF_ANN + OF_BEN)
    feeds.busy = False
    assert feeds.gone(1) == "ann/1"
    assert feeds.gone(1) is None
    assert feeds.next_wish() == Wish(unsubscribe=("0", "1"))
    feeds.busy = False
    assert feeds.next_wish() is None


def test_what_janus_has_dropped_by_itself_needs_no_request() -> None:
    feeds = Feeds()
    feeds.publish([ANN])
    feeds.next_wish()
    feeds.get(OF_ANN)
    feeds.busy = False
    quiet = (Section("0", "audio", None, ""), Section("1", "video", None, ""))
    assert feeds.get(quiet) == {}
    assert feeds.gone(1) == "ann/1"
    assert feeds.next_wish() is None


def test_a_feed_that_ended_before_we_asked_does_not_spoil_the_others() -> None:
    feeds = Feeds()
    feeds.publish([ANN, BEN])
    assert feeds.next_wish() == Wish(subscribe=((1, "0"), (1, "1"), (2, "0"), (2, "1")))
    assert feeds.refused("No such feed (1)")
    assert feeds.next_wish() == Wish(subscribe=((2, "0"), (2, "1")))
    assert feeds.gone(1) == "ann/1"  # which comes by its own event
    assert not feeds.refused("Something else")


def test_a_feed_whose_tracks_nobody_lists_is_taken_as_a_whole() -> None:
    feeds = Feeds()
    feeds.publish([Feed(1, "ann", (Track("", ""),))])
    assert feeds.next_wish() == Wish(subscribe=((1, ""),))
    feeds.get(OF_ANN)
    feeds.busy = False
    assert feeds.next_wish() is None


def test_layers_can_be_chosen_where_there_are_any() -> None:
    feeds = Feeds()
    feeds.publish([Feed(1, "ann", (Track("audio", "0"), Track("video", "1", simulcast=True))), BEN])
    feeds.get(OF_ANN + OF_BEN)
    assert feeds.layered() == ["1"]
    assert feeds.layered("ann/1") == ["1"]
    assert feeds.layered("ben/2") == []


def test_names_are_unique_and_readable() -> None:
    assert participant("ann", 17) == "ann/17"
    assert participant("", "a1b2") == "feed/a1b2"
