// Billing: what calls of a month cost, by whom and of what; the settings of statements; and that it is there for Owners alone.
import {
  BO,
  CY,
  HOME,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectClosed,
  expectFits,
  expectNoAxe,
  expectPage,
  expectSaid,
  fact,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";
import type { Locator, Page } from "@playwright/test";

test.describe.configure({ mode: "serial", timeout: 120_000 });

/** One figure of the month, by its name. */
const figure = (page: Page, name: string): Locator =>
  page
    .getByRole("list", { name: "Figures" })
    .getByRole("listitem")
    .filter({ has: page.getByRole("link", { name, exact: true }) })
    .locator(".board-figure");

const inNavigation = (page: Page) =>
  page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Billing", exact: true });

test("a month without a call says so, and what there is to pay for is told", async ({ page }) => {
  await signIn(page);
  await open(page, HOME);
  await inNavigation(page).click();
  await expectPage(page, "Billing");
  await hydrated(page);
  await expect(page).toHaveURL(new RegExp(`${HOME}/billing$`));
  await expect(inNavigation(page)).toHaveAttribute("aria-current", "page");
  await expect(page.getByRole("main")).toContainText(/What calls cost in \w+ \d{4} until now, UTC, before mark-ups\./);
  await expect(figure(page, "Cost")).toHaveText("$0.00");
  await expect(figure(page, "Calls")).toHaveText("0");
  await expect(page.getByText("There was no call in this month.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Monthly statements" })).toBeVisible();
  await expect(page.getByText(/^The next one is made when its month closes, on /)).toBeVisible();
  await expect(page.getByRole("heading", { name: "Seats and keys" })).toBeVisible();
  await expect(fact(page, "Owners")).toHaveText("1");
  await expect(fact(page, "Admins")).toHaveText("0");
  await expect(fact(page, "API keys that work")).toHaveText("1");
  await expect(fact(page, "Virtual keys")).toHaveText("0");
  await expectNoAxe(page);
  await expectFits(page, "billing-empty");
});

test("a month tells what calls cost, and by whom and of what", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Priced models", baseUrl: upstream.baseUrl });
  await open(page, `${HOME}/logs/prices?provider=openai-compatible&model=brass-large`);
  await page.getByLabel("Input", { exact: true }).fill("1000");
  await page.getByLabel("Output", { exact: true }).fill("2000");
  await page.getByRole("button", { name: "Set the price" }).click();
  await expectSaid(page, "The price is set");
  const secret = await createApiKey(page, "billed");
  // 3 tokens read and 5 written by each; one of the models has no price.
  for (const model of ["brass-large", "brass-small"]) {
    const answer = await callModel(latchkey.url, secret, { model: `@priced-models/${model}` });
    expect(answer.status, model).toBe(200);
    await answer.text();
  }

  await expect(async () => {
    await open(page, `${HOME}/billing`);
    await expect(figure(page, "Calls")).toHaveText("2", { timeout: 500 });
  }).toPass();
  await expect(figure(page, "Cost")).toHaveText("$0.0130");
  await expect(figure(page, "Tokens")).toHaveText("16");
  await expect(figure(page, "Calls without a price")).toHaveText("1");
  await expect(fact(page, "API keys that work")).toHaveText("2");
  await expect(page.getByRole("table", { name: "Cost by provider" })).toContainText("$0.013");
  await expectNoAxe(page);
  await expectFits(page, "billing");

  await page.getByRole("link", { name: "By model", exact: true }).click();
  await expect(page).toHaveURL(/[?&]by=model\b/);
  const models = page.getByRole("table", { name: "Cost by model" });
  const priced = models.getByRole("row").filter({ hasText: "brass-large" });
  await expect(priced).toContainText("$0.013");
  await expect(models.getByRole("row").filter({ hasText: "brass-small" })).toContainText("unknown");
  await expect(priced.getByRole("link")).toHaveAttribute("href", /\/analytics\?.*\bgroup=model\b.*\bmodel_is=brass-large\b/);
  await expect(page.getByRole("link", { name: "By model", exact: true })).toHaveAttribute("aria-current", "page");
  await page.getByRole("link", { name: "By virtual key", exact: true }).click();
  const virtualKeys = page.getByRole("table", { name: "Cost by virtual key" });
  await expect(virtualKeys.getByRole("row").filter({ hasText: "@priced-models" })).toContainText("$0.013");
  await page.getByRole("link", { name: "By API key", exact: true }).click();
  const keys = page.getByRole("table", { name: "Cost by API key" });
  await expect(keys.getByRole("row").filter({ hasText: "billed" })).toContainText("$0.013");

  // The month before has no calls; there is none behind the running one.
  const pages = page.getByRole("group", { name: "Pages" });
  await expect(pages.getByRole("link", { name: "Next" })).toHaveAttribute("aria-disabled", "true");
  await pages.getByRole("link", { name: "Previous" }).click();
  await expect(page).toHaveURL(/[?&]month=\d{4}-\d\d\b/);
  await expect(page.getByText("There was no call in this month.")).toBeVisible();
  await expect(page.getByRole("main")).toContainText(/What calls cost in \w+ \d{4}, UTC, before mark-ups\./);
  await pages.getByRole("link", { name: "Next" }).click();
  await expect(figure(page, "Cost")).toHaveText("$0.0130");
  expect((await page.goto(`${HOME}/billing?month=2999-01`))?.status()).toBe(422);
  expect((await page.goto(`${HOME}/billing/statements/2020-01`))?.status(), "a statement that was never made").toBe(404);
});

