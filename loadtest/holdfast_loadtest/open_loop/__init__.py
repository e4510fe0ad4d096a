"""An open-loop load generator: requests by a schedule, whatever became of earlier ones."""
