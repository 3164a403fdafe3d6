"""The pages in a real browser: Debian's Chromium, driven by Playwright, against the service on loopback."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pydantic import SecretStr
from sqlalchemy import Engine
from stopped_clock import EVENING, StoppedClock

from service.access.keys import create_key
from service.access.roles import Role
from service.cli.demo.story import ECOSYSTEMS, sbom, write_feed
from service.db import connect, writing
from service.flows.applying import apply_feed
from service.flows.receiving import Request, receive_upload
from service.log import configure
from service.main import create_app
from service.settings import Settings

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, SMALLEST, DESK = (375, 812), (320, 640), (1280, 800)
PAGES = (
    "/",
    "/search?q=liblzma+5.6&ever=on",
    "/incidents",
    "/incidents/INC-1",
    "/products",
    "/products/payments-api",
    "/products/payments-api/diff?from=web-shop/stream:main",
    "/products/payments-api/paths?purl=liblzma5",
)

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}; install Debian's chromium")


@pytest.fixture(scope="module")
def site(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Serve the story of xz, which the tests only read; gives the address and a key."""
    configure(level="ERROR")
    engine = connect(module_database)
    token = _tell(engine, tmp_path_factory.mktemp("feed"))
    app = create_app(Settings(secret_key=SecretStr("of the tests")), engine=engine, clock=StoppedClock())
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", token
    server.should_exit = True
    thread.join()
    listening.close()
    engine.dispose()


def _tell(engine: Engine, folder: Path) -> str:
    for product in ("payments-api", "web-shop"):
        receive_upload(engine, sbom(f"{product}.cdx.json"), Request(product, actor="builds"), now=EVENING)
    write_feed(folder)
    apply_feed(engine, folder.as_uri(), ECOSYSTEMS, now=EVENING)
    with writing(engine) as session:
        return create_key(session, "Ada", Role.CERT, now=EVENING).token


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, site: tuple[str, str]) -> Iterator[Page]:
    """Open a page of the site in which somebody has signed in by keyboard; whatever the console says fails the test."""
    address, token = site
    context = chromium.new_context(viewport={"width": DESK[0], "height": DESK[1]}, base_url=address)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/incidents/INC-1")
    page.get_by_label("API key").fill(token)
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents/INC-1")
    yield page
    context.close()
    assert said == []


def test_a_cert_finds_who_uses_it_and_goes_to_the_incident(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Which component?").fill("liblzma 5.6")
    page.get_by_role("button", name="Who uses it?").click()
    expect(page.get_by_role("heading", name="1 use in 1 product")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="payments-api")
    expect(row).to_contain_text("payments-api › openssh-server › libsystemd0 › liblzma5")  # noqa: RUF001
    row.get_by_role("link", name="payments-api").click()
    page.get_by_role("link", name="INC-1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Backdoor in the release tarballs of xz 5.6.0 and 5.6.1")
    expect(page.get_by_text("1 h left")).to_be_visible()


def test_the_session_cookie_is_out_of_reach_and_ends_on_signing_out(page: Page) -> None:
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["name"]) == (True, "Strict", "muster_session")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    page.goto("/products")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []


def test_the_style_applies_and_nothing_is_loaded_from_elsewhere(page: Page, site: tuple[str, str]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert all(url.startswith(site[0]) for url in asked)
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).borderTopLeftRadius") == "10px"


@pytest.mark.parametrize("size", [PHONE, SMALLEST, DESK])
def test_no_page_is_wider_than_its_window(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for address in PAGES:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], address


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    expect(page.get_by_text("Skip to the content")).to_be_in_viewport()
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break  # once round
        reached.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert {"Search", "Incidents", "Products", "Sign out", "q", "Who uses it?", "ever"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for address in PAGES:
        page.goto(address)
        faint = page.evaluate(_FAINT)
        assert faint == [], f"{address}: {faint}"


# WCAG 2: the ratio of luminances of each text and the first opaque ground under it; 4.5 is AA.
_FAINT = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (colour) => {
    const [r, g, b] = [...rgba(colour)].slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return 'white';
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push([walker.currentNode.textContent.trim(), ratio.toFixed(2)]);
  }
  return faint;
}"""
