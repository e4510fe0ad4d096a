from holdfast_monitoring.expressions import gauge, names_in, per_second, quantile, share, total


def test_label_that_must_not_match_is_negated() -> None:
    assert gauge("holdfast_x", state="free|held") == (
        'max by (sale) (holdfast_x{sale=~"$sale", state=~"free|held"})'
    )
    assert per_second("holdfast_x_total", by="kind", kind="!limited", window="1m") == (
        'sum by (kind) (rate(holdfast_x_total{sale=~"$sale", kind!~"limited"}[1m]))'
    )


def test_quantile_keeps_the_labels_that_it_is_asked_for() -> None:
    made = quantile(0.9, "holdfast_x", by="sale", window="5m", matchers='{a="b"}')
    rate = 'rate(holdfast_x_bucket{a="b"}[5m])'
    assert made == f"histogram_quantile(0.9, sum by (le, sale) ({rate}))"


def test_names_are_those_of_metrics_and_of_recorded_series() -> None:
    expression = share('holdfast_x_total{sale="holdfast"}', "job:holdfast_requests:slow_rate5m")
    assert names_in(expression) == {"holdfast_x_total", "job:holdfast_requests:slow_rate5m"}


def test_counter_that_the_store_keeps_is_not_added_up_over_nodes() -> None:
    assert total("holdfast_called_total").startswith("max by (sale)")
    assert per_second("holdfast_called_total").startswith("max by (sale)")
    assert total("holdfast_joins_total").startswith("sum by (sale)")
