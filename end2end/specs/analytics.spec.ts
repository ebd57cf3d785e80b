// Analytics: what the calls amount to, by group and over time, with and without JavaScript, for every role.
import {
  BO,
  CY,
  HOME,
  type Person,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  hasJavaScript,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";

import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

const ANALYTICS = `${HOME}/analytics`;

/** The tile of a figure. */
function tile(page: Page, name: string) {
  return page.getByRole("list", { name: "Figures" }).getByRole("listitem").filter({ has: page.getByRole("link", { name, exact: true }) });
}

async function apply(page: Page): Promise<void> {
  if (!hasJavaScript()) await page.getByRole("button", { name: "Apply" }).click();
}

test("before the first call it says so", async ({ page }) => {
  await signIn(page);
  await open(page, ANALYTICS);
  await expectPage(page, "Analytics");
  await expect(page.getByRole("heading", { name: "No calls yet" })).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("main").getByRole("link", { name: "Logs", exact: true }).click();
  await expectPage(page, "Logs");
});

test("calls are counted, by group and over time", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl });
  const able = await createApiKey(page, "able");
  const unable = await createApiKey(page, "unable", { Completions: "disabled" });
  const call = (secret: string, model: string) =>
    callModel(latchkey.url, secret, { model: `@local-models/${model}` }).then((response) => response.text());
  await call(able, "brass-large");
  await call(able, "brass-large");
  await call(able, "brass-small");
  await call(unable, "brass-large");

  await expect(async () => {
    await open(page, ANALYTICS);
    await expect(tile(page, "Requests")).toContainText("4", { timeout: 500 });
  }).toPass();
  await expect(page.getByText(/, UTC, compared with the seven days before\./)).toBeVisible();
  await expect(tile(page, "Requests")).toContainText("none before");
  await expect(tile(page, "Errors")).toContainText("25.0 %");
  await expect(tile(page, "Errors")).toContainText("1 call");
  await expect(tile(page, "Cost")).not.toContainText("$0.00");

  const requests = page.getByRole("region", { name: "Requests by model", exact: true });
  await expect(requests.getByRole("img", { name: /^Requests by model\. 4 requests from/ })).toBeVisible();
  await expect(requests.getByRole("list", { name: "From the foot of each bar" })).toContainText("brass-large");
  await requests.getByText("Show the numbers").click();
  await expect(requests.getByRole("table", { name: "Requests by model" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Latency", exact: true }).getByRole("img", { name: /p50 .*; p90 .*; p99/ })).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "analytics");
});

test("the groups, the filters and the table are in the address", async ({ page }) => {
  await signIn(page);
  await open(page, ANALYTICS);
  await page.getByRole("combobox", { name: "Group by" }).selectOption({ label: "Group by API key" });
  await apply(page);
  await expect(page).toHaveURL(/[?&]group=key/);
  await expect(page.getByRole("heading", { name: "Requests by API key" })).toBeVisible();
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole("combobox", { name: "Group by" })).toHaveValue("key");

  await page.getByRole("link", { name: "By model", exact: true }).click();
  await expect(page).toHaveURL(/[?&]group=key&share=model#share$/);
  await hydrated(page);
  const shares = page.getByRole("table", { name: "Share of the requests by model" });
  await expect(shares.getByRole("row").filter({ hasText: "brass-small" })).toBeVisible();

  await page.getByRole("combobox", { name: "API key", exact: true }).selectOption({ label: "unable" });
  await apply(page);
  await expect(page).toHaveURL(/[?&]share=model/);
  await expect(tile(page, "Requests")).toContainText("1");
  await expect(tile(page, "Errors")).toContainText("100 %");
  await expect(page.getByRole("list", { name: "Active filters" })).toContainText("API key: unable");
  await page.getByRole("link", { name: "Clear all filters" }).click();
  await expect(tile(page, "Requests")).toContainText("4");
  await expect(page).toHaveURL(/[?&]group=key/);
});

test("a group and a figure lead to their calls in the log", async ({ page }) => {
  await signIn(page);
  await open(page, `${ANALYTICS}?share=key`);
  await row(page, "unable").getByRole("link", { name: "unable" }).click();
  await expectPage(page, "Logs");
  await expect(page).toHaveURL(/\/logs\?range=7d&key=[0-9a-f-]{36}/);
  await hydrated(page);
  await expect(page.getByText(/^1 call/).first()).toBeVisible();

  await open(page, ANALYTICS);
  await tile(page, "Requests").getByRole("link").click();
  await expectPage(page, "Logs");
  await hydrated(page);
  await expect(page.getByText(/^4 calls/).first()).toBeVisible();
});

test("days without calls lead to the last day that had any, and a filter that is no filter says why", async ({ page }) => {
  await signIn(page);
  await open(page, `${ANALYTICS}?range=custom&from=2020-01-01&to=2020-01-03`);
  await expect(page.getByText("1 to 3 January 2020, UTC, compared with the three days before.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "No calls in these days" })).toBeVisible();
  await page.getByRole("link", { name: "Show that day" }).click();
  await expect(tile(page, "Requests")).toContainText("4");

  await open(page, `${ANALYTICS}?metadata=team`);
  await expectPage(page, "Analytics");
  await expect(page.getByText("Write metadata as name=value.")).toBeVisible();
  await expect(page.getByRole("searchbox", { name: "Metadata, as name=value" })).toHaveValue("team");
});

test("@js a bar is read by the arrow keys and the pointer, and a chart is saved", async ({ page }) => {
  await signIn(page);
  await open(page, `${ANALYTICS}?range=24h`);
  const requests = page.getByRole("region", { name: "Requests by model", exact: true });
  const slide = requests.getByRole("slider", { name: "Requests by model, bar by bar" });
  await slide.focus();
  await page.keyboard.press("Home");
  await expect(slide).toHaveAttribute("aria-valuetext", /\d\d:\d\d to \d\d:\d\d: 0; /);
  await expect(requests.getByText(/\d\d:\d\d to \d\d:\d\d: 0/)).toBeVisible();
  await page.keyboard.press("End");
  await slide.blur();
  await expect(requests.getByText("4 requests")).toBeVisible();

  const download = page.waitForEvent("download");
  await requests.getByRole("button", { name: /^Save as picture/ }).click();
  expect((await download).suggestedFilename()).toBe("requests.svg");
});

test("every role sees it", async ({ page, newContext }) => {
  await signIn(page);
  const people: [Person, "Admin" | "Member"][] = [
    [BO, "Admin"],
    [CY, "Member"],
  ];
  for (const [person, role] of people) {
    const [link = ""] = await invite(page, role, [person.email]);
    const theirs = await (await newContext()).newPage();
    await join(theirs, link, person);
    await open(theirs, ANALYTICS);
    await expectPage(theirs, "Analytics");
    await expect(tile(theirs, "Requests")).toContainText("4");
    await expectNoAxe(theirs);
  }
});
