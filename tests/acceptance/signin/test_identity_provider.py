"""The identity providers of the tests themselves: they say what the tests of signing in count on."""

import base64
import json
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import BrowserContext

from tests.support.crooked_provider import CrookedProvider
from tests.support.identity_provider import IdentityProvider

CALLBACK = "http://localhost:9/auth/callback/league"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-"
CHALLENGE = "HAm0KlcgW50nnUH12zgTXQ6D_rGZGm8emPrdLObV9aI"


def authorize_url(issuer: str) -> str:
    query = {
        "client_id": "waiver",
        "response_type": "code",
        "scope": "openid email profile",
        "redirect_uri": CALLBACK,
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    document = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
    return f"{document['authorization_endpoint']}?{urlencode(query)}"


def token_for(issuer: str, code: str) -> httpx.Response:
    document = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return httpx.post(document["token_endpoint"], data=form, auth=("waiver", "a-secret"), trust_env=False)


def claims_of(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(claims, dict)
    return claims


def test_the_certified_provider_signs_in_whoever_says_a_name(
    identity_provider: IdentityProvider, person: BrowserContext
) -> None:
    identity_provider.register("waiver", secret="a-secret", redirect_uris=(CALLBACK,))  # noqa: S106 - of this test
    page = person.new_page()
    page.route("http://localhost:9/**", lambda route: route.fulfill(body="arrived"))
    page.goto(authorize_url(identity_provider.issuer))
    page.get_by_label("Name").fill("ann")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{CALLBACK}?**")
    answer = parse_qs(urlsplit(page.url).query)
    assert answer["state"] == ["the-state"]
    assert answer["iss"] == [identity_provider.issuer]
    response = token_for(identity_provider.issuer, answer["code"][0])
    assert response.status_code == 200, response.text
    claims = claims_of(response.json()["id_token"])
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("ann", "waiver", "the-nonce")
    assert (claims["email"], claims["email_verified"]) == ("ann@example.test", True)
    assert token_for(identity_provider.issuer, answer["code"][0]).status_code == 400


@pytest.mark.parametrize("lie", [{}, {"aud": "another"}, {"nonce": None}])
def test_the_crooked_provider_says_what_it_is_told(crooked_provider: CrookedProvider, lie: dict[str, object]) -> None:
    crooked_provider.claims = lie
    answer = httpx.get(authorize_url(crooked_provider.issuer), trust_env=False)
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    claims = claims_of(token_for(crooked_provider.issuer, query["code"][0]).json()["id_token"])
    honest = {"sub": "crook", "aud": "waiver", "nonce": "the-nonce", "iss": crooked_provider.issuer}
    expected = {name: value for name, value in (honest | lie).items() if value is not None}
    assert {name: claims[name] for name in honest if name in claims} == expected


def test_the_crooked_provider_leaves_the_signature_out(crooked_provider: CrookedProvider) -> None:
    crooked_provider.header = {"alg": "none"}
    answer = httpx.get(authorize_url(crooked_provider.issuer), trust_env=False)
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    token = token_for(crooked_provider.issuer, query["code"][0]).json()["id_token"]
    assert token.endswith(".")
    assert claims_of(token)["sub"] == "crook"
