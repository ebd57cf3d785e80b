// The audit log: events as sentences, filters in the address, one event, what is new, and the log as a file.
import {
  BO,
  CY,
  HOME,
  createApiKey,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  exported,
  hasJavaScript,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";
import { expectCleanMarkup } from "../support/markup.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

const events = (page: Page) => page.getByRole("table", { name: "Events, newest first" }).getByRole("row");
const apply = async (page: Page) => {
  if (!hasJavaScript()) await page.getByRole("button", { name: "Apply" }).click();
};

test("events are sentences that lead on", async ({ page }) => {
  await signIn(page);
  await createApiKey(page, "ci-deploy");
  await open(page, `${HOME}/audit`);
  await expectPage(page, "Audit log");
  await expect(page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Audit log" })).toHaveAttribute("aria-current", "page");
  const made = row(page, "created the API key");
  await expect(made.first()).toContainText("ci-deploy");
  await expect(made.first()).toContainText("api_key.create");
  await expectNoAxe(page);
  await expectFits(page, "audit");

  await made.first().getByRole("link", { name: "ci-deploy" }).click();
  await expect(page).toHaveURL(/[?&]target=api_key%2F[0-9a-f-]{36}$/);
  await hydrated(page);
  await expect(events(page)).toHaveCount(2);
  await expect(page.getByRole("link", { name: /About ci-deploy/ })).toBeVisible();
  await page.getByRole("link", { name: /^Remove About ci-deploy/ }).click();
  await expect(page).not.toHaveURL(/target=/);
});

test("filters are in the address, and the address restores them", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/audit`);
  await page.getByRole("combobox", { name: "Kind of event", exact: true }).selectOption({ label: "API keys" });
  await apply(page);
  await expect(page).toHaveURL(/[?&]kind=api_key/);
  await expect(row(page, "created the API key").first()).toBeVisible();
  await expect(row(page, "organisation.create")).toHaveCount(0);
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole("combobox", { name: "Kind of event", exact: true })).toHaveValue("api_key");
  await page.getByRole("combobox", { name: "Outcome", exact: true }).selectOption("refused");
  await apply(page);
  await expect(page.getByRole("heading", { name: "No events match" })).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Show all events" }).click();
  await expect(events(page).nth(1)).toBeVisible();
  await open(page, `${HOME}/audit?address=192.0.2.250`);
  await expect(events(page)).toHaveCount(0);
});

test("one event shows what it changed, and how it is chained", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  await row(page, "ci-deploy").getByRole("link", { name: "ci-deploy" }).first().click();
  await expectPage(page, "ci-deploy");
  await hydrated(page);
  await page.getByLabel("Name", { exact: true }).fill("ci-release");
  await page.getByRole("button", { name: /^Save/ }).click();
  await expectPage(page, "API keys");
  await row(page, "ci-release").getByRole("link", { name: "ci-release" }).first().click();
  await expectPage(page, "ci-release");
  await page.getByRole("link", { name: "Audit history" }).click();
  await expectPage(page, "Audit log");
  await hydrated(page);
  await expect(events(page)).toHaveCount(3);
  await row(page, "changed the API key").getByRole("link", { name: /^#/ }).click();
  await expectPage(page, /^Event #\d+$/);
  await hydrated(page);
  const main = page.getByRole("main");
  const name = row(page, "ci-deploy");
  await expect(name.locator("del")).toHaveText("ci-deploy");
  await expect(name.locator("ins")).toHaveText("ci-release");
  await expect(main).toContainText("api_key.update");
  await expect(main.locator("code#hash")).toHaveText(/^[0-9a-f]{64}$/);
  await expectNoAxe(page);
  await expectFits(page, "audit-event");
  const address = page.url();
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).not.toHaveURL(address);
  await expectPage(page, /^Event #\d+$/);
  await page.getByRole("link", { name: "Newer" }).click();
  await expect(page).toHaveURL(address);
  await page.getByRole("link", { name: "History of this" }).click();
  await expectPage(page, "Audit log");
  expect((await page.goto(`${HOME}/audit/999999`))?.status()).toBe(404);
});

test("the log is taken along as a file, and that is an event", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/audit?kind=api_key`);
  const [csvName, csv] = await exported(page, "Export as CSV");
  expect(csvName).toMatch(/^audit-log-analytical-engines-\d{4}-\d\d-\d\d\.csv$/);
  expect(csv.split("\r\n")[0]).toContain("number,at,action,outcome");
  expect(csv).toContain('"api_key.create"');
  expect(csv).not.toContain('"organisation.create"');
  await open(page, `${HOME}/audit`);
  const [linesName, lines] = await exported(page, "Export as JSON Lines");
  expect(linesName).toMatch(/\.jsonl$/);
  const read = lines.trimEnd().split("\n").map((line) => JSON.parse(line) as { seq: number; previous: string; hash: string });
  read.forEach((event, index) => {
    expect(event.seq).toBe(index + 1);
    if (index > 0) expect(event.previous).toBe(read[index - 1]?.hash);
  });
  await open(page, `${HOME}/audit`);
  await expect(events(page).nth(1)).toContainText("exported events of the audit log");
  await expect(events(page).nth(2)).toContainText("exported events of the audit log");
});

test("Owners and Admins read it, Members do not", async ({ page, newContext }) => {
  await signIn(page);
  const [forBo] = await invite(page, "Admin", [BO.email]);
  const [forCy] = await invite(page, "Member", [CY.email]);
  for (const [person, link, reads] of [
    [BO, forBo, true],
    [CY, forCy, false],
  ] as const) {
    const theirs = await (await newContext()).newPage();
    await join(theirs, link ?? "", person);
    await open(theirs, HOME);
    await expect(theirs.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Audit log" })).toHaveCount(reads ? 1 : 0);
    const answer = await theirs.goto(`${HOME}/audit`);
    expect(answer?.status()).toBe(reads ? 200 : 403);
    await hydrated(theirs);
    if (reads) {
      await expect(row(theirs, BO.name).first()).toBeVisible();
    } else {
      await expect(events(theirs)).toHaveCount(0);
      await expect(theirs.getByRole("main")).toContainText("Owners and Admins");
    }
    await expectNoAxe(theirs);
  }
});

test("what is new is announced and moves nothing @js", async ({ page, newContext }) => {
  test.setTimeout(90_000);
  await signIn(page);
  await open(page, `${HOME}/audit`);
  const first = await events(page).nth(1).textContent();
  const elsewhere = await (await newContext()).newPage();
  await signIn(elsewhere);
  await createApiKey(elsewhere, "latecomer");
  const status = page.locator("#changes-by-others");
  await expect(status).toContainText("1 new event.", { timeout: 20_000 });
  expect(await events(page).nth(1).textContent()).toBe(first);
  await expectNoAxe(page);
  await status.getByRole("button", { name: "Show" }).click();
  await expect(events(page).nth(1)).toContainText("latecomer");
  await expect(status).not.toContainText("new event");
});

test("the markup of the pages is clean", async ({ page }) => {
  await signIn(page);
  await expectCleanMarkup(page, ["/audit", "/audit?outcome=refused", "/audit/1", "/audit/delivery"]);
});
