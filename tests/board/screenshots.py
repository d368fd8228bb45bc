"""Pictures for the documentation: `python -m tests.board.screenshots` (needs redis-server and chromium)."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import sync_playwright

from tests.board.world import SLIPS, chromium, serving
from tests.servers import REPO


def main() -> None:
    """Writes docs/board-*.png."""
    with serving(40) as served, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        themes: tuple[Any, Any] = ("light", "dark")
        for theme in themes:
            page = browser.new_page(viewport={"width": 1440, "height": 860}, color_scheme=theme)
            page.goto(served.address)
            page.wait_for_selector(".feed .alert")
            page.screenshot(path=REPO / "docs" / f"board-{theme}.png", animations="disabled")
            page.goto(f"{served.origin}/#/p/{SLIPS}")
            page.wait_for_selector(".u-wrap canvas")
            page.screenshot(path=REPO / "docs" / f"board-partnership-{theme}.png", animations="disabled")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
