"""The processes, and everything that touches Kafka."""
