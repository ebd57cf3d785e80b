// The site's own files, as the program carries them, and the first page that they make.
import { expect, expectFits, expectNoAxe, open, test } from "../support/index.ts";

test("the parts of the first page are kept for ever and come compressed", async ({ page }) => {
  await page.goto("/");
  const html = await page.content();
  const parts = [...new Set(html.match(/\/pkg\/[\w.]+\.(?:css|js|wasm)/g))];
  expect(parts.map((part) => part.split(".").at(-1)).sort()).toEqual(["css", "js", "wasm"]);
  for (const part of parts) {
    const answer = await page.request.get(part, { headers: { "accept-encoding": "br" } });
    expect(answer.status(), part).toBe(200);
    expect(answer.headers()).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "content-encoding": "br",
      "x-content-type-options": "nosniff",
    });
  }
});

test("the icon and robots.txt are at their fixed addresses", async ({ page }) => {
  for (const [path, type] of [
    ["/favicon.svg", "image/svg+xml"],
    ["/robots.txt", "text/plain; charset=utf-8"],
  ] as const) {
    const answer = await page.request.get(path);
    expect(answer.status(), path).toBe(200);
    expect(answer.headers()["content-type"]).toBe(type);
    const again = await page.request.get(path, { headers: { "if-none-match": answer.headers()["etag"] ?? "" } });
    expect(again.status(), path).toBe(304);
  }
});

test("each heading of the documentation has an address of its own", async ({ page }) => {
  await page.goto("/docs");
  const links = await page.locator("main a[href^='/docs/']").evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).pathname));
  expect(links.length).toBeGreaterThan(3);
  for (const path of new Set(["/docs", ...links])) {
    const ids = [...(await (await page.request.get(path)).text()).matchAll(/ id="([^"]*)"/g)].map((match) => match[1]);
    expect(ids, path).toEqual([...new Set(ids)]);
  }
});

test("the first page is whole, hydrates, and is clean for axe", async ({ page }) => {
  await open(page, "/");
  await expect(page.getByRole("main")).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toHaveCount(1);
  await expectNoAxe(page);
  await expectFits(page, "first-page");
});
