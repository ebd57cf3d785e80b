// Several organisations: made, switched by mouse, keyboard and without JavaScript, side by side in two tabs, renamed.
import {
  goBack,
  HOME,
  ORGANISATION,
  OWNER,
  createApiKey,
  expect,
  expectNoAxe,
  expectPage,
  hasJavaScript,
  hydrated,
  open,
  row,
  signIn,
  switcher,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

async function create(page: Page, name: string): Promise<string> {
  await open(page, "/organisations/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create organisation" }).click();
  await expectPage(page, `${name} is ready`);
  const secret = await page.getByRole("group", { name: "secret of the master key" }).innerText();
  if (hasJavaScript()) {
    await page.getByLabel("I have saved it").check();
    await page.getByRole("button", { name: "Go on to the organisation" }).click();
  } else {
    await page.getByRole("link", { name: "I have saved it, go on" }).click();
  }
  await expectPage(page, name);
  await hydrated(page);
  return secret;
}

test("a new organisation is its maker's, with a master key shown once", async ({ page, latchkey }) => {
  await signIn(page);
  await open(page, "/organisations");
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Create an organisation" }).click();
  await expectPage(page, "Create an organisation");
  await expectNoAxe(page);
  const secret = await create(page, "Difference Works");
  await expect(page).toHaveURL(/\/o\/difference-works$/);
  await expect(switcher(page, "Difference Works", "Owner")).toBeVisible();
  const models = await fetch(`${latchkey.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } });
  expect(models.status).toBe(200);
  await goBack(page);
  if (hasJavaScript()) await expectPage(page, "Create an organisation");
  // A page that is still coming cannot be read.
  await expect(async () => expect(await page.content()).not.toContain(secret)).toPass();
});

test("a short name that is taken is reported beside its field", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await open(page, "/organisations/new");
  await page.getByLabel("Name", { exact: true }).fill("Another");
  await page.getByLabel("Short name").fill("difference-works");
  await page.getByRole("button", { name: "Create organisation" }).click();
  await expect(page.getByLabel("Short name")).toHaveAttribute("aria-invalid", "true");
});

test("a short name that is taken is told while it is typed @js", async ({ page }) => {
  const short = page.getByLabel("Short name");
  await signIn(page);
  await open(page, "/organisations/new");
  await short.fill("difference-works");
  await expect(short).toHaveAccessibleDescription(/^Another organisation has this short name.* Free is “difference-works-2”/);
  await expectNoAxe(page);
  await short.fill("difference-works-2");
  await expect(short).not.toHaveAttribute("aria-invalid", "true");
  // One's own is not taken.
  await open(page, "/o/difference-works/settings");
  await short.fill("analytical-engines");
  await expect(short).toHaveAccessibleDescription(/^Another organisation has this short name/);
  await short.fill("difference-works");
  await expect(short).not.toHaveAttribute("aria-invalid", "true");
});

test("the switcher leads to another organisation, and keeps the kind of page", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  await switcher(page).click();
  const panel = page.getByRole("region", { name: "Organisations" });
  if (!hasJavaScript()) {
    // Without JavaScript the page of all organisations stands for it.
    await expectPage(page, "Your organisations");
    await expectNoAxe(page);
    await page.getByRole("main").getByRole("link", { name: /Difference Works/ }).click();
    await expect(page).toHaveURL(/\/o\/difference-works$/);
    await expect(switcher(page, "Difference Works", "Owner")).toBeVisible();
    return;
  }
  await expect(panel.getByRole("link", { name: new RegExp(ORGANISATION) })).toHaveAttribute("aria-current", "true");
  await expectNoAxe(page);
  await panel.getByRole("link", { name: /Difference Works/ }).click();
  await expect(page).toHaveURL(/\/o\/difference-works\/api-keys$/);
  await expect(switcher(page, "Difference Works", "Owner")).toBeVisible();
  await expectPage(page, "API keys");
});

test("nothing of one organisation is shown under the name of another @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/team`);
  await expect(row(page, OWNER.name)).toBeVisible();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/fn/organisation/view", async (route) => {
    await held;
    await route.continue();
  });
  await switcher(page).click();
  const asked = page.waitForRequest("**/fn/organisation/view");
  await page.getByRole("region", { name: "Organisations" }).getByRole("link", { name: /Difference Works/ }).click();
  await asked;
  // Its rows, asked for later still, have come and could have been drawn.
  const status = await page.evaluate(async () => {
    const body = new URLSearchParams({ slug: "difference-works" });
    const answer = await fetch("/fn/team/list", { method: "POST", headers: { accept: "application/json" }, body });
    await new Promise((drawn) => requestAnimationFrame(drawn));
    return answer.status;
  });
  expect(status).toBe(200);
  await expect(switcher(page)).toContainText(ORGANISATION);
  await expect(page.getByRole("table")).toHaveCount(0);
  release();
  await expect(switcher(page, "Difference Works", "Owner")).toBeVisible();
  await expectPage(page, "Team");
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(row(page, OWNER.name)).toBeVisible();
  await expect(page).toHaveURL(/\/o\/difference-works\/team$/);
});

