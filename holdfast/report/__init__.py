"""The report of a sale: what happened, what it brought in, and whether its books agree.

    checks          a promise of the sale, and what was found against it
    buckets         sums over time in a bounded number of steps
    order_scan      reads the orders of the ledger once: money, tickets, and their comparison
    event_scan      reads the events of the store once: calls, holds, and the checks of the line
    waits           what visitors waited, against what they were promised
    draw_check      the order of a lobby, recomputed
    report          puts the parts together, once for everybody who asks at about one time

Orders and events are read page by page and never kept, so a sale of a million orders is reported
in the memory that a small one needs: what grows is one entry for each seat and one bit for each
number of the line. What cannot be known is said under `missing`, with the reason.
"""
