"""`rapport gateway`: events and webhooks over HTTP into engagement.events.v1. See docs/gateway.md."""
