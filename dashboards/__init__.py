"""What people look at: Grafana as code. Begin at `build.dashboards()`; helpers are in `parts`."""
