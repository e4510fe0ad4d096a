"""The metrics of the service: one manifest, instruments made from it, summed over worker
processes.
"""
