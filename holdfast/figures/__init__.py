"""The figures of sales and of the service: gauges, history, and the live document."""
