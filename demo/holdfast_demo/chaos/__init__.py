"""Fault injection into a running sale: `holdfast demo --chaos`.

    target        the running service as its host sees it: processes, files, socket, readiness
    fault         what a fault is: its name, how it is injected, how it is removed
    store_faults  files broken in the middle, everything wiped, the clock ahead
    host_faults   workers killed, a ledger that takes no writes, a full disk
    disk          the small disk that can be filled, and the quota where no disk can be mounted
    flood         compressed bodies and requests that nobody can parse
    recovery      a probe buyer, and how long until it can buy again
    run           the order and moments of the faults, from a seed
    preparation   the disk, the target and the run of one demo
    report        the table and what it adds to the audit's verdict

Faults reach the service from outside: by signals, files, locks and the store's socket. Each one
proves that it took effect; one that did not fails the run, since it would have shown nothing.
"""
