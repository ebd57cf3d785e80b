// The first visit to an installation without accounts: the setup secret, the first Owner, the master key shown once.
import { ORGANISATION, OWNER, expect, expectNoAxe, expectPage, expectWithout, goBack, hasJavaScript, open, signIn, switcher, test } from "../support/index.ts";

test.use({ seeded: false });
test.describe.configure({ mode: "serial" });

test("signing in leads to the setup while nobody has an account", async ({ page }) => {
  await open(page, "/sign-in");
  await expectPage(page, "Welcome to Latchkey");
  await page.getByRole("link", { name: "Set up this installation" }).click();
  await expectPage(page, "Set up Latchkey");
  await expectNoAxe(page);
});

test("an empty form names all that is missing at once", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await open(page, "/setup");
  await expect(page.getByLabel("Setup secret", { exact: true })).toBeFocused();
  if (hasJavaScript()) {
    await expect(page.getByRole("button", { name: "Show setup secret" })).toBeVisible();
    await expect(page.getByRole("button", { name: "Show password" })).toBeVisible();
  }
  await page.getByRole("button", { name: "Set up", exact: true }).click();
  for (const label of ["Setup secret", "Your name", "E-mail", "Password", "Organisation"]) {
    await expect(page.getByLabel(label, { exact: true })).toHaveAttribute("aria-invalid", "true");
  }
});

test("a wrong setup secret is reported beside its field, and what was typed stays", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await open(page, "/setup");
  await page.getByLabel("Setup secret").fill("not-the-secret");
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("E-mail", { exact: true }).fill(OWNER.email);
  await page.getByLabel("Password", { exact: true }).fill(OWNER.password);
  await page.getByLabel("Organisation", { exact: true }).fill(ORGANISATION);
  await page.getByRole("button", { name: "Set up", exact: true }).click();
  const words = "This is not the setup secret that the server printed at its last start.";
  await expect(page.getByRole("alert").filter({ hasText: "Latchkey is not set up yet" })).toContainText(words);
  const secret = page.getByLabel("Setup secret");
  await expect(secret).toHaveAttribute("aria-invalid", "true");
  await expect(secret).toHaveAccessibleDescription(new RegExp(words.replaceAll(".", "\\.")));
  await expect(page.getByLabel("Your name")).toHaveValue(OWNER.name);
  await expect(page.getByLabel("E-mail", { exact: true })).toHaveValue(OWNER.email);
  await expect(page.getByLabel("Organisation", { exact: true })).toHaveValue(ORGANISATION);
  await expectNoAxe(page);
});

test("the printed secret makes the first Owner, and the master key is shown once", async ({ page, latchkey }) => {
  await open(page, "/setup");
  await page.getByLabel("Setup secret").fill(latchkey.setupSecret());
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("E-mail", { exact: true }).fill(OWNER.email);
  await page.getByLabel("Password", { exact: true }).fill(OWNER.password);
  await page.getByLabel("Organisation", { exact: true }).fill(ORGANISATION);
  await page.getByRole("button", { name: "Set up", exact: true }).click();
  await expectPage(page, `${ORGANISATION} is ready`);
  const shown = page.getByRole("group", { name: "secret of the master key" });
  const secret = await shown.innerText();
  expect(secret).toMatch(/^lk_/);
  expect(page.url()).not.toContain(secret);
  await expect(page).not.toHaveTitle(new RegExp(secret));
  await expectNoAxe(page);

  // The key is real before the page is left.
  const answer = await fetch(`${latchkey.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } });
  expect(answer.status).toBe(200);

  if (hasJavaScript()) {
    await page.getByRole("button", { name: "Go on to the organisation" }).click();
    await expect(page.getByRole("status").filter({ hasText: "Copy it, or say that you have saved it" })).toBeVisible();
    await page.getByLabel("I have saved it").check();
    await page.getByRole("button", { name: "Go on to the organisation" }).click();
  } else {
    await page.getByRole("link", { name: "I have saved it, go on" }).click();
  }
  await expectPage(page, ORGANISATION);
  await expect(switcher(page, ORGANISATION, "Owner")).toBeVisible();

  // Neither going back nor coming again shows it.
  await goBack(page);
  if (hasJavaScript()) await expectPage(page, ORGANISATION);
  await expectWithout(page, secret);
  await page.goto("/setup");
  await expectWithout(page, secret);
});

test("the setup page leads on afterwards: to sign-in, and whoever is signed in to their organisation", async ({ page }) => {
  await page.goto("/setup");
  await expectPage(page, "Sign in to Latchkey");
  await signIn(page);
  await page.goto("/setup");
  await expectPage(page, ORGANISATION);
  await expect(page).toHaveTitle(`Home · ${ORGANISATION} · Latchkey`);
  await page.goto("/sign-in");
  await expectPage(page, ORGANISATION);
});
