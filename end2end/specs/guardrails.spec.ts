// Guardrails: put together from checks, tried on a text, saved as versions, named by a config, set for every call; and what
// each role may do with them.
import {
  BO,
  CY,
  HOME,
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

let page_path = "";

const blocks = (page: Page) => page.locator(".check-block");
const save = (page: Page) => page.getByRole("button", { name: /^Save as/ });
const field = (page: Page, label: string, at = 0) => page.getByLabel(label, { exact: true }).nth(at);

/** Without JavaScript the button posts the form, and the page comes back. */
async function press(page: Page, name: string | RegExp): Promise<void> {
  await page.getByRole("button", { name }).click();
  await hydrated(page);
}

async function add(page: Page, check: string): Promise<void> {
  const before = await blocks(page).count();
  await page.getByLabel("Another check").selectOption(check);
  await press(page, "Add check");
  await expect(blocks(page)).toHaveCount(before + 1);
}

test("an Admin and a Member are there", async ({ page, newContext }) => {
  await signIn(page);
  for (const [role, person] of [["Admin", BO], ["Member", CY]] as const) {
    const [link] = await invite(page, role, [person.email]);
    await join(await (await newContext()).newPage(), link ?? "", person);
  }
});

test("one is put together, and a fault stands at its field", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d /);
  await signIn(page);
  await open(page, `${HOME}/guardrails`);
  await expect(page.getByRole("heading", { name: "No guardrails yet" })).toBeVisible();
  await page.getByRole("link", { name: "New guardrail" }).first().click();
  await expectPage(page, "New guardrail");
  await hydrated(page);
  await field(page, "Name").fill("No codes");
  await add(page, "Regular expression");
  await add(page, "Words");
  await page.getByLabel("Pattern", { exact: true }).fill("([a-z");
  await page.getByLabel("Words", { exact: true }).fill("Halyard\nKestrel");
  await page.getByLabel("The text contains").selectOption("none of these");
  await expectNoAxe(page);
  await expectFits(page, "guardrail-new");
  await press(page, "Create guardrail");
  await expect(page.locator("#form-errors")).toBeVisible();
  await expect(page.getByLabel("Pattern", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("Words", { exact: true })).toHaveValue("Halyard\nKestrel");
  await expectNoAxe(page);
  await page.getByLabel("Pattern", { exact: true }).fill("INV-\\d+");
  await page.locator(".check-block").first().getByLabel("Turn it round: fail where it would pass").check();
  await page.getByRole("button", { name: "Create guardrail" }).click();
  await expectPage(page, "No codes");
  page_path = new URL(page.url()).pathname;
  await hydrated(page);
  await expect(page.getByLabel("Pattern", { exact: true })).toHaveValue("INV-\\d+");
  await expect(page.getByLabel("The text contains")).toHaveValue("none");
  await expectNoAxe(page);
  await expectFits(page, "guardrail");
});

test("checks move and go by buttons, and keep what was typed", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d /);
  await signIn(page);
  await open(page, page_path);
  await page.getByLabel("Pattern", { exact: true }).fill("typed");
  await press(page, "Move down check 1");
  await expect(blocks(page).nth(1)).toContainText("Regular expression");
  await expect(page.getByLabel("Pattern", { exact: true })).toHaveValue("typed");
  await expect(page.getByLabel("Words", { exact: true })).toHaveValue("Halyard\nKestrel");
  if (hasJavaScript()) await expect(page.getByRole("button", { name: "Move up check 2" })).toBeFocused();
  await press(page, "Move up check 2");
  await expect(blocks(page).first()).toContainText("Regular expression");
  await add(page, "Not empty");
  await press(page, "Remove check 3");
  await expect(blocks(page)).toHaveCount(2);
  await expect(page.getByLabel("Pattern", { exact: true })).toHaveValue("typed");
});

