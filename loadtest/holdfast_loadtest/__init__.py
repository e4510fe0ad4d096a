"""The crowd and its auditor: they know the published contract and nothing else.

Not one import of the service's packages: a load test that shares code with what it tests inherits
its mistakes, and cannot be pointed at a deployment of another version. `client` speaks the
contract, `crowd` sends visitors, `audit` checks promises.
"""
