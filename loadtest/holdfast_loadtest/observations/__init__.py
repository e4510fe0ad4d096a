"""What the users of a load test observe, and how it comes together where the verdict is made.

    histogram   percentiles of any number of values in little memory
    figures     what can be added up: people by stage and second, waits, refusals, latencies by step
    batches     the messages from a worker to the master, numbered, with receipts and figures
    observer    what users tell, on a worker
    intake      what has arrived, by worker, and what is known to be missing
    timeline    a run over time, in a bounded number of rows
    record      all of it together, at the master

A receipt is an answer that the service may not take back; the audit looks for each of them. Figures
are statistics. Both travel in the same batches, so that what is missing is known for both. Nothing
here knows Locust, gevent or asyncio.
"""
