"""The engine of a load campaign: an asyncio process of its own, without gevent, that a Locust worker drives by `loadtest.protocol`."""
