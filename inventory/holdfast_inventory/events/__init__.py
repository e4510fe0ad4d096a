"""The events of a sale, and streams of its changes for many listeners."""
