"""What is done with events: pure functions and small classes on plain values. No Kafka in here."""
