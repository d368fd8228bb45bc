"""Queries of Grafana's Infinity data source, through which panels ask Rapport's HTTP API.

The foundation SDK has no builder for this data source: `Query` is one in its protocol. The backend parser is
used throughout, so that Grafana's server asks the API (with the token that only it knows), never the browser.
Selectors are plain paths (`health.value`), which every parser of the plugin reads alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

PLUGIN: Final = "yesoreyeram-infinity-datasource"
#: The data source that `push` and the provisioning files make.
UID: Final = "rapport-api"
NAME: Final = "Rapport API"
DATASOURCE: Final = DataSourceRef(type_val=PLUGIN, uid="${api}")

Kind = Literal["string", "number", "timestamp", "timestamp_epoch_s", "boolean"]
Format = Literal["table", "timeseries", "node-graph-nodes", "node-graph-edges"]


@dataclass(frozen=True, slots=True)
class Column:
    """A field of each item: where it lies, what the panel calls it, and what it is."""

    selector: str
    text: str
    kind: Kind = "string"


@dataclass(frozen=True, slots=True)
class InfinityDataquery(Dataquery):
    """What the plugin reads of a target."""

    ref_id: str
    path: str
    root: str
    columns: tuple[Column, ...]
    params: tuple[tuple[str, str], ...]
    form: Format

    def to_json(self) -> dict[str, Any]:
        """As in the dashboard's JSON."""
        return {
            "refId": self.ref_id,
            "datasource": DATASOURCE,
            "type": "json",
            "source": "url",
            "parser": "backend",
            "format": self.form,
            "url": self.path,
            "url_options": {
                "method": "GET",
                "data": "",
                "headers": [],
                "params": [{"key": key, "value": value} for key, value in self.params],
            },
            "root_selector": self.root,
            "columns": [
                {"selector": item.selector, "text": item.text, "type": item.kind} for item in self.columns
            ],
            "computed_columns": [],
            "filters": [],
        }


@dataclass(frozen=True, slots=True)
class Query(Builder[Dataquery]):
    """One request to the API and what is taken of its answer.

    Args:
        path: below the data source's address, e.g. `/api/v1/partnerships`; variables are filled in.
        root: path to the list of items; "" when the answer itself is it.
        columns: of each item.
        params: of the address's query; variables are filled in and encoded.
    """

    path: str
    root: str
    columns: tuple[Column, ...]
    params: tuple[tuple[str, str], ...] = ()
    form: Format = "table"
    ref: str = field(default="A")

    def build(self) -> Dataquery:
        """The target."""
        return InfinityDataquery(self.ref, self.path, self.root, self.columns, self.params, self.form)


def datasource(url: str) -> dict[str, Any]:
    """The data source, in the fields that file provisioning and the HTTP API share; its token is added apart.

    Args:
        url: where Grafana, not the browser, reaches `rapport serve`.
    """
    return {
        "uid": UID,
        "name": NAME,
        "type": PLUGIN,
        "access": "proxy",
        "url": url,
        "jsonData": {
            "auth_method": "bearerToken",
            "allowedHosts": [url],
            "timeoutInSeconds": 15,
            "customHealthCheckEnabled": True,
            "customHealthCheckUrl": f"{url}/api/v1/health",
        },
    }
