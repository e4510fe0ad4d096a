"""The waiting page as documents and headers: what it promises before any script runs."""

import re
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest
from support.pages.running_sale import Sale, make_sale
from support.service.running import Service

from holdfast_queue.http.pages import documents
from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.line.brand import LANGUAGES
from holdfast_queue.line.presence import HIDDEN_SECONDS, OWN_VIEW_SECONDS

HTML = {"Accept": "text/html", "Accept-Language": "en"}

REFUSED_URLS = [
    "",
    "/seats",
    "//evil.test/",
    "https:evil.test",
    "http:/evil.test",
    "https://evil.test/",
    "{shop}.evil.test/",
    "{shop}@evil.test/",
    "http://user@{shop_host}/",
    "{shop}\\@evil.test/",
    "\\\\evil.test",
    "/\\evil.test",
    "http:\\\\evil.test",
    "{shop}\n/seats",
    "{shop}\t.evil.test",
    " {shop}/seats",
    "{shop}/seats\x00",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://{shop_host}/",
    "http://[::1]/",
    "http://\u0435vil.test/",
    "{shop}/" + "x" * 3000,
]


class Elements(HTMLParser):
    """Tags with their attributes, and what stands inside scripts."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def read(
    http: aiohttp.ClientSession, url: str, **headers: str
) -> tuple[aiohttp.ClientResponse, str]:
    async with http.get(url, headers={**HTML, **headers}, allow_redirects=False) as response:
        return response, await response.text()


async def test_page_is_cacheable_and_sets_nothing(sale: Sale, http: aiohttp.ClientSession) -> None:
    response, _ = await read(http, sale.page())
    assert response.status == 200
    assert "public" in response.headers["Cache-Control"]
    assert "Set-Cookie" not in response.headers
    await sale.issued(0)


async def test_page_is_told_how_often_to_show_up(sale: Sale, http: aiohttp.ClientSession) -> None:
    """The same numbers that the windows of presence are made for, and the script uses both."""
    async with http.get(sale.page()) as answer:
        text = await answer.text()
    pace = f'"pace":{{"hiddenSeconds":{HIDDEN_SECONDS},"ownViewSeconds":{OWN_VIEW_SECONDS}}}'
    assert pace in re.sub(r"\s", "", text)
    script = (Path(documents.__file__).parent / "static" / "main.js").read_text()
    for name in ("hiddenSeconds", "ownViewSeconds"):
        assert f"this.page.pace.{name}" in script


async def test_page_is_the_same_for_everybody(sale: Sale, http: aiohttp.ClientSession) -> None:
    ticket = await sale.visitor.join(sale.name)
    _, stranger = await read(http, sale.page())
    _, holder = await read(http, sale.page(), Cookie=f"holdfast_{sale.name}={ticket}")
    assert stranger == holder


@pytest.mark.parametrize("path", ["", "/place"])
async def test_policy_allows_own_files_only(
    path: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    response, _ = await read(http, sale.page(path))
    policy = dict(
        part.strip().split(" ", 1)
        for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == f"'self' {sale.shop}"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["", "/place"])
async def test_page_holds_no_inline_code(
    path: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    _, document = await read(http, sale.page(path))
    page = Elements(document)
    assert not page.named("style")
    for script in page.named("script"):
        assert script.get("src") or script["type"] == "application/json"
    for _, attributes in page.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


async def test_page_names_no_other_host(sale: Sale, http: aiohttp.ClientSession) -> None:
    _, document = await read(http, sale.page())
    page = Elements(document)
    for tag, attribute in (("script", "src"), ("link", "href"), ("img", "src"), ("form", "action")):
        for attributes in page.named(tag):
            address = attributes.get(attribute) or ""
            assert not re.match(r"(?:[a-z]+:)?//", address), (tag, address)


async def test_assets_are_immutable_and_whole(
    sale: Sale, service: Service, http: aiohttp.ClientSession
) -> None:
    _, document = await read(http, sale.page())
    page = Elements(document)
    addresses = [tag["href"] for tag in page.named("link")] + [
        tag["src"] for tag in page.named("script") if "src" in tag
    ]
    assert len(addresses) >= 5
    for address in addresses:
        response, _ = await read(http, f"{service.url}{address}")
        assert response.status == 200, address
        assert "immutable" in response.headers["Cache-Control"], address


async def test_asset_of_another_release_is_not_kept(
    service: Service, http: aiohttp.ClientSession
) -> None:
    response, _ = await read(http, f"{service.url}/wait/-/0123456789abcdef/main.js")
    assert (response.status, response.headers["Cache-Control"]) == (200, "no-cache")
    response, _ = await read(http, f"{service.url}/wait/-/0123456789abcdef/..%2Froutes.py")
    assert response.status == 404


@pytest.mark.parametrize("path", ["", "/place"])
async def test_return_url_of_a_stranger_is_refused(
    path: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    for url in REFUSED_URLS:
        target = url.format(shop=sale.shop, shop_host=sale.shop.removeprefix("http://"))
        response, document = await read(http, sale.page(path, t=target))
        assert response.status == 400, url
        assert "invalid_return_url" in document, url
        assert response.content_type == "text/html"
        assert catalogue("en")["problem_return_url_headline"] in document


@pytest.mark.parametrize("path", ["", "/place"])
@pytest.mark.parametrize("twice", ["t=https://evil.test/", "lang=en&lang=en"])
async def test_parameter_of_the_page_given_twice_is_refused(
    twice: str, path: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    response, _ = await read(http, f"{sale.page(path)}&{twice}")
    assert response.status == 400


@pytest.mark.parametrize("path", ["", "/place"])
async def test_parameters_of_others_are_ignored(
    path: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    """Newsletters and advertisements mark links, and some do it twice."""
    marked = f"{sale.page(path)}&utm_source=mail&utm_source=mail&gclid=%00&fbclid="
    response, document = await read(http, marked)
    assert response.status == 200
    assert "utm_source" not in document


@pytest.mark.parametrize("path", ["", "/place"])
async def test_link_without_a_return_url_leads_to_the_only_shop(
    path: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    response, document = await read(http, sale.page(path).partition("?")[0])
    assert response.status == 200
    assert f'name="t" value="{sale.shop}/"' in document


@pytest.mark.parametrize("origins", [[], ["https://a.test", "https://b.test"]])
async def test_link_without_a_return_url_is_refused_where_it_could_mean_any(
    origins: list[str], service: Service, http: aiohttp.ClientSession, sale: Sale
) -> None:
    other = await make_sale(service, http, sale.shop, {"return_origins": origins})
    response, document = await read(http, other.page().partition("?")[0])
    assert response.status == 400
    assert catalogue("en")["problem_return_url_headline"] in document
    assert catalogue("en")["back_action"] not in document


async def test_refused_return_url_leaves_the_way_to_the_only_shop(
    sale: Sale, http: aiohttp.ClientSession
) -> None:
    response, document = await read(http, sale.page(t="https://evil.test/"))
    assert response.status == 400
    assert f'href="{sale.shop}/"' in document
    assert "evil.test" not in document


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender"])
async def test_page_fetched_in_advance_joins_nobody(
    purpose: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    for path in ("", "/place"):
        response, _ = await read(http, sale.page(path), **{"Sec-Purpose": purpose})
        assert response.status == 200
        assert "Set-Cookie" not in response.headers
    await sale.issued(0)


async def test_return_url_of_the_service_itself_is_fine(
    sale: Sale, service: Service, http: aiohttp.ClientSession
) -> None:
    response, _ = await read(http, sale.page(t=f"{service.url}/anything"))
    assert response.status == 200


async def test_refusal_for_a_program_is_a_problem_document(
    sale: Sale, http: aiohttp.ClientSession
) -> None:
    response, document = await read(http, sale.page(t="https://evil.test/"), Accept="*/*")
    assert response.content_type == "application/problem+json"
    assert '"invalid_return_url"' in document


async def test_unknown_sale_gets_a_page(service: Service, http: aiohttp.ClientSession) -> None:
    response, document = await read(http, f"{service.url}/wait/no-such-sale?t=http://a.test/")
    assert response.status == 404
    assert catalogue("en")["problem_unknown_sale_headline"] in document


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("de-DE,de;q=0.9", "en"),
        ("en;q=0.2, zh-TW;q=0.9", "zh-Hans"),
        ("zh;q=0, en", "en"),
        ("", "en"),
        ("zh;q=broken, *", "en"),
    ],
)
async def test_language_follows_the_visitor(
    accepted: str, language: str, sale: Sale, http: aiohttp.ClientSession
) -> None:
    response, document = await read(http, sale.page(), **{"Accept-Language": accepted})
    assert f'<html lang="{language}"' in document
    assert catalogue(language)["loading_headline"] in document
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.headers["Vary"]


async def test_language_by_name_goes_first(sale: Sale, http: aiohttp.ClientSession) -> None:
    _, document = await read(http, sale.page(lang="zh-Hans"))
    assert '<html lang="zh-Hans"' in document


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_holds_the_texts_of_the_english_one_with_their_places(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert english.keys() == other.keys()
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", other[key])), key


async def test_brand_is_on_the_page_and_escaped(
    service: Service, http: aiohttp.ClientSession, sale: Sale
) -> None:
    brand = {
        "name": "<b>Hall & Co</b>",
        "colour": "#b91c1c",
        "logo": "data:image/png;base64,iVBORw0KGgo=",
        "texts": {"en": {"waiting_lead": "</script><script>alert(1)</script>"}},
    }
    branded = await make_sale(service, http, sale.shop, {"name": "A <i>sale</i>", "brand": brand})
    _, document = await read(http, branded.page())
    assert "&lt;b&gt;Hall &amp; Co&lt;/b&gt;" in document
    assert "A &lt;i&gt;sale&lt;/i&gt;" in document
    assert "<script>alert" not in document
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in document
    stylesheet = next(
        tag["href"]
        for tag in Elements(document).named("link")
        if "brand.css" in (tag["href"] or "")
    )
    _, styles = await read(http, f"{service.url}{stylesheet}")
    assert "--brand: #b91c1c" in styles
