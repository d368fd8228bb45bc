"""Where notifications go: webhooks, Alertmanager, mail and chat, Grafana, Kafka; and how they are worded."""
