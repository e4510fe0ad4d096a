"""What the manifest says of each metric, by what the metric is about."""
