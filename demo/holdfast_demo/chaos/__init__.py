"""Faults dealt to a running sale: `holdfast demo --chaos`.

    target        the running service as its host sees it: processes, files, socket, readiness
    blow          what a blow is: its words, how it strikes, how it is lifted
    store_blows   files broken in the middle, everything wiped, the clock ahead
    host_blows    workers killed, a ledger that takes no writes, a full disk
    disk          the small disk that can be filled, and the quota where no disk can be mounted
    flood         compressed bodies and requests that nobody can parse
    recovery      a probe buyer, and how long until it can buy again
    run           the order and moments of the blows, from a seed
    stage         what brings them together for one demo
    report        the table and what it adds to the audit's verdict

A blow reaches the service as a fault would, from outside: by signals, files, locks and the store's
socket. Each one proves that it took effect; one that did not is a failure of the run, for a demo
that missed would show nothing.
"""
