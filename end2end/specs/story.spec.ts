// The main job from one end to the other: a credential stored, a key cut, a model called, the call seen, people
// invited, and each of them seeing and doing exactly what the role table says.
import {
  BO,
  CY,
  HOME,
  ORGANISATION,
  OWNER,
  callModel,
  createVirtualKey,
  expect,
  expectNoAxe,
  expectPage,
  hasJavaScript,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  switcher,
  takeSecret,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

/** The pages of the console's navigation, as words. */
async function navigation(page: Page): Promise<string[]> {
  return page.getByRole("navigation", { name: "Console" }).getByRole("listitem").allInnerTexts();
}

test("an Owner stores a credential, cuts a key, calls a model and sees the calls", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await expectPage(page, ORGANISATION);
  await open(page, `${HOME}/logs`);
  await expect(page.getByRole("heading", { name: "No calls yet" })).toBeVisible();
  expect(await navigation(page)).toEqual(["Home", "Logs", "Analytics", "Prompts", "Configs", "Guardrails", "API keys", "Virtual keys", "Limits", "Team", "Explain access", "Audit log", "Billing", "Roles", "Settings"]);

  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl, credential: "sk-upstream-secret" });
  expect(await page.content()).not.toContain("sk-upstream-secret");
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("It answers and lists 2 models: brass-large, brass-small. The first call shows whether it takes the credential.")).toBeVisible();

  await open(page, `${HOME}/api-keys`);
  await page.getByRole("link", { name: "New key", exact: true }).first().click();
  await expectPage(page, "New API key");
  await hydrated(page);
  await page.getByLabel("Name", { exact: true }).fill("ci-deploy");
  await page.getByRole("combobox", { name: "Level of Prompts" }).selectOption("write");
  if (hasJavaScript()) await expect(page.getByText("Can call models. Can write prompts. Cannot delete anything.").first()).toBeVisible();
  await page.getByRole("button", { name: "Create key" }).click();
  await expectPage(page, "ci-deploy is ready");
  const example = page.getByRole("group", { name: "example call" });
  await expect(example).toContainText("@local-models/");
  await expectNoAxe(page);
  if (hasJavaScript()) await page.getByLabel("I have saved it").check();
  await expect(page.getByRole("link", { name: "Back to the first steps" })).toHaveAttribute("href", HOME);
  const secret = await takeSecret(page, "ci-deploy");
  expect(secret).toMatch(/^lk_/);
  await expect(row(page, "ci-deploy")).toContainText("Completions, Prompts: Write");
  expect(await page.content()).not.toContain(secret);

  const whole = await callModel(latchkey.url, secret, { model: "@local-models/brass-large" });
  expect(whole.status).toBe(200);
  const answer = (await whole.json()) as { choices: [{ message: { content: string } }] };
  expect(answer.choices[0].message.content).toBe("You said: Hello brass world");

  const streamed = await callModel(latchkey.url, secret, { model: "@local-models/brass-small", stream: true });
  expect(streamed.headers.get("content-type")).toContain("text/event-stream");
  const events = (await streamed.text()).split("\n\n").filter(Boolean);
  expect(events.at(-1)).toBe("data: [DONE]");
  const words = events
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice(6)).choices[0]?.delta?.content ?? "");
  expect(words.join("")).toBe("You said: Hello brass world");
  expect(upstream.calls.at(-1)?.headers.authorization).toBe("Bearer sk-upstream-secret");

  await expect(async () => {
    await open(page, `${HOME}/logs`);
    await expect(page.getByText(/^2 calls/).first()).toBeVisible({ timeout: 500 });
  }).toPass();
  for (const model of ["brass-large", "brass-small"]) {
    const call = row(page, model);
    await expect(call).toContainText("200");
    await expect(call).toContainText("ci-deploy");
    await expect(call).toContainText("@local-models");
    await expect(call.getByRole("cell", { name: "8", exact: true })).toBeVisible();
  }
});

