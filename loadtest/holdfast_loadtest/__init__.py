"""Sends visitors to a sale and checks its promises, by the published contract alone.

It imports none of the service's packages: shared code would share its mistakes, and a deployment of
another version could not be tested. `client` makes the requests, `crowd` has the visitors, `audit`
checks promises.
"""
