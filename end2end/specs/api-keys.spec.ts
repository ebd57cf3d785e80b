// API keys: made, read, changed, rotated, disabled, deleted; and what each of these does to the very next call.
import {
  goBack,
  HOME,
  OWNER,
  callModel,
  createApiKey,
  createVirtualKey,
  errorOf,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  fromMenu,
  hasJavaScript,
  hydrated,
  open,
  row,
  signIn,
  takeSecret,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

const MODEL = { model: "@local-models/brass-large" };

/** The virtual key `local-models` to the upstream of this test, new or moved there. */
async function localModels(page: Page, baseUrl: string): Promise<void> {
  await page.goto(`${HOME}/virtual-keys`);
  if ((await row(page, "Local models").count()) === 0) {
    await createVirtualKey(page, { name: "Local models", baseUrl });
    return;
  }
  await open(page, `${HOME}/virtual-keys/local-models`);
  await page.getByLabel(/^Base URL/).fill(baseUrl);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/[Ss]aved\. New calls|^Saved\./).filter({ visible: true })).toBeVisible();
}

/** The bar below a list, for the rows that are ticked. */
const bar = (page: Page) => page.getByRole("form", { name: "What to do with the selected rows" });
const box = (page: Page, name: string) => page.getByRole("checkbox", { name: `Select ${name}`, exact: true });

const level = (page: Page, feature: string) => page.getByRole("combobox", { name: `Level of ${feature}` });

test("a new key has the defaults, and each feature just the levels that it has", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys/new`);
  const expected: Record<string, [string, string[]]> = {
    Metrics: ["disabled", ["disabled", "enabled"]],
    Completions: ["enabled", ["disabled", "enabled"]],
    Prompts: ["read", ["disabled", "read", "write", "delete"]],
    Configs: ["disabled", ["disabled", "read", "write", "delete"]],
    Guardrails: ["disabled", ["disabled", "read", "write", "delete"]],
    "Virtual keys": ["disabled", ["disabled", "read", "write", "delete"]],
    Users: ["disabled", ["disabled", "read", "write", "delete"]],
    "API keys": ["disabled", ["disabled", "read", "write", "delete"]],
  };
  for (const [feature, [chosen, levels]] of Object.entries(expected)) {
    const select = level(page, feature);
    await expect(select, feature).toHaveValue(chosen);
    const values = await select.getByRole("option").evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
    expect(values, feature).toEqual(levels);
  }
  await expect(page.getByRole("combobox", { name: "Expires" })).toHaveValue("90");
  await expect(page.getByText("Can call models. Can read prompts. Cannot change anything.").first()).toBeVisible();
  await expectNoAxe(page);
});

test("presets set the rows", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys/new`);
  if (hasJavaScript()) {
    await expect(page.getByRole("radio", { name: "Call models" })).toBeChecked();
    await page.getByRole("radio", { name: "Full access" }).check({ force: true });
  } else {
    await page.getByRole("link", { name: "Full access" }).click();
  }
  await expect(level(page, "API keys")).toHaveValue("delete");
  await expect(level(page, "Metrics")).toHaveValue("enabled");
  const risky = page.getByText("Can make, change, rotate and delete keys.").first();
  await expect(risky).toBeVisible();
  if (hasJavaScript()) {
    await level(page, "API keys").selectOption("disabled");
    await expect(page.getByRole("radio", { name: "Custom" })).toBeChecked();
    await expect(risky).toHaveCount(0);
  }
});

