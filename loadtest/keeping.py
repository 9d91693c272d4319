"""A finished campaign's way into its folder, and into the history of runs, beside those of `probe run`."""

from __future__ import annotations

import logging
import os
from typing import Any

from loadtest.campaign import Campaign
from probe.model.errors import ConfigError, ProbeError
from reports.document import Document
from reports.writing import write_all

logger = logging.getLogger(__name__)
CAMPAIGN = {"campaign": "locust"}
"""The label of every campaign's line: its load is not that of a run of the same scenario."""


def write(campaign: Campaign, document: Document) -> bool:
    """Put all its forms where --out says. Whether they are there; why not is told, and costs the campaign nothing else."""
    if campaign.settings.out is None:
        return True
    try:
        write_all(document, campaign.settings.out, strict=campaign.settings.strict)
    except ConfigError as error:
        logger.error("the report is not written: %s", error)
        return False
    return True


def keep(campaign: Campaign, document: Document) -> None:
    """Store it. A history that can't be written is told, and costs the campaign nothing else."""
    # SQLAlchemy brings asyncio, which has no business beside gevent while a campaign runs.
    from reports.store.entry import NETWORK, Entry
    from reports.store.history import open_history
    from reports.store.location import history_url, shown

    url = history_url(campaign.settings.history or None, os.environ)
    if url is None:
        return
    labels: dict[str, Any] = dict(CAMPAIGN)
    if isinstance(network := campaign.settings.scenario.network, str):
        labels[NETWORK] = network
    try:
        with open_history(url) as history:
            history.add(Entry(document, campaign.summary.to_dict(), labels, campaign.slices.to_dict()))
            history.keep_responses(document["run"]["id"])
    except ProbeError as error:
        logger.warning("the campaign is not in the history: %s", error)
    else:
        logger.info("the campaign is in the history (%s) as %s", shown(url), document["run"]["id"])
