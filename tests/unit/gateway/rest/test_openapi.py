"""The document that describes the native interface."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.docs_page import docs_page
from waiver_exchange.gateway.rest.openapi import openapi_document, refusals_of
from waiver_exchange.gateway.rest.route import Route
from waiver_exchange.gateway.rest.routes import ROUTES

DOCUMENT: Any = json.loads(openapi_document(ROUTES))


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_is_described_whole(route: Route) -> None:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    assert operation["summary"].endswith(".")
    described = {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
    assert set(described) == {parameter.name for parameter in route.parameters}
    assert set(re.findall(r"\{(\w+)\}", route.path)) == {n for n, found in described.items() if found["in"] == "path"}
    assert ("requestBody" in operation) == (route.body is not None)
    assert (operation["security"] == []) == (route.access == "public")
    assert operation["responses"][str(route.status)]["headers"]["X-Request-Id"]
    for reason in refusals_of(route):
        codes = [response["description"] for response in operation["responses"].values()]
        assert any(f"`{reason.name}`" in said for said in codes) or route.unavailable is not None


def test_names_are_given_once() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_the_codes_of_errors_are_listed() -> None:
    codes = DOCUMENT["components"]["schemas"]["ErrorDetail"]["properties"]["code"]["enum"]
    assert codes == [reason.name for reason in RefusalReason]


def test_the_page_shows_every_route_and_needs_nothing_from_elsewhere() -> None:
    page = docs_page(DOCUMENT).decode()
    for route in ROUTES:
        assert f"id='{route.name}'" in page
    ids = re.findall(r"id='([^']*)'", page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"href='#([^']*)'", page)) <= set(ids)
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
