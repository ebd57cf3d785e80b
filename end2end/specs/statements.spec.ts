// A month that is over: its statement closes, is read, printed and saved, never changes, and what comes later stands as a
// correction in the next one. It is there for Owners alone. The time of the program is what a file says.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import {
  BO,
  CY,
  HOME,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectClosed,
  expectFits,
  expectNoAxe,
  expectPage,
  expectSaid,
  exported,
  hydrated,
  invite,
  join,
  open,
  signIn,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

const CLOCK = path(mkdtempSync(path(tmpdir(), "latchkey-clock-")), "now");
const setTime = (now: string) => writeFileSync(CLOCK, `${now}\n`);

test.describe.configure({ mode: "serial", timeout: 120_000 });
test.use({ settings: { LATCHKEY_TEST_CLOCK_FILE: CLOCK } });
// Later than any day on which this runs: browsers go by their own time.
test.beforeAll(() => setTime("2101-03-10T09:00:00Z"));

const MARCH = `${HOME}/billing/statements/2101-03`;
/** The width of A4 less its margins, in pixels. */
const PAPER = 680;

const lines = (page: Page, number: number, month: string) =>
  page.getByRole("table", { name: `Lines of statement No. ${number}, ${month}` }).getByRole("row");

/** Waits until a month has so many calls. */
async function expectCalls(page: Page, month: string, calls: number): Promise<void> {
  const figure = page
    .getByRole("list", { name: "Figures" })
    .getByRole("listitem")
    .filter({ has: page.getByRole("link", { name: "Calls", exact: true }) })
    .locator(".board-figure");
  await expect(async () => {
    await open(page, `${HOME}/billing?month=${month}`);
    await expect(figure).toHaveText(String(calls), { timeout: 500 });
  }).toPass();
}

test("a month that is over has a statement, which is read, printed and saved", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Priced models", baseUrl: upstream.baseUrl });
  await open(page, `${HOME}/logs/prices?provider=openai-compatible&model=brass-large`);
  await page.getByLabel("Input", { exact: true }).fill("100000");
  await page.getByLabel("Output", { exact: true }).fill("100000");
  await page.getByRole("button", { name: "Set the price" }).click();
  await expectSaid(page, "The price is set");
  await open(page, `${HOME}/billing/settings`);
  for (const [label, text] of [["Currency", "EUR"], ["Rate", "0.5"], ["OpenAI-compatible", "10"]] as const) {
    await page.getByLabel(label, { exact: true }).fill(text);
  }
  await page.getByLabel("E-mail address (optional)").fill("bills@example.com");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expectSaid(page, "Saved. It applies to statements made from now on.");
  const secret = await createApiKey(page, "billed");
  // 3 tokens read and 5 written by each: 80 cents.
  const call = async () => {
    const answer = await callModel(latchkey.url, secret, { model: "@priced-models/brass-large" });
    expect(answer.status).toBe(200);
    await answer.text();
  };
  await call();
  await call();
  await expectCalls(page, "2101-03", 2);
  expect((await page.goto(MARCH))?.status(), "the month runs").toBe(404);

  // It stays open for three days.
  setTime("2101-04-03T23:59:00Z");
  await signIn(page);
  expect((await page.goto(MARCH))?.status(), "the month is open").toBe(404);
  setTime("2101-04-04T00:00:01Z");
  await open(page, `${HOME}/billing`);
  const listed = page.getByRole("table", { name: "Monthly statements" }).getByRole("row").filter({ hasText: "March 2101" });
  await expect(listed).toContainText("EUR 0.88");
  await listed.getByRole("link", { name: "March 2101" }).click();
  await expectPage(page, "Statement No. 1, March 2101");
  await hydrated(page);
  await expect(page).toHaveURL(new RegExp(`${MARCH}$`));
  const line = lines(page, 1, "March 2101").filter({ hasText: "brass-large" });
  for (const text of ["OpenAI-compatible", "0.80", "10 %", "0.08", "0.88"]) await expect(line).toContainText(text);
  await expect(lines(page, 1, "March 2101").filter({ hasText: "Total" }).last()).toContainText("EUR 0.88");
  await expect(page.getByRole("table", { name: "API keys" })).toContainText("billed");
  await expect(page.getByRole("main")).toContainText("bills@example.com");
  await expect(page.getByRole("main")).toContainText("EUR, at 0.5 for a dollar");
  await expectNoAxe(page);
  await expectFits(page, "statement");

  // On paper there is the statement alone, and all of it.
  const before = page.viewportSize();
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: PAPER, height: 1000 });
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(line).toBeVisible();
  for (const hidden of [
    page.getByRole("navigation", { name: "Console" }),
    page.getByRole("link", { name: "All months" }),
    page.getByRole("button", { name: "Download as CSV" }),
  ]) {
    await expect(hidden).toBeHidden();
  }
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(beyond, "pixels by which it is wider than the paper").toBeLessThanOrEqual(0);
  await page.emulateMedia({ media: null });
  if (before) await page.setViewportSize(before);

  const [name, file] = await exported(page, "Download as CSV");
  expect(name).toMatch(/2101-03\.csv$/);
  expect(file).toMatch(/^line,2101-03,openai-compatible,"?brass-large"?,,,2,6,0,10,0,1\.6,10,0\.16,1\.76,EUR,0\.5,0\.88\r?$/m);
  expect(file).toMatch(/^total,2101-03,,,,,2,6,0,10,0,1\.6,,0\.16,1\.76,EUR,0\.5,0\.88\r?$/m);

  // One more call of the month that is closed.
  setTime("2101-03-20T12:00:00Z");
  await call();
  setTime("2101-04-04T00:10:00Z");
  await expectCalls(page, "2101-03", 3);
  await open(page, MARCH);
  await expect(lines(page, 1, "March 2101").filter({ hasText: "Total" }).last()).toContainText("EUR 0.88");
});

