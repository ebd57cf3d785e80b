// The log: every call with its figures, filters that are in the address, the bars, and one call.
import { readFile } from "node:fs/promises";
import {
  CY,
  HOME,
  callModel,
  choose,
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
import { expectCleanMarkup } from "../support/markup.ts";

test.describe.configure({ mode: "serial" });

test("whole, streamed, refused and failed calls are there", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl });
  const able = await createApiKey(page, "able");
  const unable = await createApiKey(page, "unable", { Completions: "disabled" });
  const call = (secret: string, model: string, stream = false) =>
    callModel(latchkey.url, secret, { model: `@local-models/${model}`, stream }).then((response) => response.text());
  await call(able, "brass-large");
  await call(able, "brass-small", true);
  await call(unable, "brass-large");
  await call(able, "status-429");

  await expect(async () => {
    await open(page, `${HOME}/logs`);
    await expect(page.getByText(/^4 calls/).first()).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(row(page, "unable")).toContainText("403 no Completions");
  await expect(row(page, "status-429")).toContainText("429");
  await expect(row(page, "brass-small").getByRole("cell", { name: "8", exact: true })).toBeVisible();
  await expect(page.getByRole("img", { name: /4 calls, 2 not successful/ })).toBeVisible();
  await page.getByText("Show the numbers").click();
  await expect(page.getByRole("table", { name: /^Calls from/ })).toBeVisible();
  await expectNoAxe(page);
});

test("filters are in the address, and the address restores them", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs`);
  const rows = page.getByRole("table", { name: "Calls, newest first" }).getByRole("row");
  await expect(rows).toHaveCount(5);

  const apply = async () => {
    if (!hasJavaScript()) await page.getByRole("button", { name: "Apply" }).click();
  };
  await page.getByRole("combobox", { name: "API key", exact: true }).selectOption({ label: "unable" });
  await apply();
  await expect(page).toHaveURL(/[?&]key=[0-9a-f-]{36}/);
  await expect(rows).toHaveCount(2);
  await page.reload();
  await hydrated(page);
  await expect(rows).toHaveCount(2);
  await expect(row(page, "unable")).toBeVisible();

  await page.getByRole("combobox", { name: "API key", exact: true }).selectOption({ label: "Any key" });
  await apply();
  await expect(rows).toHaveCount(5);
  await page.getByRole("combobox", { name: "Outcome" }).selectOption("4xx");
  await apply();
  await expect(page).toHaveURL(/[?&]status=4xx/);
  await expect(rows).toHaveCount(3);

  await open(page, `${HOME}/logs?model=SMALL`);
  await expect(rows).toHaveCount(2);
  await expect(page.getByRole("searchbox", { name: "Model" })).toHaveValue("SMALL");

  await open(page, `${HOME}/logs?model=nothing`);
  await expect(page.getByRole("heading", { name: "No calls match" })).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Clear the filter" }).click();
  await expect(rows).toHaveCount(5);
});

test("one call has its own page", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs`);
  await row(page, "brass-small").getByRole("link").click();
  await expectPage(page, "brass-small");
  await hydrated(page);
  const main = page.getByRole("main");
  await expect(main).toContainText("Chat completions, streamed");
  await expect(main.getByRole("link", { name: "able" })).toBeVisible();
  await expect(main.getByRole("link", { name: "@local-models" })).toBeVisible();
  await expect(main).toContainText(/Tokens read\s*3/);
  await expect(main).toContainText(/Tokens written\s*5/);
  await expectNoAxe(page);
  await page.reload();
  await expectPage(page, "brass-small");
  await page.getByRole("link", { name: "All calls" }).click();
  await expectPage(page, "Logs");
  expect((await page.goto(`${HOME}/logs/00000000-0000-7000-8000-000000000000`))?.status()).toBe(404);
});

