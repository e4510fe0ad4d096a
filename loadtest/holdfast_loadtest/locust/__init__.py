"""The load test under Locust: people of the crowd as users, arriving as a scenario says.

Locust patches the standard library for gevent, which asyncio does not survive: the visits are the
crowd's own, run by a `GeventScheduler`; the audit runs in a process of its own.
"""
