// Nothing that was typed, and no secret that is shown once, is lost by a link, by Back or by closing the page.
import { OWNER, expect, expectFits, expectNoAxe, test } from "../support/index.ts";
import { HOME, expectPage, open, signIn } from "../support/walks.ts";

test("a link asks before typed text is lost @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/virtual-keys`);
  await page.getByRole("link", { name: "New virtual key" }).first().click();
  await expectPage(page, "New virtual key");
  const name = page.getByLabel("Name", { exact: true });
  const dialog = page.getByRole("alertdialog", { name: "Leave this page?" });
  const team = page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Team" });
  await team.click();
  await expectPage(page, "Team");
  await page.goBack();
  await expectPage(page, "New virtual key");

  await name.fill("half typed");
  await team.click();
  await expect(dialog).toBeVisible();
  await expect(dialog).toContainText("What you typed is not saved yet.");
  await expect(dialog.getByRole("button", { name: "Stay" })).toBeFocused();
  await expectNoAxe(page);
  await expectFits(page, "leaving");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expectPage(page, "New virtual key");
  await expect(name).toHaveValue("half typed");

  await page.goBack();
  await expect(dialog).toBeVisible();
  await expect(page).toHaveURL(/\/virtual-keys\/new$/);
  await dialog.getByRole("button", { name: "Stay" }).click();
  await expect(name).toHaveValue("half typed");

  await team.click();
  await dialog.getByRole("button", { name: "Leave" }).click();
  await expectPage(page, "Team");
  await expect(dialog).toBeHidden();
});

test("Cancel, text that was typed back, and what was saved are left without a question @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/virtual-keys/new`);
  const name = page.getByLabel("Name", { exact: true });
  await name.fill("half typed");
  await page.getByRole("link", { name: "Cancel" }).click();
  await expectPage(page, "Virtual keys");

  await open(page, `${HOME}/virtual-keys/new`);
  const description = page.getByLabel("Description (optional)");
  await description.fill("half typed");
  await description.fill("");
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Team" }).click();
  await expectPage(page, "Team");

  await open(page, `${HOME}/settings`);
  await name.fill("Analytical Engines");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/Saved\. The organisation is at/).filter({ visible: true })).toBeVisible();
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Team" }).click();
  await expectPage(page, "Team");
});

test("a secret that is shown once is not left unsaved without a question @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys/new?name=shown-once`);
  await page.getByRole("button", { name: "Create key" }).click();
  await expectPage(page, "shown-once is ready");
  const dialog = page.getByRole("alertdialog", { name: "Leave this page?" });
  const team = page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Team" });
  await team.click();
  await expect(dialog).toContainText("The secret of shown-once is not saved yet, and cannot be shown again.");
  await dialog.getByRole("button", { name: "Stay" }).click();
  await expectPage(page, "shown-once is ready");
  await page.getByRole("checkbox", { name: "I have saved it" }).check({ force: true });
  await team.click();
  await expectPage(page, "Team");
});

test("closing the page asks as well @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/virtual-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill("half typed");
  const asked = page.waitForEvent("dialog");
  const closing = page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe("beforeunload");
  await dialog.accept();
  await closing;
});

test("where the session is over, a sign-in over the page goes on with what was begun @js", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await open(page, `${HOME}/virtual-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill("Made after signing in again");
  await page.getByLabel("Provider", { exact: true }).selectOption({ label: "OpenAI-compatible" });
  await page.getByLabel(/^Base URL/).fill("http://127.0.0.1:65001/v1");
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Create virtual key" }).click();

  const dialog = page.getByRole("alertdialog", { name: "Your session is over" });
  const password = dialog.getByLabel("Password", { exact: true });
  await expect(dialog).toContainText(`Sign in again as ${OWNER.email} to go on.`);
  await expect(password).toBeFocused();
  await expectNoAxe(page);
  await expectFits(page, "session-over");
  await password.fill("not the password");
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(password).toHaveAccessibleDescription(/do not|not right|wrong|match/i);
  await expect(password).toHaveValue("");
  await password.fill(OWNER.password);
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await expectPage(page, "Made after signing in again");
  await expect(dialog).toBeHidden();
});

test("given up, the form says what is missing and keeps what was typed @js", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await open(page, `${HOME}/settings`);
  const name = page.getByLabel("Name", { exact: true });
  await name.fill("Typed before the end");
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("alertdialog", { name: "Your session is over" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("alert").filter({ hasText: "Sign in first." })).toBeVisible();
  await expect(name).toHaveValue("Typed before the end");
});