test("what comes later is a correction in the next statement, and the first stays as it was", async ({ page }) => {
  setTime("2101-05-05T12:00:00Z");
  await signIn(page);
  await open(page, `${HOME}/billing/statements/2101-04`);
  await expectPage(page, "Statement No. 2, April 2101");
  const corrected = lines(page, 2, "April 2101").filter({ hasText: "correction of March 2101" });
  await expect(corrected).toHaveCount(1);
  for (const text of ["brass-large", "OpenAI-compatible", "0.40", "10 %", "0.04", "0.44"]) {
    await expect(corrected).toContainText(text);
  }
  await expectFits(page, "statement-correction");
  const [, file] = await exported(page, "Download as CSV");
  expect(file).toMatch(/^correction,2101-03,openai-compatible,/m);
  await open(page, MARCH);
  await expect(lines(page, 1, "March 2101").filter({ hasText: "Total" }).last()).toContainText("EUR 0.88");
  await expect(page.getByText("correction of")).toHaveCount(0);
});

test("Admins, Members and the master key reach none of it", async ({ page, newContext, latchkey }) => {
  await signIn(page);
  const pages = [`${HOME}/billing`, `${HOME}/billing/settings`, MARCH];
  for (const [person, role] of [[BO, "Admin"], [CY, "Member"]] as const) {
    const [link = ""] = await invite(page, role, [person.email]);
    const theirs = await (await newContext()).newPage();
    await join(theirs, link, person);
    await expect(theirs.getByRole("link", { name: "Billing", exact: true })).toHaveCount(0);
    for (const closed of pages) {
      await expectClosed(theirs, closed);
      await expect(theirs.getByRole("main")).not.toContainText("0.88");
    }
  }

  const authorization = `Bearer ${latchkey.setup?.["master_key"]}`;
  const works = await fetch(`${latchkey.url}/v1/api-keys`, { headers: { authorization } });
  expect(works.status, "it is the master key").toBe(200);
  for (const closed of pages) {
    const answer = await fetch(`${latchkey.url}${closed}`, { headers: { authorization }, redirect: "manual" });
    expect(answer.status, closed).not.toBe(200);
    expect(await answer.text(), closed).not.toContain("0.88");
  }
  for (const called of ["view", "settings", "change_settings", "statement", "statement_file"]) {
    const body = new URLSearchParams({ slug: HOME.replace("/o/", ""), month: "2101-03", version: "1", currency: "USD" });
    const headers = { authorization, origin: latchkey.url, "sec-fetch-site": "same-origin", accept: "application/json" };
    const answer = await fetch(`${latchkey.url}/fn/billing/${called}`, { method: "POST", headers, body });
    expect(answer.status, called).toBe(401);
  }
  for (const call of ["billing", "billing/statements", "billing/statements/2101-03", "statements"]) {
    expect((await fetch(`${latchkey.url}/v1/${call}`, { headers: { authorization } })).status, call).toBe(404);
  }
  // What was tried has changed nothing.
  await open(page, `${HOME}/billing/settings`);
  await expect(page.getByLabel("Currency", { exact: true })).toHaveValue("EUR");
});
