// Limits: an Owner sets one on a virtual key, calls use it up, and it is raised, begun anew and taken away. An Admin may do the
// same; a Member does not find it.
import {
  BO,
  CY,
  HOME,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";

test.describe.configure({ mode: "serial", timeout: 120_000 });

test("a limit is set, used up, raised, begun anew and taken away", async ({ page, latchkey, upstream, faults }) => {
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
  await page.getByRole("button", { name: "Save the raise" }).click();
  await expect(limit).toContainText("2 requests of 3 requests");
  expect([await call(), await call()]).toEqual([200, 412]);

  await open(page, `${HOME}/limits`);
  await limit.getByRole("link", { name: /Change/ }).click();
  await expect(page.getByRole("heading", { name: "Begin anew" })).toBeVisible();
  await hydrated(page);
  await page.getByRole("button", { name: "Set what was used to nothing" }).click();
  await expect(limit).toContainText("0 requests of 3 requests");
  expect(await call()).toBe(200);

  await open(page, `${HOME}/limits`);
  await limit.getByRole("button", { name: /Delete the limit on Limited upstream/ }).click();
  await expect(limit).toHaveCount(0);
  expect([await call(), await call(), await call()]).toEqual([200, 200, 200]);
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
