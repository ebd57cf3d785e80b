// Home: the first steps tick themselves off, the example names what is there, and a call appears as it arrives.
import {
  BO,
  CY,
  HOME,
  ORGANISATION,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  hasJavaScript,
  invite,
  join,
  open,
  signIn,
  signOut,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

const step = (page: Page, title: string, state: "done" | "to do") =>
  page.getByRole("heading", { level: 3, name: new RegExp(`^${title} ?: ${state}$`) });

test("the first steps tick themselves off, up to the first call as it arrives", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await expectPage(page, ORGANISATION);
  await expect(page).toHaveTitle(`Home · ${ORGANISATION} · Latchkey`);
  await expect(step(page, "Store a provider’s key", "to do")).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "home-new");
  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl, credential: "sk-local" });
  const secret = await createApiKey(page, "Support desk");
  await open(page, HOME);
  await expect(step(page, "Store a provider’s key", "done")).toBeVisible();
  await expect(step(page, "Create an API key for your first program", "done")).toBeVisible();
  const example = page.getByRole("group", { name: /^example in curl/ });
  await expect(example).toContainText("@local-models/");
  await expect(example).toContainText("SECRET-OF-support-desk");
  await expect(example).not.toContainText(secret);
  await page.getByRole("radio", { name: "Python" }).check();
  await expect(page.getByRole("group", { name: /^example in Python/ })).toBeVisible();
  await expect(example).toBeHidden();

  // A first call that is refused is shown too, with why and the way to it.
  await (await callModel(latchkey.url, secret, { model: "@nowhere/brass-none" })).text();
  const refused = page.getByText("The last call was refused: 404 no virtual key.");
  if (hasJavaScript()) {
    await expect(refused).toBeVisible({ timeout: 15_000 });
    await expect(page.getByText("This page shows the call as soon as it arrives.")).toBeVisible();
  } else {
    await expect(async () => {
      await page.getByRole("link", { name: "Look again" }).click();
      await expect(refused).toBeVisible({ timeout: 500 });
    }).toPass();
    await expect(page.getByText("This page shows the call as soon as it arrives.")).toBeHidden();
  }
  await expect(page.getByRole("heading", { name: "Newest calls" })).toBeVisible();
  await expect(page.getByRole("link", { name: "See the call" })).toHaveAttribute("href", /\/logs\//);
  await expect(step(page, "Make the first call", "to do")).toBeVisible();
  await expectNoAxe(page);

  await (await callModel(latchkey.url, secret, { model: "@local-models/brass-large" })).text();
  if (hasJavaScript()) {
    await expect(step(page, "Make the first call", "done")).toBeVisible({ timeout: 15_000 });
  } else {
    await expect(async () => {
      await page.getByRole("link", { name: "Look again" }).click();
      await expect(step(page, "Make the first call", "done")).toBeVisible({ timeout: 500 });
    }).toPass();
  }
  await expect(page.getByRole("link", { name: "brass-large" })).toBeVisible();
  await expectNoAxe(page);
});

test("each role sees what it may", async ({ page, newContext }) => {
  await signIn(page);
  const [forBo] = await invite(page, "Admin", [BO.email]);
  const [forCy] = await invite(page, "Member", [CY.email]);
  for (const [person, link, sees] of [
    [BO, forBo, true],
    [CY, forCy, false],
  ] as const) {
    const theirs = await (await newContext()).newPage();
    await join(theirs, link ?? "", person);
    await open(theirs, HOME);
    await expectPage(theirs, ORGANISATION);
    await expect(theirs.getByRole("heading", { name: "Newest calls" })).toBeVisible();
    await expect(theirs.getByRole("heading", { name: "Lately" })).toHaveCount(sees ? 1 : 0);
    await expect(theirs.getByText("Support desk").first()).toBeVisible();
    await expectNoAxe(theirs);
  }
  await open(page, HOME);
  await expect(page.getByRole("heading", { name: "First steps" }), "all are done").toHaveCount(0);
  await expectFits(page, "home");
});

test("the search leads to things by their names, to pages and by keyboard alone @js", async ({ page }) => {
  await signIn(page);
  const founding = await page.context().newPage();
  await open(founding, "/organisations/new");
  await founding.getByLabel("Name", { exact: true }).fill("Elsewhere");
  await founding.getByRole("button", { name: "Create organisation" }).click();
  await expectPage(founding, "Elsewhere is ready");
  await founding.close();
  await expectPage(page, ORGANISATION);
  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox", { name: "Search or jump to" });
  await expect(field).toBeFocused();
  await expect(page.getByRole("option", { name: /^Logs/ })).toBeVisible();
  await expectNoAxe(page);
  await field.fill("support");
  const hit = page.getByRole("option", { name: /^Support desk/ });
  await expect(hit).toContainText("API key");
  await expect(hit).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expectPage(page, "Support desk");

  await page.getByRole("button", { name: /^Search or jump to/ }).click();
  await field.fill("o");
  await expect(page.getByRole("option", { name: /^Roles/ })).toBeVisible();
  // What the server finds comes later than the pages, and the list is then longer.
  await expect(page.getByRole("option", { name: /^Local models/ })).toBeVisible();
  await page.keyboard.press("ArrowUp");
  await expect(page.getByRole("listbox", { name: "Found" }).getByRole("option").last()).toHaveAttribute("aria-selected", "true");
  await expect(page.getByRole("option", { name: /^Elsewhere/ })).toHaveCount(0);
  await field.fill("elsewh");
  await expect(page.getByRole("option", { name: /^Elsewhere/ })).toContainText("Organisation, Owner");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/o\/elsewhere$/);
  await open(page, HOME);
  await page.keyboard.press("Control+k");
  await field.fill("nothing of this name");
  await expect(page.getByText("Nothing has this in its name.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(field).toHaveCount(0);

  // What a role may not list is not found.
  await signOut(page);
  await signIn(page, CY);
  await expectPage(page, ORGANISATION);
  await page.keyboard.press("Control+k");
  await field.fill("s");
  await expect(page.getByRole("option", { name: /^Local models/ })).toBeVisible();
  await expect(page.getByRole("option", { name: /^Support desk/ })).toHaveCount(0);
  await expect(page.getByRole("option", { name: /^Team/ })).toHaveCount(0);
});

test("help leads to the documentation of what is in view", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/virtual-keys`);
  await page.getByRole("link", { name: "Help" }).click();
  await expect(page).toHaveURL(/\/docs\/gateway$/);
  await expectPage(page, "The gateway");
  await expectNoAxe(page);
  await expectFits(page, "docs");
  await page.getByRole("link", { name: "Documentation" }).click();
  await expectPage(page, "Documentation");
});
