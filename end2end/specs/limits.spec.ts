// Limits: an Owner sets one on a virtual key, calls use it up, and it is raised, reset and taken away. An Admin may do the
// same; a Member does not find it.
import {
  BO,
  CY,
  HOME,
  OWNER,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  expectSaid,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";

test.describe.configure({ mode: "serial", timeout: 120_000 });

test("a limit is set, used up, raised, reset and taken away", async ({ page, latchkey, upstream, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await createVirtualKey(page, { name: "Limited upstream", baseUrl: upstream.baseUrl });
  const secret = await createApiKey(page, "Caller");
  const call = async () => (await callModel(latchkey.url, secret, { model: "@limited-upstream/gpt-4o" })).status;

  await open(page, `${HOME}/limits`);
  await expectPage(page, "Limits");
  await expect(page.getByText("No limits yet")).toBeVisible();
  await expectNoAxe(page);
  await page.getByLabel("On", { exact: true }).selectOption({ label: "Virtual key: Limited upstream" });
  await page.getByLabel("What is counted").selectOption("requests");
  await page.getByLabel("At most", { exact: true }).fill("none");
  await page.getByRole("button", { name: "Set the limit" }).click();
  await expect(page.getByText("Write a whole number, at least 1.").filter({ visible: true }).first()).toBeVisible();
  await page.getByLabel("At most", { exact: true }).fill("2");
  await page.getByRole("button", { name: "Set the limit" }).click();
  const limit = row(page, "Limited upstream");
  await expect(limit).toContainText("2 requests in a month");
  await expect(limit).toContainText("0 requests of 2 requests");
  await expectNoAxe(page);
  await expectFits(page, "limits");

  expect([await call(), await call(), await call()]).toEqual([200, 200, 412]);

  // It is told of where one comes by.
  await open(page, HOME);
  await expect(page.getByText(": budget used up").first()).toBeVisible();
  await expectNoAxe(page);
  await open(page, `${HOME}/virtual-keys`);
  await expect(row(page, "Limited upstream")).toContainText("Budget used up");
  await row(page, "Limited upstream").getByRole("link", { name: "Limited upstream" }).click();
  await expect(page.getByText("2 requests of 2 requests")).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "virtual-key-limits");
  await page.getByRole("link", { name: "Set a limit" }).click();
  await expect(page.getByRole("heading", { name: "Set a limit on Limited upstream" })).toBeVisible();

  await open(page, `${HOME}/limits`);
  await expect(limit).toContainText("Used up");
  await limit.getByRole("link", { name: /Change/ }).click();
  await expect(page.getByRole("heading", { name: "Change the limit on Limited upstream" })).toBeVisible();
  await hydrated(page);
  await expectNoAxe(page);
  await page.getByLabel("At most, until then").fill("3");
  await page.getByLabel("Last day").fill("2999-12-31");
  await page.locator("#raise-reason").fill("The fair");
  await page.getByRole("button", { name: "Save the raise" }).click();
  await expect(limit).toContainText("2 requests of 3 requests");
  expect([await call(), await call()]).toEqual([200, 412]);

  await open(page, `${HOME}/limits`);
  await limit.getByRole("link", { name: /Change/ }).click();
  await expect(page.getByRole("heading", { name: "Reset what was used" })).toBeVisible();
  await hydrated(page);
  const history = page.getByRole("table", { name: "Corrections of the limit" });
  await expect(history.getByRole("row").filter({ hasText: "The fair" })).toContainText("Raised from 2 requests to 3 requests");
  await page.locator("#reset-reason").fill("A test ran wild");
  await page.getByRole("button", { name: "Reset to zero" }).click();
  await expect(limit).toContainText("0 requests of 3 requests");
  expect(await call()).toBe(200);

  await open(page, `${HOME}/limits`);
  await limit.getByRole("link", { name: /Change/ }).click();
  await expect(page.getByRole("heading", { name: "History" })).toBeVisible();
  await hydrated(page);
  const reset = history.getByRole("row").filter({ hasText: "A test ran wild" });
  await expect(reset).toContainText("3 requests used, reset to zero");
  await expect(reset).toContainText(OWNER.name);
  await expectNoAxe(page);
  await expectFits(page, "limit-history");

  await open(page, `${HOME}/limits`);
  await limit.getByRole("button", { name: /Delete the limit on Limited upstream/ }).click();
  await expect(limit).toHaveCount(0);
  expect([await call(), await call(), await call()]).toEqual([200, 200, 200]);

  // One that is never reached is set, and told of.
  for (const [on, amount, said] of [
    ["The organisation: all calls together", "1000", "The limit is set"],
    ["Virtual key: Limited upstream", "2000", /The limit is set, but/],
  ] as const) {
    await open(page, `${HOME}/limits`);
    await page.getByLabel("On", { exact: true }).selectOption({ label: on });
    await page.getByLabel("What is counted").selectOption("tokens");
    await page.getByLabel("At most", { exact: true }).fill(amount);
    await page.getByRole("button", { name: "Set the limit" }).click();
    await expectSaid(page, said);
  }
  await open(page, `${HOME}/limits`);
  await expect(page.getByText(/^Limited upstream: 2,000 tokens in a month is more than the limit of the organisation/)).toBeVisible();
  await expectNoAxe(page);

  // Billing has the organisation's budgets, and leads to them.
  await open(page, `${HOME}/billing`);
  const budgets = page.getByRole("table", { name: "Budgets of the organisation" });
  await expect(budgets.getByRole("row").filter({ hasText: "1,000 tokens in a month" })).toContainText("When it is used up");
  await page.getByRole("link", { name: "Set a budget or an alert" }).click();
  await expect(page.getByRole("heading", { name: "Set a limit on The organisation" })).toBeVisible();
});

test("an Admin sets limits, and a Member does not find them", async ({ page, newContext }) => {
  await signIn(page);
  for (const [person, role] of [[BO, "Admin"], [CY, "Member"]] as const) {
    const [link = ""] = await invite(page, role, [person.email]);
    const theirs = await (await newContext()).newPage();
    await join(theirs, link, person);
    await expect(theirs.getByRole("link", { name: "Limits", exact: true })).toHaveCount(role === "Admin" ? 1 : 0);
    const answer = await theirs.goto(`${HOME}/limits`);
    expect(answer?.status()).toBe(role === "Admin" ? 200 : 403);
  }
});