test("a refused call says why, leads to what helps, and to the calls beside it", async ({ page, latchkey }) => {
  await signIn(page);
  const key = await createApiKey(page, "stray");
  await callModel(latchkey.url, key, { model: "@nowhere/brass-large" }).then((response) => response.text());
  await expect(async () => {
    await open(page, `${HOME}/logs`);
    await expect(row(page, "@nowhere/brass-large")).toBeVisible({ timeout: 500 });
  }).toPass();
  await row(page, "@nowhere/brass-large").getByRole("link").first().click();
  await expectPage(page, "@nowhere/brass-large");
  await hydrated(page);
  const main = page.getByRole("main");
  await expect(main).toContainText("There is no virtual key @nowhere.");
  await expect(main.getByRole("heading", { name: "What happened" })).toBeVisible();
  await expect(main).toContainText("Refused by Latchkey");
  await expect(main.locator("time").first()).toHaveText(/\d\d:\d\d:\d\d\.\d{3} (UTC|GMT|BST)$/);
  await expect(main.getByRole("link", { name: "Newer" })).toHaveCount(0);
  await expectFits(page, "call-refused");
  await expectNoAxe(page);
  await main.getByRole("link", { name: "Older" }).click();
  await expectPage(page, "status-429");
  await main.getByRole("link", { name: "Newer" }).click();
  await expectPage(page, "@nowhere/brass-large");
  await main.getByRole("link", { name: "Make it" }).click();
  await expectPage(page, "New virtual key");
  await expect(page.getByLabel("Reference")).toHaveValue("nowhere");
});

test("the chart has axes and a legend, and its heights are its numbers", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs?range=1h`);
  await expect(page.getByText(/times in (UTC|Europe\/London)/)).toBeVisible();
  await expect(page.getByText("Failed or refused").first()).toBeVisible();
  const end = Number(await page.locator(".chart-numbers span").first().textContent());
  const total = await page.locator(".chart-bars rect[class^=bar-]").evaluateAll((rects) =>
    rects.reduce((sum, rect) => sum + Number(rect.getAttribute("height")), 0),
  );
  expect((total / 84) * end).toBeCloseTo(5, 0);
  await expect(page.getByText("in 1 minute")).toHaveCount(0);
  await expectFits(page, "logs-chart");
});

/** Presses Download, and gives the lines of the file. */
async function downloaded(page: Page): Promise<string[]> {
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download", exact: true }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toMatch(/^calls-\d{14}\.(csv|jsonl)$/);
  return (await readFile(await download.path(), "utf8")).trimEnd().split(/\r?\n/);
}

test("what the filter lets through is exported as a file", async ({ page, newContext }) => {
  await signIn(page);
  await open(page, `${HOME}/logs?status=4xx`);
  await page.getByRole("link", { name: "Export", exact: true }).click();
  await expectPage(page, "Export calls");
  await hydrated(page);
  await expect(page).toHaveURL(/\/logs\/export\?status=4xx$/);
  const main = page.getByRole("main");
  await expect(main).toContainText("3 entries");
  await expect(main).toContainText("Status: 4xx");
  await expect(main).toContainText("The audit log tells of each export");
  await expectFits(page, "logs-export");
  await expectNoAxe(page);
  const [head, ...rows] = await downloaded(page);
  expect(head?.split(",").slice(0, 3)).toEqual(["id", "created_at", "outcome"]);
  expect(rows).toHaveLength(3);
  expect(rows.filter((row) => row.includes("permission_denied"))).toHaveLength(1);
  // The page stays, and can be asked for another file.
  await expectPage(page, "Export calls");
  await choose(page, "JSON Lines");
  await page.getByLabel("API key", { exact: true }).uncheck();
  await page.getByLabel("Metadata", { exact: true }).check();
  const objects = (await downloaded(page)).map((line) => JSON.parse(line));
  expect(objects).toHaveLength(3);
  expect(objects[0]).toHaveProperty("metadata");
  expect(objects[0]).not.toHaveProperty("api_key_name");
  expect(objects[0]).not.toHaveProperty("request");
  // With nothing ticked there is nothing to download.
  for (const box of await main.getByRole("checkbox").all()) await box.uncheck();
  await page.getByRole("button", { name: "Download", exact: true }).click();
  await expect(page.getByRole("link", { name: "Choose at least one field." })).toBeVisible();
  await page.getByRole("link", { name: "Back to the calls" }).click();
  await expect(page).toHaveURL(/\/logs\?status=4xx$/);

  const [link = ""] = await invite(page, "Member", [CY.email]);
  const theirs = await (await newContext()).newPage();
  await join(theirs, link, CY);
  await open(theirs, `${HOME}/logs`);
  await theirs.getByRole("link", { name: "Export", exact: true }).click();
  await expectPage(theirs, "Export calls");
  await hydrated(theirs);
  await expectNoAxe(theirs);
  expect(await downloaded(theirs)).toHaveLength(6);
});

test("new calls are announced, and shown when that is wanted", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Tail", baseUrl: upstream.baseUrl });
  const key = await createApiKey(page, "tail");
  const call = (model: string) => callModel(latchkey.url, key, { model: `@tail/${model}` }).then((response) => response.text());
  await open(page, `${HOME}/logs`);
  const rows = page.getByRole("table", { name: "Calls, newest first" }).getByRole("row");
  await expect(rows).toHaveCount(6);
  await call("brass-new");
  if (!hasJavaScript()) {
    await expect(async () => {
      await page.getByRole("link", { name: "Refresh", exact: true }).click();
      await expect(row(page, "brass-new")).toBeVisible({ timeout: 500 });
    }).toPass();
    return;
  }
  const news = page.locator("#newer-calls");
  await expect(news).toContainText("1 new call.", { timeout: 15_000 });
  await expect(rows).toHaveCount(6);
  await expectNoAxe(page);
  await news.getByRole("link", { name: "Show" }).click();
  await expect(row(page, "brass-new")).toBeVisible();
  await expect(rows).toHaveCount(7);
  await expect(news).toHaveText("");
  await expect(news).toBeFocused();

  await page.getByLabel("Live", { exact: true }).check();
  await call("brass-live");
  await expect(row(page, "brass-live")).toBeVisible({ timeout: 15_000 });
  // Whoever is in the middle of reading is told, and nothing moves.
  await row(page, "brass-live").getByRole("link").first().focus();
  await call("brass-later");
  await expect(news).toContainText("1 new call.", { timeout: 15_000 });
  await expect(rows).toHaveCount(8);
  await page.getByLabel("Live", { exact: true }).focus();
  await expect(row(page, "brass-later")).toBeVisible({ timeout: 15_000 });
  await expect(news).toHaveText("");
});

test("the markup of the pages is clean", async ({ page }) => {
  await signIn(page);
  await expectCleanMarkup(page, [
    "", "/logs", "/logs/export", "/logs/prices", "/logs/filters?status=4xx", "/api-keys", "/virtual-keys", "/virtual-keys/new", "/limits",
    "/team", "/team/reviews", "/billing", "/billing/settings", "/settings",
  ]);
});

test.describe("the page of one call", () => {
  const openCall = async (page: Page, model: string, of = model) => {
    await expect(async () => {
      await open(page, `${HOME}/logs`);
      await expect(row(page, of)).toBeVisible({ timeout: 500 });
    }).toPass();
    await row(page, of).getByRole("link").first().click();
    await expectPage(page, model);
    await hydrated(page);
  };

  test("tells what happened, in a drawing and in a table", async ({ page }) => {
    await signIn(page);
    await openCall(page, "brass-small");
    const main = page.getByRole("main");
    const steps = main.locator(".falls > .fall");
    await expect(steps.first()).toContainText("Arrived");
    await expect(steps.last()).toContainText("Ended");
    await expect(steps.filter({ hasText: "Until the first byte" })).toContainText(/until \d/);
    const table = main.getByRole("table", { name: "What happened, from the arrival of the request" });
    await expect(table).toBeHidden();
    await main.getByText("Show the numbers").click();
    await expect(table.getByRole("row")).toHaveCount((await steps.count()) + 1);
    await expect(table.getByRole("row", { name: /^Answer/ })).toBeVisible();
    // Tokens are known of it, and no price: that is said, and is no zero.
    const cost = main.getByRole("table", { name: "Tokens by kind, with price and amount" });
    await expect(cost.getByRole("row", { name: /^Read 3 unknown price/ })).toBeVisible();
    await expect(main).toContainText("Cost in the log: unknown");
    await expectFits(page, "call-steps");
    await expectNoAxe(page);
  });

  test("takes feedback, and lists it", async ({ page, faults }) => {
    faults.allow(/status of 4\d\d .*\/fn\//);
    await signIn(page);
    await openCall(page, "brass-small");
    const main = page.getByRole("main");
    await expect(main).toContainText("Nobody has given feedback on this call yet.");
    const give = () => main.getByRole("button", { name: "Give feedback" }).click();
    await main.getByLabel("Weight, 0 to 1").fill("2");
    await main.getByLabel("Note (optional)").fill("Right, but long");
    await give();
    await expect(main.getByLabel("Weight, 0 to 1")).toHaveAccessibleDescription(/A weight is a number from 0 to 1\./);
    await expect(main.getByLabel("Note (optional)")).toHaveValue("Right, but long");
    await main.getByLabel("Value", { exact: true }).selectOption("-1");
    await main.getByLabel("Weight, 0 to 1").fill("0.5");
    await give();
    const entry = main.getByRole("table", { name: /^Feedback on this call/ }).getByRole("row").nth(1);
    await expect(entry).toContainText("−1");
    await expect(entry).toContainText("0.5");
    await expect(entry).toContainText("Ada Lovelace");
    await expect(entry).toContainText("Right, but long");
    await expectFits(page, "call-feedback");
    await expectNoAxe(page);
    await open(page, `${HOME}/analytics`);
    const figure = page.getByRole("region", { name: "Feedback", exact: true });
    await expect(figure).toContainText("1 entry, −0.50 on average, weighted");
    await expect(page.getByRole("table", { name: "Feedback by value" }).getByRole("row", { name: /^−1 1$/ })).toBeVisible();
  });

  test("leads to the playground with what the call asked", async ({ page, latchkey, upstream, faults }) => {
    faults.allow(/status of 4\d\d .*\/fn\//);
    await signIn(page);
    await open(page, `${HOME}/settings`);
    await choose(page, "Kept, sealed");
    await page.getByRole("button", { name: "Save what is kept" }).click();
    await expect(page.getByText(/^Saved\./).filter({ visible: true }).first()).toBeVisible();
    await createVirtualKey(page, { name: "For texts", baseUrl: upstream.baseUrl });
    const key = await createApiKey(page, "speaks");
    const called = await callModel(latchkey.url, key, { model: "@for-texts/brass-large", say: "Count the teeth" });
    await called.text();
    await openCall(page, "brass-large", "speaks");
    await page.getByRole("link", { name: "Open in the playground" }).click();
    await expectPage(page, "New prompt");
    await hydrated(page);
    await expect(page.getByText("Count the teeth")).toHaveCount(0);
    await page.getByRole("button", { name: "Fill in the messages of the call" }).click();
    await expect(page.getByLabel("Role of message 1")).toHaveValue("user");
    await expect(page.getByLabel("Text of message 1")).toHaveValue("Count the teeth");
    await expect(page.getByLabel("Model (optional)")).toHaveValue("brass-large");
    await expect(page.getByLabel("Virtual key", { exact: true })).toHaveValue("for-texts");
    await expectNoAxe(page);
    // A refusal keeps what was filled in.
    await page.getByRole("button", { name: "Create prompt" }).click();
    await expect(page.locator("#form-errors")).toBeVisible();
    await expect(page.getByLabel("Text of message 1")).toHaveValue("Count the teeth");
  });
});

test.describe("prices and saved filters", () => {
  test("a model without a price gets one, and the next call costs what it says", async ({ page, latchkey, upstream, faults }) => {
    faults.allow(/status of 4\d\d .*\/fn\//);
    await signIn(page);
    await createVirtualKey(page, { name: "Priced models", baseUrl: upstream.baseUrl });
    const key = await createApiKey(page, "priced");
    await open(page, `${HOME}/logs/settings`);
    await page.getByRole("link", { name: "Prices" }).click();
    await expectPage(page, "Prices");
    await hydrated(page);
    await expect(page.getByRole("heading", { name: "Models without a price in the last 30 days" })).toBeVisible();
    await expectNoAxe(page);
    await page.getByRole("link", { name: "Set a price for brass-small" }).click();
    await hydrated(page);
    await expect(page.getByLabel("Model", { exact: true })).toHaveValue("brass-small");

    await page.getByLabel("Input", { exact: true }).fill("-1");
    await page.getByLabel("Output", { exact: true }).fill("2000");
    await page.getByRole("button", { name: "Set the price" }).click();
    await hydrated(page);
    await expect(page.getByText(/^Write dollars per million tokens/).first()).toBeVisible();
    await expect(page.getByLabel("Output", { exact: true })).toHaveValue("2000");
    await page.getByLabel("Input", { exact: true }).fill("1000");
    await page.getByRole("button", { name: "Set the price" }).click();
    await expect(page.getByText("The price is set").first()).toBeVisible();
    const own = page.getByRole("table", { name: /^Prices of your own/ });
    await expect(own.getByRole("row").filter({ hasText: "brass-small" })).toContainText("2000.00");
    await expect(page.getByRole("link", { name: "Set a price for brass-small" })).toHaveCount(0);
    await expectFits(page, "prices");
    await expectNoAxe(page);

    // 3 tokens read and 5 written.
    await callModel(latchkey.url, key, { model: "@priced-models/brass-small" }).then((response) => response.text());
    await expect(async () => {
      await open(page, `${HOME}/logs`);
      await expect(row(page, "priced")).toContainText("$0.013", { timeout: 500 });
    }).toPass();
  });

  test("a filter is saved for everyone, and leads to the log and to analytics", async ({ page, faults }) => {
    faults.allow(/status of 4\d\d .*\/fn\//);
    await signIn(page);
    await open(page, `${HOME}/logs?status=4xx`);
    const saved = page.getByRole("navigation", { name: "Saved filters" });
    await saved.getByRole("link", { name: "Save this filter" }).click();
    await expectPage(page, "Saved filters");
    await hydrated(page);
    await expect(page.getByRole("listitem").filter({ hasText: "Outcome: 4xx" })).toBeVisible();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await hydrated(page);
    await expect(page.getByText("The name is needed.").first()).toBeVisible();
    await page.getByLabel("Name", { exact: true }).fill("Refusals");
    await page.getByLabel("For everyone in the organisation").check();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByText("The filter is saved").first()).toBeVisible();
    await expect(row(page, "Refusals")).toContainText("Everybody’s");
    await expectFits(page, "saved-filters");
    await expectNoAxe(page);

    await row(page, "Refusals").getByRole("link", { name: "change Refusals" }).click();
    await hydrated(page);
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Refusals");
    await page.getByLabel("Name", { exact: true }).fill("Refused calls");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await row(page, "Refused calls").getByRole("link", { name: "Refused calls", exact: true }).click();
    await expectPage(page, "Logs");
    await expect(page).toHaveURL(/\/logs\?status=4xx$/);
    await expect(saved.getByRole("link", { name: "Refused calls" })).toHaveAttribute("aria-current", "true");
    await expectNoAxe(page);
    await open(page, `${HOME}/analytics`);
    await saved.getByRole("link", { name: "Refused calls" }).click();
    await expect(page).toHaveURL(/\/analytics\?status=4xx$/);
  });

  test("a Member sets no price, sees what everybody sees, and saves for themselves", async ({ page }) => {
    await signIn(page, CY);
    await open(page, `${HOME}/logs/prices`);
    await expect(row(page, "brass-small")).toContainText("1000.00");
    await expect(page.getByRole("button", { name: /^Set the price/ })).toHaveAttribute("aria-disabled", "true");
    await expect(page.getByRole("button", { name: /^Delete the price of brass-small/ })).toHaveAttribute("aria-disabled", "true");

    await open(page, `${HOME}/logs?model=small`);
    const saved = page.getByRole("navigation", { name: "Saved filters" });
    await expect(saved.getByRole("link", { name: "Refused calls" })).toBeVisible();
    await saved.getByRole("link", { name: "Save this filter" }).click();
    await expectPage(page, "Saved filters");
    await hydrated(page);
    await expect(page.getByRole("button", { name: "Delete Refused calls" })).toHaveCount(0);
    await page.getByLabel("Name", { exact: true }).fill("Small ones");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(row(page, "Small ones")).toContainText("Yours");
    await page.getByRole("button", { name: "Delete Small ones" }).click();
    await expect(page.getByText("The filter is deleted").first()).toBeVisible();
    await expect(row(page, "Small ones")).toHaveCount(0);
  });
});
