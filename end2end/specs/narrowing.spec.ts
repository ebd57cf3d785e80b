// Keys that are narrowed beside their levels: to models and to addresses, by the fold of their form; what the very next call
// is told; and what a young key's page says of permissions that it does not use.
import {
  HOME,
  callModel,
  createVirtualKey,
  errorOf,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  fact,
  hasJavaScript,
  hydrated,
  open,
  row,
  signIn,
  takeSecret,
  test,
} from "../support/index.ts";
import { expectCleanMarkup } from "../support/markup.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial", timeout: 120_000 });

const NAME = "narrow-bot";

/** The secret of the key, and the path of its page. */
let secret = "";
let key = "";

const fold = (page: Page) => page.getByText("Narrow this key further", { exact: true });
const models = (page: Page) => page.getByLabel("Only these models (optional)");
const addresses = (page: Page) => page.getByLabel("Only from these addresses (optional)");

/** Points the virtual key `local-models` at the upstream of this test. */
async function moveLocalModels(page: Page, baseUrl: string): Promise<void> {
  await open(page, `${HOME}/virtual-keys/local-models`);
  await page.getByLabel(/^Base URL/).fill(baseUrl);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/[Ss]aved\. New calls|^Saved\./).filter({ visible: true })).toBeVisible();
}

/** Saves the key's form, which leads to the list. */
async function save(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^Save/ }).click();
  await expectPage(page, "API keys");
}

test("a new key is narrowed to models and addresses in its fold", async ({ page, upstream, latchkey, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl });
  await open(page, `${HOME}/api-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill(NAME);
  await expect(models(page)).toBeHidden();
  await fold(page).click();
  await expect(models(page)).toBeVisible();
  await expect(page.getByText("An empty field narrows nothing.", { exact: false })).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "api-key-narrow");

  await models(page).fill("brass-l*");
  await addresses(page).fill("127.0.0.0/8\nthe office");
  await page.getByRole("button", { name: "Create key" }).click();
  const sentence = "“the office” is no range of addresses.";
  await expect(page.getByRole("alert").filter({ hasText: "The key was not created" })).toContainText(sentence);
  // The fold is open, and nothing that was typed is lost.
  await expect(addresses(page)).toHaveAttribute("aria-invalid", "true");
  await expect(addresses(page)).toHaveAccessibleDescription(new RegExp(sentence.replace(".", "\\.")));
  await expect(addresses(page)).toHaveValue("127.0.0.0/8\nthe office");
  await expect(models(page)).toHaveValue("brass-l*");
  await expectNoAxe(page);
  await addresses(page).fill("127.0.0.0/8");
  await page.getByRole("button", { name: "Create key" }).click();
  await expectPage(page, `${NAME} is ready`);
  secret = await takeSecret(page, NAME);

  expect((await callModel(latchkey.url, secret, { model: "@local-models/brass-large" })).status).toBe(200);
  const { calls } = upstream.counts;
  for (const stream of [false, true]) {
    const refused = await callModel(latchkey.url, secret, { model: "@local-models/brass-small", stream });
    expect(refused.status).toBe(403);
    const error = await errorOf(refused);
    expect(error.code).toBe("model_not_allowed");
    expect(error.message).toContain("brass-small");
  }
  expect(upstream.counts.calls, "calls of which the upstream heard").toBe(calls);
});

test("the key's page says what it is narrowed to", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  await page.getByRole("link", { name: NAME, exact: true }).click();
  await expectPage(page, NAME);
  await hydrated(page);
  key = new URL(page.url()).pathname;
  await expect(page.getByText("Narrowed further: only models brass-l*; only from 127.0.0.0/8.", { exact: true })).toBeVisible();
  // What is narrowed is in view without opening anything.
  await expect(models(page)).toHaveValue("brass-l*");
  await expect(addresses(page)).toHaveValue("127.0.0.0/8");
  await expect(page.getByLabel("Only these virtual keys (optional)")).toHaveValue("");
  await expectNoAxe(page);
  await expectFits(page, "api-key-narrowed");
  await expectCleanMarkup(page, ["/api-keys/new", key.replace(HOME, "")]);
});

test("from another address it is refused, until it is widened again", async ({ page, upstream, latchkey }) => {
  await signIn(page);
  await moveLocalModels(page, upstream.baseUrl);
  const call = (model = "brass-large") => callModel(latchkey.url, secret, { model: `@local-models/${model}` });
  await open(page, key);
  await addresses(page).fill("192.0.2.0/24");
  if (hasJavaScript()) {
    await expect(page.locator(".diff-row").filter({ hasText: "Only from these addresses" }).locator("ins")).toHaveText("192.0.2.0/24");
    await expect(page.getByRole("button", { name: "Save 1 change" })).toBeVisible();
  }
  await save(page);
  const refused = await call();
  expect(refused.status).toBe(403);
  const error = await errorOf(refused);
  expect(error.code).toBe("address_not_allowed");
  expect(error.message).toContain("127.0.0.1");
  expect(upstream.counts.calls).toBe(0);

  await open(page, key);
  await expect(page.getByText(/^Narrowed further: .*only from 192\.0\.2\.0\/24\.$/)).toBeVisible();
  await addresses(page).fill("");
  await models(page).fill("");
  await save(page);
  for (const model of ["brass-large", "brass-small"]) expect((await call(model)).status, model).toBe(200);
  await open(page, key);
  await expect(page.getByText(/^Narrowed further:/)).toHaveCount(0);
  await expect(models(page)).toBeHidden();
  await page.getByRole("link", { name: "Audit history" }).click();
  await expectPage(page, "Audit log");
  await expect(row(page, "api_key.update")).toHaveCount(2);
});

test("nothing is called unused of a key that is too young to say so", async ({ page }) => {
  await signIn(page);
  // That it was used is noted a moment after the call.
  await expect(async () => {
    await open(page, key);
    await expect(fact(page, "Last used")).not.toHaveText("never", { timeout: 500 });
  }).toPass();
  await expect(page.getByRole("heading", { name: "Unused permissions" })).toBeVisible();
  const spans = page.getByRole("navigation", { name: "Unused for" });
  const sentence = (days: number) => page.getByText(new RegExp(`^Its uses are counted since .+ What it did not use for ${days} days is known on `));
  await expect(sentence(90)).toBeVisible();
  await expect(spans.getByRole("link", { name: "90 days" })).toHaveAttribute("aria-current", "page");
  for (const days of [30, 60]) {
    await spans.getByRole("link", { name: `${days} days` }).click();
    await expect(page).toHaveURL(new RegExp(`[?&]unused=${days}\\b`));
    await expect(sentence(days)).toBeVisible();
    await expect(spans.getByRole("link", { name: `${days} days` })).toHaveAttribute("aria-current", "page");
    await expect(spans.getByRole("link", { name: "90 days" })).not.toHaveAttribute("aria-current", "page");
  }
  await expect(page.getByRole("button", { name: "Narrow to what is used" })).toHaveCount(0);
  await expectNoAxe(page);
  await expectFits(page, "api-key-unused");
  // A span that there is none of is the longest.
  await open(page, `${key}?unused=7`);
  await expect(sentence(90)).toBeVisible();
  // Home asks nobody to narrow what cannot be known yet.
  await open(page, HOME);
  await expect(page.getByRole("navigation", { name: "Console" })).toBeVisible();
  await expect(page.getByText(/permissions that (it does|they do) not use/)).toHaveCount(0);
});
