"""A server on the loopback interface that speaks as much of W&B's API as its client needs to log runs and artifacts.

It keeps what it is sent as a real one does: rows of history by their place, files by name, artifacts by digest. Its
`refuse` makes it fail from a moment on, as a network that goes away; `old` makes it answer what the client needs alone.
"""

import base64
import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

KEY = "0123456789abcdef0123456789abcdef01234567"


class Handler(BaseHTTPRequestHandler):
    """Takes requests; what they are about is the server's business."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing."""

    def _body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, content, code=200):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_PUT(self):
        content, kept = self._body(), self.server.kept
        if kept.refuse:
            self._answer({"error": "gone"}, 503)
        else:
            kept.files[urlsplit(self.path).path] = content
            self._answer(b"")

    def do_GET(self):
        self._answer(self.server.kept.files.get(urlsplit(self.path).path, b"{}"))

    def do_POST(self):
        content, kept, path = self._body(), self.server.kept, urlsplit(self.path).path
        given = base64.b64encode(f"api:{KEY}".encode()).decode()
        if kept.refuse:
            self._answer({"error": "gone"}, 503)
        elif path.startswith("/sdk/"):
            self._answer(b"")
        elif self.headers.get("Authorization") not in {f"Basic {given}", f"Bearer {KEY}"}:
            kept.unauthorized += 1
            self._answer({"errors": [{"message": "unauthorized"}]}, 401)
        elif path.endswith("/file_stream"):
            self._answer(kept.take_stream(unquote(path).split("/")[4], content))
        else:
            asked = json.loads(content)
            self._answer(kept.ask(asked["query"], asked.get("variables") or {}))


class Server:
    """What was sent, by run; `url` and `KEY` let a client in."""

    def __init__(self):
        self.runs = {}
        self.rows = defaultdict(dict)  # run -> place -> row
        self.artifacts = {}  # id -> facts
        self.files = {}  # path -> bytes
        self.operations = []
        self.refuse = False
        self.old = False  # it knows no query of the public API
        self.unauthorized = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.kept = self
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self):
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def history(self, run):
        """Return the rows of a run as they lie there."""
        return [self.rows[run][place] for place in sorted(self.rows[run])]

    def take_stream(self, run, content):
        """Store rows at the places that the client gives them."""
        sent = json.loads(content)
        part = sent.get("files", {}).get("wandb-history.jsonl")
        if part:
            for at, line in enumerate(part["content"]):
                self.rows[run][part["offset"] + at] = json.loads(line)
        summary = sent.get("files", {}).get("wandb-summary.json")
        if summary:
            self.runs[run]["summary"] = json.loads(summary["content"][-1])
        if "exitcode" in sent:
            self.runs[run]["exit"] = sent["exitcode"]
        return {}

    def ask(self, query, given):
        """Answer one operation of GraphQL by its name."""
        name = query.split("(")[0].split("{")[0].split()[-1]
        self.operations.append(name)
        public = name in {"HistoryPage", "RunArtifacts"}
        answer = None if self.old and public else getattr(self, f"on_{name}", None)
        return {"data": answer(given) if answer else {}}

    def on_ServerFeaturesQuery(self, _):
        return {"serverInfo": {"features": []}}

    def on_Viewer(self, _):
        return {"viewer": {"id": "1", "entity": "me", "username": "me", "flags": "{}",
                           "teams": {"edges": []}}}  # fmt: skip

    def on_GetDefaultEntity(self, _):
        return {"viewer": {"id": "1", "entity": "me"}}

    def on_RunResumeStatus(self, given):
        run = self.runs.get(given["name"])
        model = {"id": "m", "name": given["project"], "entity": {"id": "e", "name": "me"}}
        if run is None:
            return {"model": model | {"bucket": None}}
        rows = self.history(given["name"])
        bucket = {"id": given["name"], "name": given["name"], "displayName": run["displayName"]}
        bucket |= {"summaryMetrics": json.dumps(run.get("summary", {})), "logLineCount": 0}
        bucket |= {"historyLineCount": len(rows), "eventsLineCount": 0, "eventsTail": "[]"}
        bucket |= {"historyTail": json.dumps([json.dumps(row) for row in rows[-1:]])}
        bucket |= {"config": run["config"], "tags": run.get("tags") or [], "notes": ""}
        bucket |= {"wandbConfig": json.dumps({"t": {"1": []}})}
        return {"model": model | {"bucket": bucket}}

    def on_UpsertBucket(self, given):
        name = given["name"] or given["id"]
        run = self.runs.setdefault(name, {"inserts": 0})
        run["inserts"] += 1
        run |= {key: value for key, value in given.items() if value is not None}
        run.setdefault("displayName", name)
        run.setdefault("config", "{}")
        project = {"id": "p", "name": given["project"], "entity": {"id": "e", "name": "me"}}
        bucket = {"id": name, "name": name, "displayName": run["displayName"], "description": "",
                  "config": run["config"], "sweepName": None, "project": project,
                  "historyLineCount": len(self.rows[name])}  # fmt: skip
        return {"upsertBucket": {"bucket": bucket, "inserted": run["inserts"] == 1}}

    def on_CreateRunFiles(self, given):
        files = [{"name": each, "uploadUrl": f"{self.url}/up/{given['run']}/{each}"}
                 for each in given["files"]]  # fmt: skip
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def on_CreateArtifact(self, given):
        asked = given["input"]
        digest = asked["digest"]
        made = self.artifacts.setdefault(digest, {"state": "PENDING", "by": []} | asked)
        made["by"].append(asked["runName"])
        return {"createArtifact": {"artifact": {
            "id": digest, "state": made["state"], "artifactSequence": {"latestArtifact": None}}}}  # fmt: skip

    def on_CreateArtifactManifest(self, given):
        url = f"{self.url}/manifest/{given['artifactID']}"
        file = {"id": "f", "uploadUrl": url, "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": "man", "file": file}}}

    def on_CreateArtifactFiles(self, given):
        edges = []
        for spec in given["input"]["artifactFiles"]:
            path = f"/artifact/{spec['artifactID']}/{spec['name']}"
            node = {"storagePath": path, "uploadUrl": self.url + path, "uploadHeaders": [],
                    "uploadMultipartUrls": None, "artifact": {"id": spec["artifactID"]}}  # fmt: skip
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def on_CommitArtifact(self, given):
        made = self.artifacts[given["artifactID"]]
        made["state"] = "COMMITTED"
        return {
            "commitArtifact": {"artifact": {"id": given["artifactID"], "digest": made["digest"]}}
        }

    def on_ArtifactType(self, _):
        return {"project": None}

    def on_HistoryPage(self, given):
        rows = self.history(given["run"])
        if given["run"] not in self.runs:
            return {"project": {"run": None}}
        wanted = [row for row in rows if given["minStep"] <= row["_step"] < given["maxStep"]]
        return {"project": {"run": {"history": [json.dumps(row) for row in wanted]}}}

    def on_RunArtifacts(self, given):
        made = [each for each in self.artifacts.values() if given["run"] in each["by"]]
        edges = [{"node": {"digest": each["digest"], "state": each["state"]}} for each in made]
        return {"project": {"run": {"outputArtifacts": {"edges": edges}}}}

    def on_XXHashDigestsEnabled(self, _):
        return {"entity": {"xxhashDigestsEnabled": False}}
