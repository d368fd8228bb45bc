"""A small Grafana over HTTP, made from Grafana's own OpenAPI document.

It keeps folders, data sources, dashboards and annotations in memory. A request to a path or with a body that
the document does not know is a violation (and answered 400), and so is an answer of its own that the
document does not allow; tests assert that there were none. Faults are planted with `fail_next`.
"""

from __future__ import annotations

import base64
import functools
import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft4Validator

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT.parent / "shared" / "data" / "grafana-openapi" / "openapi3.json"

Answer = tuple[int, Any]


@functools.cache
def _document() -> dict[str, Any]:
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


class Grafana:
    def __init__(self, token: str, prefix: str = "") -> None:
        self.document = _document()
        self.token, self.prefix = token, prefix
        self.folders: dict[str, dict] = {}
        self.datasources: dict[str, dict] = {}
        self.dashboards: dict[str, dict] = {}
        self.annotations: dict[int, dict] = {}
        self.contacts: dict[str, dict] = {}
        self.groups: dict[tuple[str, str], dict] = {}
        self.plugins = {"prometheus", "yesoreyeram-infinity-datasource"}
        self.secrets: dict[str, dict] = {}
        self.calls: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.faults: list[tuple[str, str, int | float | str]] = []
        self.database = "ok"
        basic = base64.b64encode(b"ann:correct horse").decode()
        self.accepted = {f"Bearer {token}", f"Basic {basic}"}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}{prefix}"

    def __enter__(self) -> Grafana:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail_next(self, method: str, template: str, how: int | float | str, times: int = 1) -> None:
        """int: that status. float: silence of so many seconds. "lost": do it, but lose the answer (503)."""
        self.faults += [(method, template, how)] * times

    def written(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]

    # -- one request -----------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, headers: Any, raw: bytes, query: str = "") -> Answer:
        if not path.startswith(self.prefix + "/api/"):
            return 404, {"message": "not found"}
        path = path.removeprefix(self.prefix + "/api")
        found = self._operation(method, path)
        if found is None:
            self.violations.append(f"{method} {path} is not in the document")
            return 404, {"message": "not found"}
        template, arguments, operation = found
        self.calls.append((method, template))
        body = json.loads(raw) if raw else None
        problem = self._check_request(operation, body)
        if problem:
            self.violations.append(f"{method} {template}: {problem}")
            return 400, {"message": problem}
        fault = self._fault(method, template)
        if isinstance(fault, int):
            return fault, {"message": "planted"}
        if isinstance(fault, float):
            time.sleep(fault)
        if template != "/health" and headers.get("Authorization") not in self.accepted:
            return 401, {"message": "Invalid API key"}
        asked = [parse_qs(query)] if operation.get("parameters") and method == "GET" and not arguments else []
        does = getattr(self, "_" + operation["operationId"])
        status, answer = does(*arguments, *([body] if raw else []), *asked)
        self._check_answer(f"{method} {template}", operation, status, answer)
        return (503, {"message": "lost"}) if fault == "lost" else (status, answer)

    def _operation(self, method: str, path: str) -> tuple[str, tuple[str, ...], dict] | None:
        # A literal path goes before one with parameters, as OpenAPI says.
        for template in sorted(self.document["paths"], key=lambda item: item.count("{")):
            match = re.fullmatch(re.sub(r"\{[^}]+\}", "([^/]+)", template), path)
            if match and method.lower() in self.document["paths"][template]:
                return template, match.groups(), self.document["paths"][template][method.lower()]
        return None

    def _fault(self, method: str, template: str) -> int | float | str | None:
        for index, (wanted_method, wanted, how) in enumerate(self.faults):
            if (wanted_method, wanted) == (method, template):
                del self.faults[index]
                return how
        return None

    def _resolve(self, node: dict) -> dict:
        while "$ref" in node:
            target: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def _problem(self, schema: dict, value: Any) -> str | None:
        # Draft 4 is what OpenAPI 3.0's schemas come from; local references are found under "components".
        whole = {"allOf": [schema], "components": self.document["components"]}
        error = next(iter(Draft4Validator(whole).iter_errors(value)), None)
        return None if error is None else f"{error.json_path}: {error.message}"

    def _check_request(self, operation: dict, body: Any) -> str | None:
        wanted = operation.get("requestBody")
        if wanted is None:
            return None if body is None else "no body is wanted"
        schema = self._resolve(wanted)["content"]["application/json"]["schema"]
        unknown = set(body or {}) - set(self._resolve(schema)["properties"])
        # grafana-client sends null for what is not given; Grafana takes that, its document does not say so.
        given = {key: value for key, value in body.items() if value is not None} if body else body
        return f"unknown fields {sorted(unknown)}" if unknown else self._problem(schema, given)

    def _check_answer(self, where: str, operation: dict, status: int, answer: Any) -> None:
        if str(status) not in operation["responses"]:
            self.violations.append(f"{where}: no status {status}")
            return
        response = self._resolve(operation["responses"][str(status)])
        if "content" not in response:
            return
        problem = self._problem(response["content"]["application/json"]["schema"], answer)
        if problem:
            self.violations.append(f"{where} {status}: {problem}")

    # -- what it does ----------------------------------------------------------------------------------------

    def _getHealth(self) -> Answer:  # noqa: N802 - named by the document's operation ids
        return 200, {"database": self.database, "version": "12.3.0", "commit": "abc"}

    def _getFolderByUID(self, uid: str) -> Answer:  # noqa: N802
        return (200, self.folders[uid]) if uid in self.folders else (404, {"message": "folder not found"})

    def _createFolder(self, body: dict) -> Answer:  # noqa: N802
        if body["uid"] in self.folders:
            return 409, {"message": "a folder with the same uid already exists"}
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, "version": 1, **body}
        return 200, self.folders[body["uid"]]

    def _updateFolder(self, uid: str, body: dict) -> Answer:  # noqa: N802
        self.folders[uid] |= {"title": body["title"], "version": self.folders[uid]["version"] + 1}
        return 200, self.folders[uid]

    def _getDataSourceByUID(self, uid: str) -> Answer:  # noqa: N802
        if uid not in self.datasources:
            return 404, {"message": "Data source not found"}
        return 200, self.datasources[uid]

    def _addDataSource(self, body: dict) -> Answer:  # noqa: N802
        if body["type"] not in self.plugins:
            return 500, {"message": f"plugin {body['type']} not found"}
        if any(item["name"] == body["name"] for item in self.datasources.values()):
            return 409, {"message": "data source with the same name already exists"}
        self.datasources[body["uid"]] = {
            "id": len(self.datasources) + 1,
            "orgId": 1,
            "version": 1,
            "readOnly": False,
            "basicAuth": False,
            "isDefault": False,
            "user": "",
            "database": "",
            "withCredentials": False,
            "secureJsonFields": {},
            **self._without_secrets(body),
        }
        return 200, self._datasource_answer(body["uid"], "Datasource added")

    def _updateDataSourceByUID(self, uid: str, body: dict) -> Answer:  # noqa: N802
        stored = self.datasources[uid]
        # As Grafana: what is not sent is reset, but for secrets.
        defaults = {"basicAuth": False, "isDefault": False, "user": "", "database": "", "basicAuthUser": ""}
        self.datasources[uid] = {
            **stored,
            **defaults,
            **self._without_secrets(body),
            "version": stored["version"] + 1,
        }
        return 200, self._datasource_answer(uid, "Datasource updated")

    def _without_secrets(self, body: dict) -> dict:
        """As Grafana: secrets are kept apart and never given out, only that they are there."""
        given = body.get("secureJsonData") or {}
        kept = self.secrets.setdefault(body["uid"], {})
        kept |= given
        told = {key: value for key, value in body.items() if key != "secureJsonData"}
        return told | {"secureJsonFields": dict.fromkeys(kept, True)}

    def _datasource_answer(self, uid: str, message: str) -> dict:
        stored = self.datasources[uid]
        return {"id": stored["id"], "name": stored["name"], "message": message, "datasource": stored}

    def _getDashboardByUID(self, uid: str) -> Answer:  # noqa: N802
        return (
            (200, self.dashboards[uid])
            if uid in self.dashboards
            else (404, {"message": "Dashboard not found"})
        )

    def _postDashboard(self, body: dict) -> Answer:  # noqa: N802
        board, uid = body["dashboard"], body["dashboard"]["uid"]
        if body["folderUid"] not in self.folders:
            return 404, {"message": "folder not found"}
        present = self.dashboards.get(uid)
        if present is not None and not body.get("overwrite"):
            return 412, {
                "message": "The dashboard has been changed by someone else",
                "status": "version-mismatch",
            }
        if present is not None and present["meta"].get("provisioned"):
            return 400, {"message": "Cannot save provisioned dashboard"}
        version = present["dashboard"]["version"] + 1 if present else 1
        self.dashboards[uid] = {
            "dashboard": {**board, "id": 7, "version": version},
            "meta": {
                "folderUid": body["folderUid"],
                "slug": "rapport",
                "version": version,
                "provisioned": False,
            },
        }
        return 200, {
            "status": "success",
            "title": "rapport",
            "version": version,
            "id": 7,
            "uid": uid,
            "url": f"/d/{uid}/rapport",
            "folderUid": body["folderUid"],
        }

    def _RouteGetContactpoints(self, query: dict[str, list[str]]) -> Answer:  # noqa: N802
        wanted = query.get("name", [None])[0]
        return 200, [item for item in self.contacts.values() if wanted in (None, item["name"])]

    def _RoutePostContactpoints(self, body: dict) -> Answer:  # noqa: N802
        if body["uid"] in self.contacts:
            return 400, {"message": "invalid object specification: UID is taken"}
        self.contacts[body["uid"]] = {**body, "provenance": "api"}
        return 202, self.contacts[body["uid"]]

    def _RoutePutContactpoint(self, uid: str, body: dict) -> Answer:  # noqa: N802
        self.contacts[uid] = {**body, "provenance": "api"}
        return 202, {"message": "contactpoint updated"}

    def _RouteGetAlertRuleGroup(self, folder: str, name: str) -> Answer:  # noqa: N802
        found = self.groups.get((folder, name))
        return (200, found) if found else (404, {"message": "rule group not found"})

    def _RoutePutAlertRuleGroup(self, folder: str, name: str, body: dict) -> Answer:  # noqa: N802
        known = {item["name"] for item in self.contacts.values()} | {"grafana-default-email"}
        for rule in body["rules"]:
            # Not in the document; Grafana's own SetDashboardAndPanelFromAnnotations.
            if ("__dashboardUid__" in rule["annotations"]) != ("__panelId__" in rule["annotations"]):
                return 400, {"message": "both annotations __dashboardUid__ and __panelId__ must be specified"}
            if rule["condition"] not in {query["refId"] for query in rule["data"]}:
                return 400, {"message": f"condition {rule['condition']} does not exist"}
            told = rule.get("notification_settings")
            if told and told["receiver"] not in known:
                return 400, {"message": f"receiver {told['receiver']} does not exist"}
        rules = [
            {**rule, "id": number, "orgID": 7, "provenance": "api", "updated": "2026-01-01T00:00:00Z"}
            for number, rule in enumerate(body["rules"], 1)
        ]
        self.groups[folder, name] = {**body, "rules": rules}
        return 200, self.groups[folder, name]

    def _getAnnotations(self, query: dict[str, list[str]]) -> Answer:  # noqa: N802
        wanted, most = set(query.get("tags", [])), int(query.get("limit", ["100"])[0])
        return 200, [item for item in self.annotations.values() if wanted <= set(item["tags"])][:most]

    def _postAnnotation(self, body: dict) -> Answer:  # noqa: N802
        number = len(self.annotations) + 1
        given = {key: value for key, value in body.items() if value is not None}
        self.annotations[number] = {"id": number, **given}
        return 200, {"id": number, "message": "Annotation added"}

    def _patchAnnotation(self, number: str, body: dict) -> Answer:  # noqa: N802
        if int(number) not in self.annotations:
            return 404, {"message": "annotation not found"}
        self.annotations[int(number)] |= {key: value for key, value in body.items() if value is not None}
        return 200, {"message": "Annotation patched"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer: Callable[..., Answer] = self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes: else 40 ms each

            def _do(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = self.path.partition("?")
                status, value = answer(self.command, path, self.headers, raw, query)
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = _do  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler
