// Every screen as each role sees it, apart from those that rooms.spec.ts looks at: clean for axe in light and dark, and
// nowhere wider than 1280 or 360 px. The page without JavaScript is the same document before it is hydrated; the other walks
// hold it against axe. For pictures of it all: LATCHKEY_LOOKS=1 ./dev browser looks.spec.ts rooms.spec.ts
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
  fromMenu,
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
test.setTimeout(180_000);

async function look(page: Page, name: string): Promise<void> {
  await expectNoAxe(page);
  await expectFits(page, name);
}

/** Looks at each page in turn: its name for the picture, its path, its title. */
async function lookAtAll(page: Page, who: string, screens: [name: string, path: string, title: string | RegExp][]): Promise<void> {
  for (const [name, path, title] of screens) {
    await open(page, path);
    await expectPage(page, title);
    await look(page, `${who}-${name}`);
  }
}

let keyPage = "";
let callPage = "";
let invitation = "";

test("the empty rooms, and those where somebody has worked, as Owner @js", async ({ page, newContext, latchkey, upstream }) => {
  await signIn(page);
  await lookAtAll(page, "owner-empty", [
    ["logs", `${HOME}/logs`, "Logs"],
    ["api-keys", `${HOME}/api-keys`, "API keys"],
  ]);

  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl, credential: "sk-local" });
  const secret = await createApiKey(page, "support-bot");
  await createApiKey(page, "ci-deploy", { Prompts: "write", Configs: "read", Metrics: "enabled" });
  await createApiKey(page, "people-sync", { Users: "delete", "API keys": "write", Completions: "disabled" });
  for (const model of ["brass-large", "brass-small", "status-429", "brass-large"]) {
    await (await callModel(latchkey.url, secret, { model: `@local-models/${model}` })).text();
  }
  const [forBo] = await invite(page, "Admin", [BO.email]);
  const [forCy, forEve] = await invite(page, "Member", [CY.email, "eve@example.com"]);
  await look(page, "owner-invited");
  invitation = forEve ?? "";
  await join(await (await newContext()).newPage(), forBo ?? "", BO);
  await join(await (await newContext()).newPage(), forCy ?? "", CY);

  await expect(async () => {
    await open(page, `${HOME}/logs`);
    await expect(page.getByText(/^4 calls/).first()).toBeVisible({ timeout: 500 });
  }).toPass();
  callPage = (await row(page, "brass-small").getByRole("link").getAttribute("href")) ?? "";
  await open(page, `${HOME}/api-keys`);
  keyPage = (await page.getByRole("link", { name: "ci-deploy" }).getAttribute("href")) ?? "";
});

test("every screen inside an organisation, as Owner @js", async ({ page }) => {
  await signIn(page);
  await lookAtAll(page, "owner", [
    ["logs", `${HOME}/logs`, "Logs"],
    ["logs-none", `${HOME}/logs?model=none`, "Logs"],
    ["log", callPage, "brass-small"],
    ["api-keys", `${HOME}/api-keys`, "API keys"],
    ["api-keys-none", `${HOME}/api-keys?q=none`, "API keys"],
    ["api-key-new", `${HOME}/api-keys/new`, "New API key"],
    ["api-key", keyPage, "ci-deploy"],
    ["api-key-rotate", `${keyPage}/rotate`, "Rotate ci-deploy"],
    ["api-key-disable", `${keyPage}/disable`, "Disable ci-deploy"],
    ["api-key-delete", `${keyPage}/delete`, "Delete ci-deploy"],
    ["configs", `${HOME}/configs`, "Configs"],
    ["config-new", `${HOME}/configs/new?start=conditional`, "New config"],
    ["guardrails", `${HOME}/guardrails`, "Guardrails"],
    ["guardrail-new", `${HOME}/guardrails/new`, "New guardrail"],
    ["virtual-keys", `${HOME}/virtual-keys`, "Virtual keys"],
    ["virtual-key-new", `${HOME}/virtual-keys/new`, "New virtual key"],
    ["virtual-key", `${HOME}/virtual-keys/local-models`, "Local models"],
    ["virtual-key-duplicate", `${HOME}/virtual-keys/local-models/duplicate`, "Duplicate Local models"],
    ["virtual-key-delete", `${HOME}/virtual-keys/local-models/delete`, "Delete Local models"],
    ["limits", `${HOME}/limits`, "Limits"],
    ["prices", `${HOME}/logs/prices`, "Prices"],
  ]);
});

test("names in lists are large enough for a finger, and forced colours show what is chosen @js", async ({ page }) => {
  await signIn(page);
  for (const path of ["api-keys", "virtual-keys"]) {
    await open(page, `${HOME}/${path}`);
    const names = await page.locator("tbody th").getByRole("link").all();
    expect(names.length, path).toBeGreaterThan(0);
    for (const name of names) expect((await name.boundingBox())?.height, path).toBeGreaterThanOrEqual(24);
  }
  await page.emulateMedia({ forcedColors: "active" });
  await open(page, `${HOME}/api-keys/new`);
  const border = (chosen: boolean): Promise<string> =>
    page
      .getByRole("group", { name: "Preset" })
      .locator(chosen ? "input:checked + label" : "input:not(:checked) + label")
      .first()
      .evaluate((label) => getComputedStyle(label).borderTopColor);
  expect(await border(true)).not.toBe(await border(false));
});