test("the switcher works by keyboard @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs`);
  const button = switcher(page);
  const panel = page.getByRole("region", { name: "Organisations" });
  for (const key of ["Enter", "Space", "ArrowDown"]) {
    await button.focus();
    await page.keyboard.press(key);
    await expect(button, key).toHaveAttribute("aria-expanded", "true");
    await expect(panel).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(panel).toBeHidden();
    await expect(button).toBeFocused();
    await expect(button).toHaveAttribute("aria-expanded", "false");
  }
  await page.keyboard.press("ArrowDown");
  await expect(panel.getByRole("link").first()).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(panel.getByRole("link").nth(1)).toBeFocused();
  await page.keyboard.press("Home");
  await expect(panel.getByRole("link").first()).toBeFocused();
  const other = panel.getByRole("link", { name: /Difference Works/ });
  for (let step = 0; step < 5 && !(await other.evaluate((link) => link === document.activeElement)); step += 1) {
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/o\/difference-works\/logs$/);
  await expectPage(page, "Logs");
});

test("two tabs on two organisations do not touch one another", async ({ page, context }) => {
  await signIn(page);
  const second = await context.newPage();
  await open(page, `${HOME}/api-keys`);
  await open(second, "/o/difference-works/api-keys");
  await createApiKey(page, "first-only");
  await second.reload();
  await hydrated(second);
  await expect(switcher(second)).toContainText("Difference Works");
  await expect(row(second, "Master")).toBeVisible();
  await expect(row(second, "first-only")).toHaveCount(0);
  await second.getByRole("link", { name: "Virtual keys" }).click();
  await expect(second).toHaveURL(/\/o\/difference-works\/virtual-keys$/);
  await page.reload();
  await hydrated(page);
  await expect(row(page, "first-only")).toBeVisible();
  await expect(switcher(page)).toContainText(ORGANISATION);

  // A key of the one does not exist in the other, whoever asks.
  const href = await page.getByRole("link", { name: "first-only" }).getAttribute("href");
  const elsewhere = href?.replace(HOME, "/o/difference-works") ?? "";
  expect((await second.goto(elsewhere))?.status()).toBe(404);
});

test("many organisations are found by typing @js", async ({ page }) => {
  test.setTimeout(120_000);
  await signIn(page);
  for (const name of ["Brass", "Copper", "Élan", "Iron", "Nickel", "Zinc"]) await create(page, name);
  await open(page, `${HOME}/logs`);
  await switcher(page).focus();
  await page.keyboard.press("Enter");
  const panel = page.getByRole("region", { name: "Organisations" });
  await expect(panel.getByRole("searchbox", { name: "Find an organisation" })).toBeFocused();
  await page.keyboard.type("elan");
  await expect(panel.getByRole("link", { name: /Élan/ })).toBeVisible();
  await expect(panel.getByRole("link", { name: /Brass/ })).toBeHidden();
  await expect(panel.getByRole("status")).toHaveText("1 organisation");
  await page.keyboard.press("ArrowDown");
  await expect(panel.getByRole("link", { name: /Élan/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(switcher(page, "Élan", "Owner")).toBeVisible();
});

test("the list of organisations is there for everybody", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs`);
  await switcher(page).click();
  if (hasJavaScript()) await page.getByRole("link", { name: "All organisations" }).click();
  await expectPage(page, "Your organisations");
  await page.getByRole("list", { name: "Organisations" }).getByRole("link", { name: /Difference Works/ }).click();
  await expect(page).toHaveURL(/\/o\/difference-works/);
});

test("settings that somebody else changed meanwhile are saved at the second press", async ({ page, newContext, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  const name = page.getByLabel("Name", { exact: true });
  const save = (page: Page) => page.getByRole("button", { name: "Save", exact: true }).click();
  const saved = (page: Page) => expect(page.getByText(/Saved\. The organisation is at/).filter({ visible: true })).toBeVisible();
  await signIn(page);
  await open(page, "/o/difference-works/settings");
  const other = await (await newContext()).newPage();
  await signIn(other);
  await open(other, "/o/difference-works/settings");
  await other.getByLabel("Name", { exact: true }).fill("Difference Works (theirs)");
  await save(other);
  await saved(other);
  await name.fill("Difference  Works");
  await save(page);
  await expect(page.getByRole("alert").filter({ hasText: "Somebody else saved this meanwhile" })).toBeVisible();
  await expect(name).toHaveValue("Difference  Works");
  await expect(name).toHaveAccessibleDescription(/Stored meanwhile: Difference Works \(theirs\)/);
  await name.fill("Difference Works");
  await save(page);
  await saved(page);
  await expect(switcher(page, "Difference Works", "Owner")).toBeVisible();
});

test("a new name and short name show everywhere, and the old address leads nowhere", async ({ page }) => {
  await signIn(page);
  await open(page, "/o/difference-works/settings");
  await expectNoAxe(page);
  await page.getByLabel("Name", { exact: true }).fill("Difference & Sons");
  await page.getByLabel("Short name").fill("difference-sons");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/Saved\. The organisation is at/).filter({ visible: true })).toBeVisible();
  await expect(page).toHaveURL(/\/o\/difference-sons\/settings/);
  await expect(switcher(page, "Difference & Sons", "Owner")).toBeVisible();
  expect((await page.goto("/o/difference-works/logs"))?.status()).toBe(404);
});
