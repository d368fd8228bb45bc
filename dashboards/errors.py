"""What can go wrong with Grafana.

    DashboardsError
     ├─ GrafanaUnreachable   no connection, a timeout, or a server error that outlived all tries
     ├─ GrafanaRefused       the token is missing, wrong, or may not do this
     └─ GrafanaFailed        Grafana answered, but not with what was asked for

A caller writes `except DashboardsError as error: print(error)`; each message is one plain line.
"""

from __future__ import annotations


class DashboardsError(Exception):
    """Base of all errors of this package."""


class GrafanaUnreachable(DashboardsError):  # noqa: N818 - named by what is the matter
    """No answer, or only server errors, after all tries."""


class GrafanaRefused(DashboardsError):  # noqa: N818
    """401 or 403."""


class GrafanaFailed(DashboardsError):  # noqa: N818
    """An answer that is no use: not Grafana at all, or Grafana says no."""
