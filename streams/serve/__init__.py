"""The HTTP API: a process of its own that reads Redis and records what people do (`app.build_app`)."""