test("a text is tried on what is typed, and nothing is saved", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d /);
  await signIn(page);
  await open(page, page_path);
  await page.getByLabel("Sample text").fill("Look up INV-204 for Kestrel");
  await press(page, "Check the text");
  const found = page.locator(".bench-found");
  await expect(found).toContainText("Is denied");
  await expect(found.locator(".chain li")).toHaveCount(2);
  await expect(found.locator("mark").first()).toContainText("INV-204");
  await expectNoAxe(page);
  await expectFits(page, "guardrail-tried");
  // The draft is what is tried.
  await page.getByLabel("Pattern", { exact: true }).fill("ORDER");
  await page.getByLabel("Words", { exact: true }).fill("Lighthouse");
  await press(page, "Check the text");
  await expect(found).toContainText("Passes");
  await page.getByLabel("Pattern", { exact: true }).fill("(");
  await press(page, "Check the text");
  await expect(found).toContainText("Nothing was judged");
  await open(page, `${page_path}/versions`);
  await expect(page.getByText("There is one version.")).toBeVisible();
});

test("samples are kept, and a save says which do not hold", async ({ page }) => {
  await signIn(page, CY);
  await open(page, `${page_path}/samples`);
  await page.getByLabel("Text", { exact: true }).fill("my INV-7, please");
  await page.getByRole("button", { name: "Keep" }).click();
  await expect(page.locator(".samples")).toContainText("Holds");
  await expectNoAxe(page);
  await expectFits(page, "guardrail-samples");
  await open(page, page_path);
  await page.getByLabel("Pattern", { exact: true }).fill("ORDER-\\d+");
  await page.getByLabel("What this version is about").fill("Orders alone");
  await save(page).click();
  await expect(page.getByText(/my INV-7, please.* does not get the verdict/).filter({ visible: true }).first()).toBeVisible();
  await open(page, `${page_path}/samples`);
  await expect(page.locator(".samples")).toContainText("Does not hold");
  await open(page, `${page_path}/versions`);
  await expect(page.locator(".history")).toContainText("Orders alone");
  await expect(page.locator(".two-texts .come")).toContainText("ORDER");
  await expectNoAxe(page);
  await page.getByRole("button", { name: "Restore v1" }).click();
  await expect(page.locator(".history")).toContainText("Restored from v1");
});

test("somebody else saves first", async ({ page, newContext, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  const other = await (await newContext()).newPage();
  await signIn(other, BO);
  await open(page, page_path);
  await open(other, page_path);
  await other.getByLabel("Pattern", { exact: true }).fill("theirs");
  await save(other).click();
  await expect(other.getByText(/is saved as|Saved, and in force/).filter({ visible: true }).first()).toBeVisible();
  await page.getByLabel("Pattern", { exact: true }).fill("mine");
  await save(page).click();
  await expect(page.getByRole("alert").filter({ hasText: "Somebody" })).toBeVisible();
  await expect(page.getByText("Somebody else saved other checks meanwhile.")).toBeVisible();
  await expect(page.getByLabel("Pattern", { exact: true })).toHaveValue("mine");
  await save(page).click();
  await expect(page.getByText(/is saved as|Saved, and in force/).filter({ visible: true }).first()).toBeVisible();
  await open(page, page_path);
  await expect(page.getByLabel("Pattern", { exact: true })).toHaveValue("mine");
});

test("an Admin sets it for every request, and then a Member may only look", async ({ page, newContext, faults }) => {
  faults.allow(/status of 4\d\d /);
  await signIn(page, BO);
  await open(page, `${page_path}/used-by`);
  await page.getByLabel("Requests", { exact: true }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Judges every request", { exact: true })).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "guardrail-used-by");
  await open(page, `${HOME}/guardrails`);
  await expect(row(page, "gr-nocode-")).toContainText("Judges every request");
  await expectNoAxe(page);
  await expectFits(page, "guardrails");
  await open(page, `${page_path}/delete`);
  await page.getByRole("button", { name: "Delete No codes" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Switch that off first" })).toBeVisible();
  const member = await (await newContext()).newPage();
  await signIn(member, CY);
  await open(member, page_path);
  await expect(save(member)).toHaveAttribute("aria-disabled", "true");
  await expect(member.getByText(/It judges every request of the organisation\./)).toBeVisible();
  await open(member, `${page_path}/used-by`);
  await expect(member.getByLabel("Requests", { exact: true })).toHaveAttribute("aria-disabled", "true");
  await expectNoAxe(member);
});
