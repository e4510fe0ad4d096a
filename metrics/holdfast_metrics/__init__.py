"""What Holdfast tells Prometheus: one manifest, instruments made from it, right over several worker
processes.
"""
