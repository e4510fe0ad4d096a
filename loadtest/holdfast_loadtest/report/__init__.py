"""What a load test has shown: verdict, thresholds and charts, as one page and one JSON."""
