"""Jira, GitHub, GitLab and ServiceNow as they answer, as far as a connector can see."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ticket_servers import Answer, Issue, Params, Tracker, instant

Json = dict[str, Any]


class JiraServer(Tracker):
    """Cloud: search by token, labels without spaces, a workflow of three states. `cloud = False`: Data Center."""

    lag = timedelta(minutes=2)
    cloud = True
    transitions: Mapping[str, tuple[tuple[str, str], ...]] = {
        "new": (("21", "indeterminate"), ("31", "done")),
        "indeterminate": (("31", "done"), ("11", "new")),
        "done": (("11", "new"),),
    }
    page = 2

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("Authorization", "").startswith(("Basic ", "Bearer right"))

    def close(self, key: str) -> None:
        self._touch(self.issues[key]).state = "done"

    def copy(self, key: str, new: str) -> None:
        super().copy(key, new)
        self.issues[new].state = "new"

    def answer(self, method: str, path: str, params: Params, body: Any) -> Answer:  # noqa: ANN401, ARG002
        if path in ("/rest/api/2/search/jql", "/rest/api/2/search"):
            return self._search(path, body)
        if (method, path) == ("POST", "/rest/api/2/issue"):
            return self._create(body)
        found = re.fullmatch(r"/rest/api/2/issue/([^/]+)(/\w+)?", path)
        issue = self.issues.get(found[1]) if found else None
        if found is None or issue is None:
            return 404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}
        return self._of_issue(method, found[2] or "", issue, body)

    def _create(self, body: Json) -> Answer:
        fields = body["fields"]
        if any(" " in label for label in fields["labels"]):
            return 400, {"errors": {"labels": "The label can't contain spaces."}}
        if "\n" in fields["summary"] or len(fields["summary"]) > 255:
            return 400, {"errors": {"summary": "The summary is invalid because it contains newline characters."}}
        key = f"{fields['project']['key']}-{len(self.issues) + len(self.deleted) + 1}"
        now = self.clock()
        self.issues[key] = Issue(
            key, fields["summary"], fields["description"], list(fields["labels"]), now, now, "new",
            fields["priority"]["name"], more={"properties": body["properties"]},
        )  # fmt: skip
        return 201, {"id": "10000", "key": key, "self": f"{self.url}/rest/api/2/issue/10000"}

    def _of_issue(self, method: str, part: str, issue: Issue, body: Any) -> Answer:  # noqa: ANN401
        if part == "/comment" and method == "GET":
            return 200, {
                "comments": [{"body": text} for text in reversed(issue.comments)],
                "total": len(issue.comments),
            }
        if part == "/comment":
            self._touch(issue).comments.append(body["body"])
            return 201, {"id": "1", "body": body["body"]}
        if part == "/transitions" and method == "GET":
            offered = self.transitions[issue.state]
            return 200, {"transitions": [{"id": i, "to": {"statusCategory": {"key": key}}} for i, key in offered]}
        if part == "/transitions":
            self._touch(issue).state = dict(self.transitions[issue.state])[body["transition"]["id"]]
            return 204, None
        if method == "PUT":
            fields = body["fields"]
            issue.title, issue.body, issue.priority = (
                fields["summary"],
                fields["description"],
                fields["priority"]["name"],
            )
            issue.labels += [v["add"] for v in body["update"]["labels"] if v["add"] not in issue.labels]
            self._touch(issue)
            return 204, None
        return 200, self._shown(issue)

    def _search(self, path: str, body: Json) -> Answer:
        if path.endswith("jql") != self.cloud:
            return 404, {"errorMessages": ["null for uri"]}
        label = re.search(r'labels = "([^"]+)"', body["jql"])
        since = re.search(r'updated >= "([^"]+)"', body["jql"])
        after = datetime.strptime(since[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC) if since else None
        found = [
            self._shown(issue)
            for issue in self.issues.values()
            if label
            and label[1] in issue.labels
            and self.visible(issue)
            and (after is None or issue.updated_at >= after)
        ]
        start = int(body.get("nextPageToken") or body.get("startAt") or 0)
        page = {"issues": found[start : start + self.page]}
        if not self.cloud:
            return 200, page | {"total": len(found), "startAt": start}
        following = {"nextPageToken": str(start + self.page)} if start + self.page < len(found) else {"isLast": True}
        return 200, page | following

    def _shown(self, issue: Issue) -> Json:
        fields = {
            "labels": issue.labels,
            "status": {"name": issue.state.title(), "statusCategory": {"key": issue.state}},
            "created": instant(issue.created_at),
            "updated": instant(issue.updated_at),
        }
        return {"key": issue.key, "fields": fields}


class GitHubServer(Tracker):
    """A repository of acme/payments. Its search splits words at dashes and lags; its lists have pages of two."""

    lag = timedelta(minutes=2)
    page = 2
    path = "/repos/acme/payments/issues"

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("Authorization") == "Bearer right" and "X-GitHub-Api-Version" in headers

    def answer(self, method: str, path: str, params: Params, body: Any) -> Answer:  # noqa: ANN401
        if path == "/search/issues":
            return self._search(params["q"])
        if path == self.path:
            return self._create(body) if method == "POST" else (200, self._listed(params))
        found = re.fullmatch(rf"{self.path}/(\d+)(/\w+)?", path)
        if found and found[1] in self.deleted:
            return 410, {"message": "This issue was deleted"}
        issue = self.issues.get(found[1]) if found else None
        if found is None or issue is None:
            return 404, {"message": "Not Found"}
        return self._of_issue(method, found[2] or "", issue, body)

    def headers(self, params: Params, path: str) -> dict[str, str]:
        start = int(params.get("page", 1)) * self.page
        if path != self.path or "since" not in params or start >= len(self._matching(params)):
            return {}
        query = "&".join(f"{k}={v}" for k, v in params.items() if k != "page")
        return {"Link": f'<{self.url}{path}?{query}&page={int(params.get("page", 1)) + 1}>; rel="next"'}

    def _create(self, body: Json) -> Answer:
        key = str(len(self.issues) + len(self.deleted) + 1)
        now = self.clock()
        self.issues[key] = Issue(key, body["title"], body["body"], list(body["labels"]), now, now)
        return 201, self._shown(self.issues[key])

    def _of_issue(self, method: str, part: str, issue: Issue, body: Any) -> Answer:  # noqa: ANN401
        if part == "/comments" and method == "POST":
            self._touch(issue).comments.append(body["body"])
            return 201, {"id": 1}
        if part == "/comments":
            return 200, [{"body": text} for text in issue.comments]
        if part == "/labels":
            issue.labels += body["labels"]
            return 200, [{"name": label} for label in issue.labels]
        if method == "PATCH":
            self._touch(issue)
            issue.title, issue.body = body["title"], body["body"]
            issue.state = body.get("state", issue.state)
        return 200, self._shown(issue)

    def _search(self, query: str) -> Answer:
        wanted = re.search(r'"([^"]+)"', query)
        words = set(re.split(r"\W+", wanted[1])) if wanted else set()
        found = [i for i in self.issues.values() if self.visible(i) and words <= set(re.split(r"\W+", i.body))]
        return 200, {"total_count": len(found), "items": [self._shown(issue) for issue in found]}

    def _matching(self, params: Params) -> list[Issue]:
        issues = sorted(self.issues.values(), key=lambda issue: (issue.updated_at, int(issue.key)))
        return [i for i in issues if params["labels"] in i.labels and instant(i.updated_at) >= params["since"]]

    def _listed(self, params: Params) -> list[Json]:
        start = (int(params.get("page", 1)) - 1) * self.page
        return [self._shown(issue) for issue in self._matching(params)[start : start + self.page]]

    def _shown(self, issue: Issue) -> Json:
        pull: Json = {"pull_request": {}} if issue.more.get("pull") else {}
        return {
            "number": int(issue.key),
            "html_url": f"https://github.example/acme/payments/issues/{issue.key}",
            "state": issue.state,
            "body": issue.body,
            "labels": [{"name": label} for label in issue.labels],
            "created_at": instant(issue.created_at),
        } | pull


class GitLabServer(Tracker):
    """The project acme/payments."""

    path = "/api/v4/projects/acme/payments/issues"

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("PRIVATE-TOKEN") == "right"

    def answer(self, method: str, path: str, params: Params, body: Any) -> Answer:  # noqa: ANN401
        if path == self.path:
            return self._create(body) if method == "POST" else (200, self._listed(params))
        found = re.fullmatch(rf"{self.path}/(\d+)(/\w+)?", path)
        issue = self.issues.get(found[1]) if found else None
        if found is None or issue is None:
            return 404, {"message": "404 Not found"}
        return self._of_issue(method, found[2] or "", issue, body)

    def _create(self, body: Json) -> Answer:
        key, now = str(len(self.issues) + len(self.deleted) + 1), self.clock()
        labels = body["labels"].split(",")
        self.issues[key] = Issue(
            key, body["title"], body["description"], labels, now, now, more={"confidential": body["confidential"]}
        )
        return 201, self._shown(self.issues[key])

    def _of_issue(self, method: str, part: str, issue: Issue, body: Any) -> Answer:  # noqa: ANN401
        if part == "/notes" and method == "POST":
            self._touch(issue).comments.append(body["body"])
            return 201, {"id": 1}
        if part == "/notes":
            return 200, [{"body": text} for text in reversed(issue.comments)]
        if method == "PUT":
            self._touch(issue)
            issue.title, issue.body = body["title"], body["description"]
            issue.state = {"close": "closed", "reopen": "open"}.get(body.get("state_event", ""), issue.state)
        return 200, self._shown(issue)

    def _listed(self, params: Params) -> list[Json]:
        return [
            self._shown(issue)
            for issue in self.issues.values()
            if params.get("search", "") in issue.body
            and (not params.get("labels") or params["labels"] in issue.labels)
            and instant(issue.updated_at) >= params.get("updated_after", "")
        ]

    def _shown(self, issue: Issue) -> Json:
        return {
            "iid": int(issue.key),
            "web_url": f"https://gitlab.example/acme/payments/-/issues/{issue.key}",
            "state": "opened" if issue.state == "open" else "closed",
            "description": issue.body,
            "labels": issue.labels,
            "created_at": instant(issue.created_at),
        }


class ServiceNowServer(Tracker):
    """The table incident."""

    path = "/api/now/table/incident"

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("Authorization", "").startswith("Basic ")

    def close(self, key: str) -> None:
        self._touch(self.issues[key]).state = "7"

    def answer(self, method: str, path: str, params: Params, body: Any) -> Answer:  # noqa: ANN401
        if path == "/api/now/table/sys_journal_field":
            return 200, {"result": self._journal(params["sysparm_query"])}
        if path == self.path and method == "GET":
            return 200, {"result": self._listed(params)}
        if path == self.path:
            return self._create(body)
        issue = next((i for i in self.issues.values() if path == f"{self.path}/{i.more['sys_id']}"), None)
        if issue is None:
            return 404, {"error": {"message": "No Record found"}, "status": "failure"}
        self._touch(issue)
        issue.title, issue.body = body.get("short_description", issue.title), body.get("description", issue.body)
        issue.state = body.get("state", issue.state)
        issue.comments += [body["work_notes"]] if "work_notes" in body else []
        return 200, {"result": self._shown(issue)}

    def _create(self, body: Json) -> Answer:
        key, now = f"INC{len(self.issues) + len(self.deleted) + 1:07}", self.clock()
        more = {"sys_id": f"{len(self.issues) + 1:032x}", "correlation_id": body["correlation_id"]}
        labels = [body["correlation_display"]]
        self.issues[key] = Issue(
            key, body["short_description"], body["description"], labels, now, now, "1", body["urgency"], more=more
        )
        return 201, {"result": self._shown(self.issues[key])}

    def copy(self, key: str, new: str) -> None:
        super().copy(key, new)
        self.issues[new].state, self.issues[new].more["sys_id"] = "1", "f" * 32

    def _listed(self, params: Params) -> list[Json]:
        conditions = [part for part in params["sysparm_query"].split("^") if not part.startswith("ORDERBY")]
        found = [issue for issue in self.issues.values() if all(self._meets(issue, part) for part in conditions)]
        start = int(params.get("sysparm_offset", 0))
        return [self._shown(issue) for issue in found[start : start + int(params["sysparm_limit"])]]

    def _meets(self, issue: Issue, condition: str) -> bool:
        found = re.fullmatch(r"(\w+?)(>=|=)(.*)", condition)
        assert found, condition
        value: str = {
            "number": issue.key,
            "correlation_id": issue.more["correlation_id"],
            "correlation_display": issue.labels[0],
            "sys_updated_on": issue.updated_at.strftime("%Y-%m-%d %H:%M:%S"),
        }[found[1]]
        return value >= found[3] if found[2] == ">=" else value == found[3]

    def _journal(self, query: str) -> list[Json]:
        sys_id, mark = re.fullmatch(r"element_id=(\w+)\^element=work_notes\^valueLIKE(.*)", query).groups()  # type: ignore[union-attr]
        issue = next(issue for issue in self.issues.values() if issue.more["sys_id"] == sys_id)
        return [{"value": text} for text in issue.comments if mark in text][:1]

    def _shown(self, issue: Issue) -> Json:
        return {
            "sys_id": issue.more["sys_id"],
            "number": issue.key,
            "state": issue.state,
            "correlation_id": issue.more["correlation_id"],
            "correlation_display": issue.labels[0],
            "sys_created_on": issue.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        }