test("the secret is shown once", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys/new?name=nightly`);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("nightly");
  await page.getByRole("button", { name: "Create key" }).click();
  await expectPage(page, "nightly is ready");
  if (hasJavaScript()) {
    const done = page.getByRole("link", { name: "Done" });
    await expect(done).toHaveAttribute("aria-disabled", "true");
    await expect(done).toHaveAccessibleDescription("Copy the secret, or say that you have saved it.");
  }
  const secret = await takeSecret(page, "nightly");
  await expect(page.getByText("Lost a secret? It is shown only once")).toBeVisible();
  await page.getByRole("link", { name: "nightly" }).click();
  await expectPage(page, "nightly");
  await hydrated(page);
  expect(await page.content()).not.toContain(secret);
  await goBack(page);
  await expectPage(page, "API keys");
  expect(await page.content()).not.toContain(secret);
  await goBack(page);
  if (hasJavaScript()) await expectPage(page, "New API key");
  else await expect(page).not.toHaveURL(/\/api-keys$/);
  expect(await page.content()).not.toContain(secret);
});

test("an edit shows what was and what will be", async ({ page }) => {
  await signIn(page);
  await createApiKey(page, "editable");
  await fromMenu(page, "editable", "Edit");
  await expectPage(page, "editable");
  await hydrated(page);
  await level(page, "Prompts").selectOption("write");
  await page.getByLabel("Description (optional)").fill("For the nightly run");
  if (hasJavaScript()) {
    await expect(page.getByRole("row").filter({ has: level(page, "Prompts") })).toContainText("was Read");
    await expect(page.getByRole("button", { name: "Save 2 changes" })).toBeVisible();
    await expectNoAxe(page);
  }
  await page.getByRole("button", { name: /^Save/ }).click();
  await expectPage(page, "API keys");
  await expect(row(page, "editable")).toContainText("Completions, Prompts: Write");
  await page.getByRole("link", { name: "editable" }).click();
  await hydrated(page);
  await expect(level(page, "Prompts")).toHaveValue("write");
  await expect(page.getByLabel("Description (optional)")).toHaveValue("For the nightly run");
});

test("a key without Completions is refused before the upstream hears of it", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await localModels(page, upstream.baseUrl);
  const secret = await createApiKey(page, "no-completions", { Completions: "disabled" });
  const before = upstream.counts.connections;
  for (const stream of [false, true]) {
    const refused = await callModel(latchkey.url, secret, { ...MODEL, stream });
    expect(refused.status).toBe(403);
    const error = await errorOf(refused);
    expect(error.code).toBe("permission_denied");
    expect(error.message).toContain("Completions");
  }
  expect(upstream.counts.connections).toBe(before);
  expect(upstream.counts.calls).toBe(0);
});

test("rotated with an overlap both secrets work, until the old one is ended", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await localModels(page, upstream.baseUrl);
  const old = await createApiKey(page, "rolling");
  await fromMenu(page, "rolling", "Rotate");
  await expectPage(page, "Rotate rolling");
  await hydrated(page);
  await expect(page.getByRole("radio", { name: /24 hours|1 day/ })).toBeChecked();
  await expectNoAxe(page);
  await page.getByRole("button", { name: "Rotate key" }).click();
  await expectPage(page, "New secret of rolling");
  const secret = await takeSecret(page, "rolling");
  expect(secret).not.toBe(old);
  await expect(row(page, "rolling")).toContainText("Rotating until");
  expect((await callModel(latchkey.url, old, MODEL)).status).toBe(200);
  expect((await callModel(latchkey.url, secret, MODEL)).status).toBe(200);

  await page.getByRole("link", { name: "rolling" }).click();
  await hydrated(page);
  await page.getByRole("button", { name: "End now" }).click();
  await expect(page.getByRole("button", { name: "End now" })).toHaveCount(0);
  expect((await callModel(latchkey.url, old, MODEL)).status).toBe(401);
  expect((await callModel(latchkey.url, secret, MODEL)).status).toBe(200);
});

test("what was typed stays when the old secret is ended or the key is enabled @js", async ({ page }) => {
  await signIn(page);
  await createApiKey(page, "half-edited");
  await fromMenu(page, "half-edited", "Rotate");
  await expectPage(page, "Rotate half-edited");
  await page.getByRole("button", { name: "Rotate key" }).click();
  await takeSecret(page, "half-edited");
  await fromMenu(page, "half-edited", "Disable");
  await expectPage(page, "Disable half-edited");
  await page.getByRole("button", { name: "Disable key" }).click();
  await expectPage(page, "API keys");
  await page.getByRole("link", { name: "half-edited" }).click();
  await expectPage(page, "half-edited");
  await page.getByLabel("Description (optional)").fill("Half a thought");
  await level(page, "Prompts").selectOption("write");
  await page.getByRole("button", { name: "End now" }).click();
  await expect(page.getByRole("button", { name: "End now" })).toHaveCount(0);
  await page.getByRole("button", { name: "Enable" }).click();
  await expect(page.getByRole("button", { name: "Enable" })).toHaveCount(0);
  await expect(page.getByText("Active", { exact: true })).toBeVisible();
  await expect(page.getByLabel("Description (optional)")).toHaveValue("Half a thought");
  await expect(level(page, "Prompts")).toHaveValue("write");
  await page.getByRole("button", { name: "Save 2 changes" }).click();
  await expectPage(page, "API keys");
  await expect(row(page, "half-edited")).toContainText("Prompts: Write");
});

test("rotated at once, the old secret is refused on the next call", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await localModels(page, upstream.baseUrl);
  const old = await createApiKey(page, "leaked");
  await fromMenu(page, "leaked", "Rotate");
  await expectPage(page, "Rotate leaked");
  await hydrated(page);
  await page.getByRole("radio").first().check({ force: true });
  await page.getByRole("button", { name: "Rotate key" }).click();
  const secret = await takeSecret(page, "leaked");
  expect((await callModel(latchkey.url, old, MODEL)).status).toBe(401);
  expect((await callModel(latchkey.url, secret, MODEL)).status).toBe(200);
});

test("disabled a key opens nothing, enabled it does again", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await localModels(page, upstream.baseUrl);
  const secret = await createApiKey(page, "switched");
  await fromMenu(page, "switched", "Disable");
  await expectPage(page, "Disable switched");
  await hydrated(page);
  await expectNoAxe(page);
  await page.getByRole("button", { name: "Disable key" }).click();
  await expectPage(page, "API keys");
  await expect(row(page, "switched")).toContainText("Disabled");
  const refused = await callModel(latchkey.url, secret, MODEL);
  expect(refused.status).toBe(401);
  expect((await errorOf(refused)).code).toBe("api_key_disabled");
  await hydrated(page);
  if (hasJavaScript()) {
    await expect(page.getByRole("status").filter({ hasText: "switched is disabled" })).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.getByRole("status").filter({ hasText: "switched is enabled again" })).toBeVisible();
    await expect(row(page, "switched")).toContainText("Active");
    expect((await callModel(latchkey.url, secret, MODEL)).status).toBe(200);
    await open(page, `${HOME}/api-keys`);
    await fromMenu(page, "switched", "Disable");
    // It was used a moment ago.
    await page.getByLabel(/Type its name, switched/).fill("switched");
    await page.getByRole("button", { name: "Disable key" }).click();
    await expectPage(page, "API keys");
    await expect(row(page, "switched")).toContainText("Disabled");
  }
  await fromMenu(page, "switched", "Enable");
  await expect(row(page, "switched")).toContainText("Active");
  expect((await callModel(latchkey.url, secret, MODEL)).status).toBe(200);
});

test("a key in use is deleted by its name, and refused on the next call", async ({ page, latchkey, upstream, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await localModels(page, upstream.baseUrl);
  const secret = await createApiKey(page, "doomed");
  expect((await callModel(latchkey.url, secret, MODEL)).status).toBe(200);
  await expect(async () => {
    await open(page, `${HOME}/api-keys`);
    await expect(row(page, "doomed")).toContainText("just now", { timeout: 500 });
  }).toPass();
  await fromMenu(page, "doomed", "Delete");
  await expectPage(page, "Delete doomed");
  await hydrated(page);
  const name = page.getByLabel(/Type its name, doomed/);
  await name.fill("something else");
  await page.getByRole("button", { name: "Delete key" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The key is not deleted" })).toBeVisible();
  await expectNoAxe(page);
  await name.fill("doomed");
  await page.getByRole("button", { name: "Delete key" }).click();
  await expectPage(page, "API keys");
  await expect(row(page, "doomed")).toHaveCount(0);
  const calls = upstream.counts.calls;
  const refused = await callModel(latchkey.url, secret, MODEL);
  expect(refused.status).toBe(401);
  expect((await errorOf(refused)).code).toBe("api_key_revoked");
  expect(upstream.counts.calls).toBe(calls);
});

test("on a phone the filters stand in one sheet", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  const status = page.getByRole("combobox", { name: "Status" });
  await expect(page.getByRole("searchbox", { name: "Name, or paste a key" })).toBeVisible();
  await expect(status).toBeHidden();
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await expect(status).toBeVisible();
  await expectNoAxe(page);
  await status.selectOption("active");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await expect(page).toHaveURL(/status=active/);
  await expect(status).toBeHidden();
  await hydrated(page);
  // With the keyboard: Esc closes it, and focus is back on its button.
  const filter = page.getByRole("button", { name: "Filter 1 active" });
  await filter.press("Enter");
  await expect(status).toHaveValue("active");
  await status.press("Escape");
  await expect(status).toBeHidden();
  await expect(filter).toBeFocused();
  await expectNoAxe(page);
});

test("one banner tells which keys expire soon, and is put away until the next one", async ({ page }) => {
  await signIn(page);
  const make = async (name: string) => {
    await open(page, `${HOME}/api-keys/new`);
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("combobox", { name: "Expires" }).selectOption("7");
    await page.getByRole("button", { name: "Create key" }).click();
    await takeSecret(page, name);
  };
  const banner = page.locator(".note").filter({ hasText: "expires in 7 days" });
  await make("short-lived");
  await expect(banner).toContainText("short-lived expires in 7 days. Rotate");
  await expectNoAxe(page);
  const away = page.getByRole("button", { name: "Put away" });
  if (!hasJavaScript()) return expect(away).toBeHidden();
  await away.click();
  await expect(banner).toBeHidden();
  await open(page, `${HOME}/api-keys`);
  await expect(page.getByRole("table")).toBeVisible();
  await expect(banner).toHaveCount(0);
  await make("short-lived too");
  await expect(banner).toContainText("short-lived too expires in 7 days");
  await expect(banner.getByRole("link", { name: "Rotate short-lived", exact: true })).toBeVisible();
});

test("the list is found by name and by what is seen of a key, never by its secret", async ({ page }) => {
  await signIn(page);
  const secret = await createApiKey(page, "findable");
  await createApiKey(page, "another");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(`${request.url()} ${request.postData() ?? ""}`));
  const search = page.getByRole("searchbox", { name: "Name, or paste a key" });
  for (const pasted of [secret, `Authorization: Bearer ${secret}`]) {
    await open(page, `${HOME}/api-keys`);
    await search.fill(pasted);
    await search.press("Enter");
    await expect(row(page, "another")).toHaveCount(0);
    await expect(row(page, "findable")).toBeVisible();
    const url = new URL(page.url());
    expect(url.search).toBe(`?q=${encodeURIComponent(`${secret.slice(0, 7)}…${secret.slice(-4)}`)}`);
    expect(await page.content()).not.toContain(secret);
  }
  if (hasJavaScript()) {
    await open(page, `${HOME}/api-keys`);
    await search.pressSequentially(`Bearer ${secret}`, { delay: 20 });
    await expect(search).toHaveValue(`${secret.slice(0, 7)}…${secret.slice(-4)}`);
    await expect(row(page, "another")).toHaveCount(0);
    // Of what is typed, nothing between beginning and ending leaves the browser.
    for (const one of asked) expect(decodeURIComponent(one)).not.toContain(secret.slice(0, 9));
  }
  // Wherever else it is pasted, the address that stays does not hold it.
  for (const path of ["team?q", "virtual-keys?q", "logs?model"]) {
    await page.goto(`${HOME}/${path}=${encodeURIComponent(`Bearer ${secret}`)}`);
    expect(page.url(), path).not.toContain(secret.slice(0, 9));
    expect(await page.content(), path).not.toContain(secret);
  }
  await open(page, `${HOME}/api-keys`);
  await search.fill("another");
  await search.press("Enter");
  await expect(page).toHaveURL(/\/api-keys\?q=another$/);
  await expect(row(page, "findable")).toHaveCount(0);
  await page.getByRole("link", { name: "Remove “another”" }).click();
  await expect(page).toHaveURL(/\/api-keys$/);
  await expect(row(page, "findable")).toBeVisible();
  await expect(page.getByRole("list", { name: "Active filters" })).toHaveCount(0);
  if (hasJavaScript()) {
    await search.pressSequentially("anoth");
    await expect(row(page, "findable")).toHaveCount(0);
    await expect(page).toHaveURL(/\/api-keys\?q=anoth$/);
    await expect(search).toBeFocused();
    await expect(search).toHaveValue("anoth");
    await page.getByRole("combobox", { name: "Acts for" }).fill(OWNER.name.slice(0, 3));
    await expect(page.getByRole("link", { name: /^Remove Acts for/ })).toBeVisible();
  }
  await open(page, `${HOME}/api-keys?status=active&q=another`);
  await expect(page.getByRole("link", { name: "Remove Status: Active" })).toBeVisible();
  await expectNoAxe(page);
  // The row is the link: its end, left of the menu, opens it as well.
  const box = await row(page, "another").boundingBox();
  if (box) await page.mouse.click(box.x + box.width * 0.45, box.y + 6);
  await expectPage(page, "another");
  await open(page, `${HOME}/api-keys?permission=users`);
  await expect(row(page, "another")).toHaveCount(0);
  await expect(row(page, "Master")).toBeVisible();
});

test("a lost answer is asked for again, and what was made is reported @js", async ({ page, faults }) => {
  faults.allow(/\/fn\/api_keys\/create/);
  await signIn(page);
  for (const made of [true, false]) {
    const name = made ? "made unheard" : "made on the second try";
    await open(page, `${HOME}/api-keys/new`);
    let sent = 0;
    await page.route("**/fn/api_keys/create", async (route) => {
      sent += 1;
      if (sent > 1) return route.continue();
      if (made) await route.fetch();
      await route.abort();
    });
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("button", { name: "Create key" }).click();
    if (made) {
      await expect(page.getByText("The key was made when this was first sent.", { exact: false })).toBeVisible();
      await expect(page.getByText("The key was not created")).toHaveCount(0);
      await page.getByRole("link", { name: "Rotate the key that was made" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toContainText(name);
    } else {
      await takeSecret(page, name);
    }
    expect(sent).toBe(2);
    await page.unroute("**/fn/api_keys/create");
  }
});

test("several keys are ticked and disabled, and each is told of", async ({ page }) => {
  await signIn(page);
  const names = ["many-a", "many-b", "many-c"];
  for (const name of names) await createApiKey(page, name);
  await fromMenu(page, "many-c", "Disable");
  await expectPage(page, "Disable many-c");
  await hydrated(page);
  await page.getByRole("button", { name: "Disable key" }).click();
  await expectPage(page, "API keys");
  await open(page, `${HOME}/api-keys?q=many-`);
  if (hasJavaScript()) await expect(bar(page)).toBeHidden();
  for (const name of names) await box(page, name).check();
  if (hasJavaScript()) await expect(bar(page)).toContainText("3 selected");
  await expectNoAxe(page);
  await bar(page).getByRole("button", { name: "Disable", exact: true }).click();
  await expectPage(page, "Disable 2 keys?");
  await hydrated(page);
  await expect(page.getByText("many-c: it is disabled already.")).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "api-keys-many");
  await page.getByRole("button", { name: "Disable 2 keys" }).click();
  await expectPage(page, "2 keys disabled");
  for (const name of ["many-a", "many-b"]) {
    await expect(page.getByRole("listitem").filter({ hasText: name })).toContainText("Disabled");
  }
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Back to API keys" }).click();
  await expectPage(page, "API keys");
  await expect(row(page, "many-a")).toContainText("Disabled");
});

test("on the page about several keys nothing is asked where nothing is ticked", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys/many?act=disable`);
  await expectPage(page, "Nothing is selected");
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Back to API keys" }).click();
  await expectPage(page, "API keys");
});

