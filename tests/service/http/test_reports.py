"""The report over HTTP: its two forms, and who may read it."""

from support.api_client import Api, create, make_key
from support.service.running import Service


async def test_report_is_json_or_a_document(operator: Api, name: str) -> None:
    await create(operator, name)
    path = f"/v1/sales/{name}/report"
    report = (await operator.get(path)).body
    assert (report["sale"], report["comparison"]["agree"]) == (name, True)
    for answer in (
        await operator.get(path + "?format=html"),
        await operator.call("GET", path, headers={"Accept": "text/html,*/*;q=0.8"}),
    ):
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.body.startswith(b"<!doctype html>")
    as_json = await operator.call("GET", path, headers={"Accept": "*/*"})
    assert as_json.headers["Content-Type"] == "application/json"


async def test_report_is_refused_to_whom_it_is_not_for(
    operator: Api, name: str, shared_service: Service
) -> None:
    await create(operator, name)
    path = f"/v1/sales/{name}/report"
    assert (await operator.as_(None).get(path)).code == "unauthorized"
    assert (await operator.as_(make_key(shared_service, "viewer")).get(path)).status == 200
    assert (await operator.get(path + "?format=pdf")).body["field"] == "format"
    assert (await operator.get("/v1/sales/nobody-has-this/report")).code == "unknown_sale"
