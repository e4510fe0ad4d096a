"""Dashboards and alert rules as code, from which files in `metrics` are written.

Declarations (`boards`, `alerts`, `slo`) know PromQL and nothing else; `grafana` and `prometheus`
write them in the form that these programs read. Nothing of this runs in the service.
"""
