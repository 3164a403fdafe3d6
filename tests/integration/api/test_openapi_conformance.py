"""The service answers as its description says: known statuses, known contents, their shapes. A few calls of each kind;
`tests/soak/test_openapi_fuzz.py` makes as many as one likes.
"""

import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from made_up_calls import Judge, furnish, settings

CALLS = 4


def test_made_up_calls_are_answered_as_described(app: FastAPI, admin: TestClient) -> None:
    known = furnish(admin)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=settings())
    judge = Judge(schema, {"Authorization": admin.headers["Authorization"]})
    for operation in judge.operations:
        judge.call(operation, known, times=CALLS, seed=1)
    assert not judge.faults, "\n\n".join(judge.faults.values())