let links: string[] = [];

test("the Owner invites an Admin and a Member, and copies their links", async ({ page, context }) => {
  await signIn(page);
  const [forBo] = await invite(page, "Admin", [BO.email]);
  const [forCy] = await invite(page, "Member", [CY.email]);
  expect(forBo).toMatch(/\/invitation\?token=/);
  if (hasJavaScript()) {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: `link for ${CY.email}` }).click();
    await expect(page.getByRole("button", { name: `Copied link for ${CY.email}` })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(forCy);
  }
  links = [forBo ?? "", forCy ?? ""];
  await open(page, `${HOME}/team/invitations`);
  await expect(row(page, BO.email)).toContainText("Admin");
  await expect(row(page, CY.email)).toContainText("Pending");
  expect(await page.content()).not.toContain(forCy);
});

test("an Admin joins, and may do everything but change Owners", async ({ newContext }) => {
  const page = await (await newContext()).newPage();
  await open(page, links[0] ?? "");
  await expectPage(page, `Join ${ORGANISATION}`);
  await expect(page.getByText(`${OWNER.name} invites you as Admin.`)).toBeVisible();
  await expect(page.getByLabel("E-mail", { exact: true })).toHaveValue(BO.email);
  await expectNoAxe(page);
  await join(page, links[0] ?? "", BO);
  await expect(page.getByText(`You belong to ${ORGANISATION} now, as Admin.`)).toBeVisible();
  expect(await navigation(page)).toEqual(["Home", "Logs", "Analytics", "Prompts", "Configs", "Guardrails", "API keys", "Virtual keys", "Limits", "Team", "Explain access", "Audit log", "Roles", "Settings"]);
  await expect(switcher(page, ORGANISATION, "Admin")).toBeVisible();

  await open(page, `${HOME}/team`);
  await expect(page.getByRole("combobox", { name: `Role of ${OWNER.name}` })).toHaveCount(0);
  await expect(page.getByText("Only Owners change the role of an Owner, or make somebody one.")).toBeVisible();
  await expect(page.getByRole("option", { name: /Only Owners/ })).toHaveCount(0);
  await open(page, `${HOME}/team/invite`);
  const owner = page.getByRole("radio", { name: /^Owner/ });
  await expect(owner).toHaveAttribute("aria-disabled", "true");
  await expect(owner).toHaveAccessibleDescription("Only Owners can give this role.");
  for (const path of ["api-keys", "api-keys/new", "virtual-keys", "settings"]) {
    expect((await page.goto(`${HOME}/${path}`))?.status(), path).toBe(200);
  }
});

test("a Member joins, and sees and does what Members may", async ({ newContext }) => {
  const page = await (await newContext()).newPage();
  await join(page, links[1] ?? "", CY);
  await expect(page.getByText(`You belong to ${ORGANISATION} now, as Member.`)).toBeVisible();
  expect(await navigation(page)).toEqual(["Home", "Logs", "Analytics", "Prompts", "Configs", "Guardrails", "Virtual keys", "Explain access", "Roles"]);

  for (const [path, permission] of [
    ["api-keys", "api_keys.list"],
    ["team", "team.view"],
    ["settings", "organisation.update"],
    ["virtual-keys/local-models/duplicate", "virtual_keys.duplicate"],
  ] as const) {
    const response = await page.goto(`${HOME}/${path}`);
    expect(response?.status(), path).toBe(403);
    await hydrated(page);
    await expectPage(page, "Not for your role");
    await expect(page.getByText("Missing permission")).toBeVisible();
    await expect(page.getByRole("main"), path).toContainText(permission);
    await expect(page.getByRole("main")).toContainText(OWNER.name);
    await expect(page.getByRole("link", { name: "What can each role do?" })).toBeVisible();
  }
  await expectNoAxe(page);

  await open(page, `${HOME}/logs`);
  await expect(row(page, "brass-large")).toBeVisible();
});