test("contact, currency, rate and mark-ups are set, and each mistake stands beside its field", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await open(page, `${HOME}/billing`);
  await page.getByRole("main").getByRole("link", { name: "Settings", exact: true }).click();
  await expectPage(page, "Billing settings");
  await hydrated(page);
  const field = (label: string) => page.getByLabel(label, { exact: true });
  const save = () => page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(field("Currency")).toHaveValue("USD");
  await expect(field("Rate")).toHaveValue("1");
  await expect(field("OpenAI-compatible")).toHaveValue("");
  await expectNoAxe(page);
  await expectFits(page, "billing-settings");

  const mistakes: [label: string, typed: string, sentence: string][] = [
    ["Currency", "XXX", "Write the three letters of a currency as ISO 4217 has them, such as EUR."],
    ["Rate", "one", "Write what a dollar is in this currency, such as 0.92, with at most six decimals."],
    ["OpenAI-compatible", "12,5", "Write a percentage from -100 to 1000, such as 12.5, with at most two decimals; a discount is below 0."],
  ];
  await field("Name (optional)").fill("Accounts office");
  await field("E-mail address (optional)").fill("nobody");
  for (const [label, typed] of mistakes) await field(label).fill(typed);
  await save();
  const problem = page.getByRole("alert").filter({ hasText: "The settings are not saved" });
  await expect(problem).toBeFocused();
  await expect(problem.getByRole("listitem")).toHaveCount(4);
  for (const [label, typed, sentence] of mistakes) {
    await expect(field(label), label).toHaveAttribute("aria-invalid", "true");
    await expect(field(label)).toHaveAccessibleDescription(new RegExp(sentence.replace(/[.?]/g, "\\$&")));
    await expect(field(label), "what was typed").toHaveValue(typed);
    await expect(problem).toContainText(sentence);
  }
  await expect(field("E-mail address (optional)")).toHaveAttribute("aria-invalid", "true");
  await expect(field("Name (optional)")).not.toHaveAttribute("aria-invalid", "true");
  await expectNoAxe(page);

  // In dollars there is nothing to convert.
  await field("E-mail address (optional)").fill("bills@example.com");
  await field("Currency").fill("USD");
  await field("Rate").fill("0.92");
  await field("OpenAI-compatible").fill("12.50");
  await save();
  await expect(problem).toContainText("Calls cost dollars: in dollars the rate is 1.");
  await expect(field("Rate")).toHaveAttribute("aria-invalid", "true");

  await field("Currency").fill("eur");
  await field("Rate").fill("0.5");
  await field("Anthropic").fill("-20");
  await save();
  await expectSaid(page, "Saved. It applies to statements made from now on.");
  await expect(problem).toHaveCount(0);

  await open(page, `${HOME}/billing/settings`);
  for (const [label, stored] of [
    ["Name (optional)", "Accounts office"],
    ["E-mail address (optional)", "bills@example.com"],
    ["Currency", "EUR"],
    ["Rate", "0.5"],
    ["Anthropic", "-20"],
    ["OpenAI-compatible", "12.5"],
    ["Groq", ""],
  ] as const) {
    await expect(field(label), label).toHaveValue(stored);
  }
  // Mark-ups are for statements: here is what calls cost, in another currency.
  await open(page, `${HOME}/billing`);
  await expect(figure(page, "Cost")).toHaveText("EUR 0.0065");
  await open(page, `${HOME}/billing/settings`);
  await page.getByRole("link", { name: "Audit history" }).click();
  await expectPage(page, "Audit log");
  await expect(row(page, "billing.change_settings").filter({ hasText: "Done" })).toHaveCount(1);
});

test("an Admin and a Member do not find it", async ({ page, newContext }) => {
  await signIn(page);
  for (const [person, role] of [[BO, "Admin"], [CY, "Member"]] as const) {
    const [link = ""] = await invite(page, role, [person.email]);
    const theirs = await (await newContext()).newPage();
    await join(theirs, link, person);
    await open(theirs, HOME);
    const navigation = theirs.getByRole("navigation", { name: "Console" });
    await expect(navigation.getByRole("link", { name: "Logs", exact: true })).toBeVisible();
    await expect(inNavigation(theirs)).toHaveCount(0);
    for (const path of ["billing", "billing/settings", "billing/statements/2020-01"]) {
      await expectClosed(theirs, `${HOME}/${path}`);
      await expect(theirs.getByRole("main")).toContainText("Owners");
      await expect(theirs.getByRole("main")).not.toContainText("Accounts office");
    }
    await expectNoAxe(theirs);
  }
});
