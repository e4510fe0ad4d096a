"""`holdfast demo`: a whole on-sale on one machine, with a crowd, a shop, and an audit at the end.

    command    the command line
    service    `holdfast serve` as a child process, restarted when it is killed
    sale       the sale that is put up: the sports hall and a standing floor
    runner     the order of events
    display    live progress for a terminal, plain lines elsewhere
    shop       the storefront a person can walk into, with its pages, words, cookies and checkout

Crowd and audit come from `holdfast_loadtest`, which knows the published contract only.
"""
