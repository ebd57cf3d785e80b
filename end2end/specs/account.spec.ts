// A person's own page: name, theme, password, sessions; signing in and out; a forgotten password.
import {
  HOME,
  OWNER,
  expect,
  expectNoAxe,
  expectPage,
  hasJavaScript,
  hydrated,
  open,
  row,
  signIn,
  signOut,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

test("a wrong sign-in says the same for known and unknown people, and keeps the e-mail", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  const said: string[] = [];
  for (const email of [OWNER.email, "nobody@example.com"]) {
    await open(page, "/sign-in");
    await page.getByLabel("E-mail", { exact: true }).fill(email);
    await page.getByLabel("Password", { exact: true }).fill("wrong wrong wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    const problem = page.getByRole("alert").filter({ hasText: "You are not signed in" });
    await expect(problem).toBeVisible();
    if (hasJavaScript()) await expect(problem).toBeFocused();
    await expect(page.getByLabel("E-mail", { exact: true })).toHaveValue(email);
    await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
    said.push(await problem.innerText());
  }
  expect(said[0]).toBe(said[1]);
  await expectNoAxe(page);
});

test("signing in leads to the page that was asked for, and signing out closes it", async ({ page }) => {
  await page.goto(`${HOME}/team?role=admin`);
  await expectPage(page, "Sign in to Latchkey");
  await hydrated(page);
  await page.getByLabel("E-mail", { exact: true }).fill(OWNER.email);
  await page.getByLabel("Password", { exact: true }).fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(/\/team\?role=admin$/);
  await hydrated(page);
  await signOut(page);
  await page.goto(`${HOME}/team`);
  await expect(page).toHaveURL(/\/sign-in/);
});

test("a new name shows", async ({ page }) => {
  await signIn(page);
  await open(page, "/account");
  await page.getByLabel("Name", { exact: true }).fill("Ada King");
  await page.getByRole("button", { name: "Save name" }).click();
  await expect(page.getByText("Your name is changed.")).toBeVisible();
  await open(page, `${HOME}/logs`);
  await expect(page.getByRole("button", { name: /^Account: Ada King/ })).toBeVisible();
});

/** How light the page's background is: 0 is black, 1 is white. */
async function lightness(page: Page): Promise<number> {
  const colour = await page.locator("html").evaluate((root) => getComputedStyle(root).backgroundColor);
  return Number(/^oklch\(([\d.]+) /.exec(colour)?.[1] ?? NaN);
}

test("a chosen theme is in the very first bytes of the next page", async ({ page }) => {
  await signIn(page);
  await open(page, "/account");
  await expectNoAxe(page);
  expect(await lightness(page)).toBeGreaterThan(0.9);
  await page.getByRole("radio", { name: "Dark" }).check({ force: true });
  if (!hasJavaScript()) await page.getByRole("button", { name: "Use this theme" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(async () => {
    const html = await (await page.request.get(`${HOME}/logs`)).text();
    expect(html).toMatch(/<html[^>]*data-theme="dark"/);
  }).toPass();
  await page.goto(`${HOME}/logs`);
  expect(await lightness(page)).toBeLessThan(0.3);
});

test("sessions are listed and ended one by one", async ({ page, newContext, faults }) => {
  // Home asks for news, also once its session has ended.
  faults.allow(/status of 401 .*\/fn\//);
  const other = await (await newContext()).newPage();
  await signIn(other);
  await signIn(page);
  await open(page, "/account");
  const table = page.getByRole("table", { name: "Sessions" });
  await expect(table.getByRole("row").filter({ hasText: "This one" })).toHaveCount(1);
  const before = await table.getByRole("row").count();
  await table.getByRole("button", { name: /^End the session of/ }).first().click();
  await expect(page.getByText("The session is ended.")).toBeVisible();
  await expect(table.getByRole("row")).toHaveCount(before - 1);
  await other.goto(`${HOME}/logs`);
  await expect(other).toHaveURL(/\/sign-in/);
});

test("a new password ends every other session", async ({ page, newContext, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  const other = await (await newContext()).newPage();
  await signIn(other);
  await signIn(page);
  await open(page, "/account");
  await page.getByLabel("Current password").fill("not my password at all");
  await page.getByLabel("New password").fill("an engine that weaves algebra");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByLabel("Current password")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Current password").fill(OWNER.password);
  await page.getByLabel("New password").fill("an engine that weaves algebra");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password is changed. You were signed out everywhere else.")).toBeVisible();
  if (hasJavaScript()) {
    for (const label of ["Current password", "New password"]) await expect(page.getByLabel(label)).toHaveValue("");
  }
  await page.goto(`${HOME}/logs`);
  await expectPage(page, "Logs");
  await other.goto(`${HOME}/logs`);
  await expect(other).toHaveURL(/\/sign-in/);
  await signIn(other, { ...OWNER, password: "an engine that weaves algebra" });
});

test("without mail, a forgotten password leads to those who can help", async ({ page }) => {
  await open(page, "/sign-in");
  await page.getByRole("link", { name: "Forgot it?" }).click();
  await expectPage(page, "Forgot your password?");
  await expect(page.getByText("Ask an Owner or Admin of your organisation.")).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("main").getByRole("link", { name: "Back to sign-in" }).click();
  await expectPage(page, "Sign in to Latchkey");
});