test("the people's screens, as Owner @js", async ({ page }) => {
  await signIn(page);
  await lookAtAll(page, "owner", [
    ["team", `${HOME}/team`, "Team"],
    ["team-none", `${HOME}/team?q=none`, "Team"],
    ["invite", `${HOME}/team/invite`, "Invite people"],
    ["invitations", `${HOME}/team/invitations`, "Invitations"],
    ["reviews", `${HOME}/team/reviews`, "Access reviews"],
    ["why", `${HOME}/why?what=billing.manage`, "Explain access"],
    ["why-key", `${HOME}/why?who=key.${keyPage.split("/").at(-1)}&what=prompts.delete&level=delete`, "Explain access"],
    ["roles", `${HOME}/roles`, "Roles"],
    ["settings", `${HOME}/settings`, "Settings"],
    ["audit", `${HOME}/audit`, "Audit log"],
    ["audit-none", `${HOME}/audit?request_id=none`, "Audit log"],
    ["audit-event", `${HOME}/audit/1`, "Event #1"],
    ["billing", `${HOME}/billing`, "Billing"],
    ["billing-settings", `${HOME}/billing/settings`, "Billing settings"],
    ["audit-delivery", `${HOME}/audit/delivery`, "Delivery of the audit log"],
    ["leave", `${HOME}/leave`, /^Leave/],
    ["not-found", `${HOME}/api-keys/00000000-0000-7000-8000-000000000000`, "Nothing here"],
    ["organisations", "/organisations", "Your organisations"],
    ["organisation-new", "/organisations/new", "Create an organisation"],
    ["account", "/account", "Your account"],
    ["confirm", "/account/confirm", "Confirm your password"],
  ]);
  for (const [item, title] of [
    ["Password link", `Password link for ${CY.name}`],
    ["Remove", `Remove ${CY.name}`],
  ] as const) {
    await open(page, `${HOME}/team`);
    await fromMenu(page, CY.name, item);
    await expectPage(page, title);
    await hydrated(page);
    await look(page, `owner-${item.toLowerCase().replace(" ", "-")}`);
  }
});

test("names without a break fit @js", async ({ page, upstream }) => {
  const name = "w".repeat(100);
  await signIn(page);
  await createVirtualKey(page, { name, baseUrl: upstream.baseUrl });
  const virtualKey = new URL(page.url()).pathname;
  await createApiKey(page, name);
  const key = (await page.getByRole("link", { name }).getAttribute("href")) ?? "";
  await open(page, "/organisations/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Short name").fill("long-name");
  await page.getByRole("button", { name: "Create organisation" }).click();
  await expectPage(page, `${name} is ready`);
  for (const path of [
    `${HOME}/api-keys`,
    key,
    `${key}/rotate`,
    `${key}/disable`,
    `${key}/delete`,
    `${HOME}/virtual-keys`,
    virtualKey,
    `${virtualKey}/duplicate`,
    `${virtualKey}/delete`,
    `${HOME}/limits`,
    "/organisations",
    "/o/long-name/settings",
    "/o/long-name/leave",
    "/o/long-name/team",
  ]) {
    await open(page, path);
    await expectFits(page, `long-${path.split("/").slice(-2).join("-")}`);
  }
  const address = `${"w".repeat(60)}@${"w".repeat(60)}.example`;
  await invite(page, "Member", [address]);
  await expectFits(page, "long-invited");
  await open(page, `${HOME}/team/invitations`);
  await expectFits(page, "long-invitations");
});

test("open panels, a changed form and a secret, as Owner @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  await page.getByRole("button", { name: /^Organisation: / }).click();
  await look(page, "owner-switcher");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Actions for ci-deploy" }).click();
  await look(page, "owner-row-menu");

  await open(page, keyPage);
  await page.getByRole("combobox", { name: "Level of API keys" }).selectOption("delete");
  await page.getByRole("combobox", { name: "Level of Prompts" }).selectOption("disabled");
  await look(page, "owner-api-key-changed");
  await page.getByRole("combobox", { name: "Level of API keys" }).selectOption("disabled");
  await page.getByRole("combobox", { name: "Level of Prompts" }).selectOption("write");

  await open(page, `${HOME}/api-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill("shown-once");
  await page.getByRole("button", { name: "Create key" }).click();
  await expectPage(page, "shown-once is ready");
  await look(page, "owner-api-key-made");
});

test("the screens of an Admin @js", async ({ page }) => {
  await signIn(page, BO);
  await lookAtAll(page, "admin", [
    ["logs", `${HOME}/logs`, "Logs"],
    ["api-key", keyPage, "ci-deploy"],
    ["team", `${HOME}/team`, "Team"],
    ["invite", `${HOME}/team/invite`, "Invite people"],
    ["reviews", `${HOME}/team/reviews`, "Access reviews"],
    ["limits", `${HOME}/limits`, "Limits"],
    ["audit-delivery", `${HOME}/audit/delivery`, "Delivery of the audit log"],
    ["billing-not-allowed", `${HOME}/billing`, "Not for your role"],
    ["settings", `${HOME}/settings`, "Settings"],
  ]);
});

test("the screens of a Member @js", async ({ page }) => {
  await signIn(page, CY);
  await lookAtAll(page, "member", [
    ["logs", `${HOME}/logs`, "Logs"],
    ["log", callPage, "brass-small"],
    ["virtual-key", `${HOME}/virtual-keys/local-models`, "Local models"],
    ["why", `${HOME}/why?what=prompts.publish&role=admin`, "Explain access"],
    ["roles", `${HOME}/roles`, "Roles"],
    ["not-allowed", `${HOME}/api-keys`, "Not for your role"],
    ["leave", `${HOME}/leave`, /^Leave/],
  ]);
});

test("the screens for people who are signed out @js", async ({ page }) => {
  await lookAtAll(page, "out", [
    ["sign-in", "/sign-in", "Sign in to Latchkey"],
    ["forgot", "/forgot", "Forgot your password?"],
    ["reset-spent", "/reset?token=spent", "This link does not work any more"],
    ["invitation", invitation, /^Join/],
    ["not-found", "/nowhere", "Nothing here"],
  ]);
});
