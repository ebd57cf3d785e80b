// Virtual keys: a provider's credential stored, tested, changed, copied, deleted; the credential never comes back.
import {
  HOME,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectNoAxe,
  expectPage,
  fromMenu,
  hasJavaScript,
  hydrated,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";
import { startUpstream } from "../support/upstream.mjs";

test("the reference follows the name, accents too @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/virtual-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill("Café Models 2");
  await expect(page.getByLabel("Reference (optional)")).toHaveValue("cafe-models-2");
  await page.getByLabel("Reference (optional)").fill("own");
  await page.getByLabel("Name", { exact: true }).fill("Other");
  await expect(page.getByLabel("Reference (optional)")).toHaveValue("own");
});

test("a taken reference is told while it is typed @js", async ({ page, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Taken", baseUrl: upstream.baseUrl });
  await open(page, `${HOME}/virtual-keys/new`);
  const reference = page.getByLabel("Reference (optional)");
  // Also where it only follows the name.
  await page.getByLabel("Name", { exact: true }).fill("Taken");
  await expect(reference).toHaveValue("taken");
  await expect(reference).toHaveAccessibleDescription(/^Another virtual key has the reference @taken\./);
  await expect(reference).toHaveAttribute("aria-invalid", "true");
  await expectNoAxe(page);
  await reference.fill("taken too");
  await expect(reference).toHaveAccessibleDescription(/^The reference takes 2 to 40 lower-case letters/);
  await reference.fill("taken-too");
  await expect(reference).not.toHaveAttribute("aria-invalid", "true");
  await reference.fill("");
  await expect(reference).not.toHaveAttribute("aria-invalid", "true");
  await open(page, `${HOME}/virtual-keys/taken/duplicate`);
  await reference.fill("taken");
  await expect(reference).toHaveAccessibleDescription(/^Another virtual key has the reference @taken\./);
});

test("a credential is tested, replaced, and never shown", async ({ page }) => {
  const upstream = await startUpstream({ key: "sk-right" });
  try {
    await signIn(page);
    await createVirtualKey(page, { name: "Guarded", baseUrl: upstream.baseUrl, credential: "sk-wrong" });
    await expect(page.getByText("The virtual key is created. Programs name it as @guarded.")).toBeVisible();
    await expectNoAxe(page);
    await page.getByRole("link", { name: "Test it now" }).click();
    await expect(page).toHaveURL(/\/virtual-keys\/guarded\?done=made#connection$/);
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(page.getByText("The provider refused the credential. Type a new one and save.")).toBeVisible();
    await page.getByLabel(/^Credential/).fill("sk-right");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByText(/[Ss]aved\. New calls use it at once\./).filter({ visible: true })).toBeVisible();
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(page.getByText("It answers and lists 2 models: brass-large, brass-small. The first call shows whether it takes the credential.")).toBeVisible();
    await expect(page.getByLabel(/^Credential/)).toHaveValue("");
    await open(page, `${HOME}/virtual-keys/guarded`);
    expect(await page.content()).not.toMatch(/sk-right|sk-wrong/);
    await expect(page.getByLabel(/^Credential/)).toHaveValue("");
    await expect(page.getByLabel(/^Credential/)).toHaveAccessibleDescription(/^Set on .* by Ada Lovelace\./);
    await expectNoAxe(page);
  } finally {
    await upstream.stop();
  }
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("Nothing answers at the base URL.")).toBeVisible();
});

test("a stored credential does not follow to another address", async ({ page, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Moving", baseUrl: upstream.baseUrl, credential: "sk-moving" });
  await page.getByLabel(/^Base URL/).fill(upstream.baseUrl.replace("127.0.0.1", "127.0.0.2"));
  if (hasJavaScript()) {
    await expect(page.getByLabel(/^Credential/)).toHaveAccessibleDescription(/enter the credential again/);
  }
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("The stored credential was for the former address and is gone.")).toBeVisible();
  await open(page, `${HOME}/virtual-keys/moving`);
  await expect(page.getByLabel(/^Credential/)).not.toHaveAccessibleDescription(/Set on/);
});

test("an address that is not allowed is refused in words", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await open(page, `${HOME}/virtual-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill("Metadata");
  await page.getByLabel("Provider", { exact: true }).selectOption({ label: "OpenAI-compatible" });
  if (hasJavaScript()) {
    await expect(page.getByLabel("Base URL", { exact: true })).toBeVisible();
    await expect(page.getByLabel("Credential (optional)", { exact: true })).toBeVisible();
  }
  await page.getByLabel(/^Base URL/).fill("http://169.254.169.254/v1");
  await page.getByRole("button", { name: "Create virtual key" }).click();
  await expect(page.getByLabel(/^Base URL/)).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel(/^Base URL/)).toHaveAccessibleDescription(/LATCHKEY_ALLOW_UPSTREAM=169\.254\.169\.254 /);
});

test("a copy works like the original, and each has its own reference", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Original", baseUrl: upstream.baseUrl, credential: "sk-original" });
  await open(page, `${HOME}/virtual-keys`);
  await fromMenu(page, "Original", "Duplicate");
  await expectPage(page, "Duplicate Original");
  await hydrated(page);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Original copy");
  await expectNoAxe(page);
  await page.getByRole("main").getByRole("button").last().click();
  await expectPage(page, "Original copy");
  const secret = await createApiKey(page, "for-copy");
  expect((await callModel(latchkey.url, secret, { model: "@original-copy/brass-large" })).status).toBe(200);
  expect(upstream.calls.at(-1)?.headers.authorization).toBe("Bearer sk-original");
});

test("one in use is deleted by its name, and calls that name it are refused", async ({ page, latchkey, upstream, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await createVirtualKey(page, { name: "Doomed", baseUrl: upstream.baseUrl });
  const secret = await createApiKey(page, "for-doomed");
  expect((await callModel(latchkey.url, secret, { model: "@doomed/brass-large" })).status).toBe(200);
  await expect(async () => {
    await open(page, `${HOME}/virtual-keys`);
    await expect(row(page, "Doomed")).toContainText("just now", { timeout: 500 });
  }).toPass();
  await fromMenu(page, "Doomed", "Delete");
  await expectPage(page, "Delete Doomed");
  await hydrated(page);
  await page.getByRole("button", { name: "Delete Doomed" }).click();
  const name = page.getByLabel("Type its name, Doomed, to delete it");
  await expect(name).toHaveAttribute("aria-invalid", "true");
  await name.fill("Doomed");
  await page.getByRole("button", { name: "Delete Doomed" }).click();
  await expectPage(page, "Virtual keys");
  await expect(row(page, "Doomed")).toHaveCount(0);
  await expect(async () => {
    expect((await callModel(latchkey.url, secret, { model: "@doomed/brass-large" })).status).toBe(404);
  }).toPass({ timeout: 5000 });
});

test("Copy gives the reference @js", async ({ page, context, upstream }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await signIn(page);
  await createVirtualKey(page, { name: "Copied one", baseUrl: upstream.baseUrl });
  await open(page, `${HOME}/virtual-keys`);
  await page.getByRole("button", { name: /reference of Copied one, not the credential/ }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("@copied-one");
});