test("Shift ticks a range of rows, the box above them says some or all, and Escape unticks them @js", async ({ page }) => {
  await signIn(page);
  const names = ["range-a", "range-b", "range-c"];
  for (const name of names) await createApiKey(page, name);
  await open(page, `${HOME}/api-keys?q=range-&sort=name`);
  const all = page.getByRole("checkbox", { name: "Select all keys on this page" });
  await box(page, "range-a").check();
  await expect(all).toHaveJSProperty("indeterminate", true);
  await expect(bar(page)).toContainText("1 selected");
  await box(page, "range-c").click({ modifiers: ["Shift"] });
  for (const name of names) await expect(box(page, name)).toBeChecked();
  await expect(all).toBeChecked();
  await expect(all).toHaveJSProperty("indeterminate", false);
  await expect(page.getByRole("status").filter({ hasText: "3 selected" })).toHaveCount(1);
  await expectNoAxe(page);
  await page.keyboard.press("Escape");
  for (const name of names) await expect(box(page, name)).not.toBeChecked();
  await expect(bar(page)).toBeHidden();
  // With the keyboard alone.
  await all.press("Space");
  await expect(bar(page)).toContainText("3 selected");
  await bar(page).getByRole("button", { name: "Clear" }).press("Enter");
  await expect(bar(page)).toBeHidden();
  await expect(all).not.toBeChecked();
  // On a phone.
  await page.setViewportSize({ width: 360, height: 740 });
  await box(page, "range-b").check();
  await expect(bar(page)).toBeInViewport();
  await bar(page).getByRole("button", { name: "Select all" }).click();
  await expect(bar(page)).toContainText("3 selected");
  await open(page, `${HOME}/api-keys?q=range-b`);
  await box(page, "range-b").check();
  await expectNoAxe(page);
  await expectFits(page, "api-keys-ticked");
  await bar(page).getByRole("button", { name: "Delete", exact: true }).click();
  await expectPage(page, "Delete 1 key?");
});
