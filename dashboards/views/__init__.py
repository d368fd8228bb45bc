"""The dashboards, one module each, with `UID` and `build()`; listed in `dashboards.build`."""
