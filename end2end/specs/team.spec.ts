// The team: roles in the row, the last Owner, removing with what becomes of keys, leaving, invitations, the roles' page.
import {
  BO,
  CY,
  HOME,
  ORGANISATION,
  OWNER,
  callModel,
  choose,
  createApiKey,
  createVirtualKey,
  expect,
  expectNoAxe,
  expectPage,
  fromMenu,
  hasJavaScript,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  switcher,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

/** Changes a role in the row, as this browser lets one. */
async function changeInRow(page: Page, name: string, role: string): Promise<void> {
  await page.getByRole("combobox", { name: `Role of ${name}` }).selectOption(role);
  if (!hasJavaScript()) await page.getByRole("button", { name: `Save (Role of ${name})` }).click();
}

test("people join and stand in the list, which can be searched and filtered", async ({ page, newContext }) => {
  await signIn(page);
  const [forBo] = await invite(page, "Admin", [BO.email]);
  const [forCy] = await invite(page, "Member", [CY.email]);
  await join(await (await newContext()).newPage(), forBo ?? "", BO);
  await join(await (await newContext()).newPage(), forCy ?? "", CY);

  await open(page, `${HOME}/team`);
  await expect(page.getByText("3 members")).toBeVisible();
  await expect(row(page, OWNER.name)).toContainText("You");
  await expect(row(page, OWNER.name).getByRole("cell", { name: "Active", exact: true })).toBeVisible();
  await expectNoAxe(page);

  const search = page.getByRole("searchbox", { name: "Name or e-mail" });
  await search.fill("okafor");
  await search.press("Enter");
  await expect(page).toHaveURL(/[?&]q=okafor/);
  await expect(row(page, BO.name)).toHaveCount(0);
  await expect(row(page, CY.name)).toBeVisible();
  await expect(page.getByText("1 of 3 members")).toBeVisible();

  await open(page, `${HOME}/team?role=admin`);
  await expect(row(page, BO.name)).toBeVisible();
  await expect(row(page, CY.name)).toHaveCount(0);
});

test("a role changes in the row", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/team`);
  await changeInRow(page, CY.name, "admin");
  if (hasJavaScript()) {
    await expect(page.getByRole("status").filter({ hasText: `${CY.name} is now Admin` })).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.getByRole("status").filter({ hasText: `${CY.name} is Member again` })).toBeVisible();
    await expect(page.getByRole("combobox", { name: `Role of ${CY.name}` })).toHaveValue("member");
    await changeInRow(page, CY.name, "admin");
    await expect(page.getByRole("status").filter({ hasText: `${CY.name} is now Admin` })).toBeVisible();
  }
  await expect(page.getByRole("combobox", { name: `Role of ${CY.name}` })).toHaveValue("admin");
  await expect(row(page, CY.name)).toHaveClass(/marked/);
  await expect(row(page, BO.name)).not.toHaveClass(/marked/);
  await open(page, `${HOME}/team`);
  await expect(page.getByRole("combobox", { name: `Role of ${CY.name}` })).toHaveValue("admin");
  await expect(row(page, CY.name)).not.toHaveClass(/marked/);
});

test("what others change is told, and shown when that is wanted @js", async ({ page, newContext }) => {
  const other = await (await newContext()).newPage();
  await signIn(other, BO);
  await signIn(page);
  await open(page, `${HOME}/team`);
  const news = page.getByRole("status").filter({ hasText: "by others" });
  // One's own changes are no news, wherever they were made.
  const own = await page.context().newPage();
  await open(own, `${HOME}/team`);
  await changeInRow(own, CY.name, "member");
  await expect(own.getByRole("status").filter({ hasText: `${CY.name} is now Member` })).toBeVisible();
  await open(other, `${HOME}/team`);
  await changeInRow(other, CY.name, "admin");
  await expect(other.getByRole("status").filter({ hasText: `${CY.name} is now Admin` })).toBeVisible();
  await changeInRow(other, CY.name, "member");
  await expect(other.getByRole("status").filter({ hasText: `${CY.name} is now Member` })).toBeVisible();
  const heading = page.getByRole("heading", { level: 1 });
  const before = await heading.boundingBox();
  await expect(news).toContainText("2 changes by others.", { timeout: 20_000 });
  expect(await heading.boundingBox()).toEqual(before);
  await expect(page.getByRole("combobox", { name: `Role of ${CY.name}` })).toHaveValue("admin");
  await expectNoAxe(page);
  await news.getByRole("button", { name: "Show" }).click();
  await expect(page.getByRole("combobox", { name: `Role of ${CY.name}` })).toHaveValue("member");
  await expect(news).toHaveCount(0);
  await changeInRow(page, CY.name, "admin");
  await expect(page.getByRole("status").filter({ hasText: `${CY.name} is now Admin` })).toBeVisible();
});

test("the navigation follows a role that changed meanwhile, and the page keeps what was typed @js", async ({
  page,
  newContext,
  faults,
}) => {
  faults.allow(/status of 403 .*\/fn\/virtual_keys\/create/);
  const theirs = await (await newContext()).newPage();
  await signIn(theirs, BO);
  await open(theirs, `${HOME}/virtual-keys/new`);
  await theirs.getByLabel("Name", { exact: true }).fill("half typed");
  await theirs.getByLabel("Credential", { exact: true }).fill("sk-something");
  await signIn(page);
  await open(page, `${HOME}/team`);
  await changeInRow(page, BO.name, "member");
  await expect(page.getByRole("status").filter({ hasText: `${BO.name} is now Member` })).toBeVisible();
  await theirs.getByRole("button", { name: "Create virtual key" }).click();
  await expect(switcher(theirs, ORGANISATION, "Member")).toBeVisible();
  await expect(theirs.getByLabel("Name", { exact: true })).toHaveValue("half typed");
  await changeInRow(page, BO.name, "admin");
  await expect(page.getByRole("status").filter({ hasText: `${BO.name} is now Admin` })).toBeVisible();
});

test("F6 leads to the newest message @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/team`);
  const messages = page.getByRole("region", { name: "Messages" });
  for (const role of ["Member", "Admin"]) {
    await changeInRow(page, CY.name, role.toLowerCase());
    await expect(messages.getByText(`${CY.name} is now ${role}`)).toBeVisible();
  }
  await expect(messages.getByRole("button", { name: "Undo" })).toHaveCount(2);
  await page.keyboard.press("F6");
  await expect(messages.locator(":focus")).toContainText(`${CY.name} is now Admin`);
});

test("making an Owner asks first, and the harmless way stands first", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/team`);
  await changeInRow(page, CY.name, "owner");
  await expectPage(page, `Make ${CY.name} an Owner`);
  await expect(page.getByText("An Owner can only be demoted by an Owner.")).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Cancel" }).click();
  await expect(page.getByRole("combobox", { name: `Role of ${CY.name}` })).toHaveValue("admin");
});

test("several people get a role together, and who cannot is left out with the reason", async ({ page }) => {
  await signIn(page);
  const bar = page.getByRole("form", { name: "What to do with the selected rows" });
  for (const role of ["Member", "Admin"]) {
    await open(page, `${HOME}/team`);
    for (const { name } of [OWNER, BO, CY]) await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
    if (hasJavaScript()) await expect(bar).toContainText("3 selected");
    await bar.getByRole("combobox", { name: "New role" }).selectOption(role.toLowerCase());
    await expectNoAxe(page);
    await bar.getByRole("button", { name: "Change role", exact: true }).click();
    await expectPage(page, `Make 2 people ${role}s?`);
    await hydrated(page);
    await expect(page.getByText(`${OWNER.name}: this is you. Change your own role by itself.`)).toBeVisible();
    await expectNoAxe(page);
    await page.getByRole("button", { name: `Make 2 people ${role}s` }).click();
    await expectPage(page, `2 people made ${role}`);
    await expect(page.getByRole("listitem").filter({ hasText: CY.name })).toContainText(`Made ${role}`);
  }
  await page.getByRole("link", { name: "Back to the team" }).click();
  await expect(page.getByRole("combobox", { name: `Role of ${CY.name}` })).toHaveValue("admin");
  await open(page, `${HOME}/team`);
  for (const { name } of [OWNER, CY]) await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
  await bar.getByRole("button", { name: "Remove", exact: true }).click();
  await expectPage(page, "Remove 1 person?");
  await hydrated(page);
  await expect(page.getByText(`${OWNER.name}: nobody removes themselves.`)).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Cancel" }).click();
  await expectPage(page, "Team");
});

test("the only Owner can be neither lowered nor removed, and cannot leave", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/team`);
  await expect(page.getByRole("combobox", { name: `Role of ${OWNER.name}` })).toHaveCount(0);
  await expect(row(page, OWNER.name).getByText("Owner", { exact: true })).toBeVisible();
  await expect(page.getByText("There is only one Owner, who cannot be changed or leave until there is another.")).toBeVisible();
  await expect(page.getByRole("link", { name: "invite another Owner" })).toBeVisible();
  await page.getByRole("link", { name: `Make ${BO.name} an Owner` }).click();
  await expectPage(page, `Make ${BO.name} an Owner`);
  await hydrated(page);
  await page.getByRole("link", { name: "Cancel" }).click();
  await expectPage(page, "Team");
  await hydrated(page);
  await page.getByRole("button", { name: `Actions for ${OWNER.name}` }).click();
  const leave = row(page, OWNER.name).getByRole("link", { name: /^Leave/ });
  await expect(leave).toHaveAttribute("aria-disabled", "true");
  await expect(leave).toContainText("The only Owner. Make someone else an Owner first.");
  await open(page, `${HOME}/leave`);
  const button = page.getByRole("button", { name: `Leave ${ORGANISATION}` });
  await expect(button).toHaveAttribute("aria-disabled", "true");
  await expect(button).toHaveAccessibleDescription("The only Owner. Make someone else an Owner first.");
  await page.getByRole("link", { name: "Make somebody else an Owner" }).click();
  await expectPage(page, "Team");
});

test("removing somebody asks what becomes of their keys, and both answers hold", async ({ page, newContext, latchkey, upstream }) => {
  const theirs = await (await newContext()).newPage();
  await signIn(theirs, CY);
  await createVirtualKey(theirs, { name: "Local models", baseUrl: upstream.baseUrl });
  const call = { model: "@local-models/brass-large" };
  const secret = await createApiKey(theirs, "cy-key");
  expect((await callModel(latchkey.url, secret, call)).status).toBe(200);

  await signIn(page);
  await open(page, `${HOME}/team`);
  await fromMenu(page, CY.name, "Remove");
  await expectPage(page, `Remove ${CY.name}`);
  await hydrated(page);
  await expect(page.getByText("They are responsible for 1 key (cy-key).")).toBeVisible();
  await expect(page.getByRole("radio", { name: /^Take them over/ })).toBeChecked();
  await expectNoAxe(page);
  await page.getByRole("button", { name: `Remove ${CY.name}` }).click();
  const removed = hasJavaScript() ? `${CY.name} is removed from ${ORGANISATION}` : "The person was removed. They lost access at once.";
  await expect(page.getByText(removed).filter({ visible: true })).toHaveCount(1);
  await expect(row(page, CY.name)).toHaveCount(0);
  expect((await callModel(latchkey.url, secret, call)).status, "a key that was taken over works on").toBe(200);
  expect((await theirs.goto(`${HOME}/logs`))?.status(), "whoever was removed is out at once").toBe(404);

  const bos = await (await newContext()).newPage();
  await signIn(bos, BO);
  const revoked = await createApiKey(bos, "bo-key");
  expect((await callModel(latchkey.url, revoked, call)).status).toBe(200);
  await open(page, `${HOME}/team`);
  await fromMenu(page, BO.name, "Remove");
  await expectPage(page, `Remove ${BO.name}`);
  await hydrated(page);
  await choose(page, "Revoke them");
  await page.getByRole("button", { name: `Remove ${BO.name}` }).click();
  await expect(page.getByText("1 member", { exact: true })).toBeVisible();
  expect((await callModel(latchkey.url, revoked, call)).status, "a revoked key stops at once").toBe(401);
});

test("whoever leaves is out, and keeps their account", async ({ page, newContext }) => {
  await signIn(page);
  const [link] = await invite(page, "Member", [CY.email]);
  const theirs = await (await newContext()).newPage();
  await open(theirs, link ?? "");
  await theirs.getByRole("link", { name: "Sign in to accept" }).click();
  await hydrated(theirs);
  await theirs.getByLabel("E-mail", { exact: true }).fill(CY.email);
  await theirs.getByLabel("Password", { exact: true }).fill(CY.password);
  await theirs.getByRole("button", { name: "Sign in", exact: true }).click();
  await expectPage(theirs, `Join ${ORGANISATION}`);
  await hydrated(theirs);
  await theirs.getByRole("button", { name: "Accept" }).click();
  await expect(theirs.getByText(`You belong to ${ORGANISATION} now, as Member.`)).toBeVisible();
  await open(theirs, `${HOME}/roles`);
  await theirs.getByRole("link", { name: "Leave the organisation" }).click();
  await expectPage(theirs, `Leave ${ORGANISATION}`);
  await hydrated(theirs);
  await theirs.getByRole("button", { name: `Leave ${ORGANISATION}` }).click();
  await expectPage(theirs, "You belong to no organisation yet");
  expect((await theirs.goto(`${HOME}/logs`))?.status()).toBe(404);
  await open(page, `${HOME}/team`);
  await expect(row(page, CY.name)).toHaveCount(0);
});

test("each address of a batch has its own answer, and those that failed stay in the field", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/team/invite`);
  await page.getByLabel("E-mail addresses").fill(`Dee Roy <dee@example.com>, nonsense\n${OWNER.email} dee@example.com`);
  await choose(page, "Member");
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByRole("heading", { name: "1 person invited as Member" })).toBeVisible();
  const answer = (text: string) => page.getByRole("status").getByRole("listitem").filter({ hasText: text });
  await expect(answer("dee@example.com").first()).toContainText("/invitation?token=");
  await expect(answer("dee@example.com").last()).toContainText("Is here twice. It counts once.");
  await expect(answer("nonsense")).toContainText("Not invited");
  await expect(answer(OWNER.email)).toContainText("Not invited");
  if (hasJavaScript()) {
    const left = page.getByRole("list", { name: "Addresses to invite" }).getByRole("listitem");
    await expect(left).toHaveText([/^nonsense This is no e-mail address\./, new RegExp(`^${OWNER.email} Is a member already\\.`)]);
  } else {
    await expect(page.getByLabel("E-mail addresses")).toHaveValue(`nonsense\n${OWNER.email}\n`);
  }
  await expectNoAxe(page);
});

test("addresses become chips as they are typed, and say at once what is wrong with them @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/team/invite`);
  const field = page.getByLabel("E-mail addresses");
  const chips = page.getByRole("list", { name: "Addresses to invite" }).getByRole("listitem");
  await field.pressSequentially(`Ada Lind <new@example.com>, ${OWNER.email} dee@example.com;`);
  await expect(chips).toHaveText([
    /^new@example\.com\s*Remove/,
    new RegExp(`^${OWNER.email} Is a member already\\.`),
    /^dee@example\.com Is invited already\./,
  ]);
  await expect(field).toHaveValue("");
  await field.pressSequentially("NEW@example.com ");
  await expect(chips.last()).toContainText("Is here twice. It counts once.");
  await field.pressSequentially(OWNER.email);
  await expect(field).toHaveAccessibleDescription(new RegExp(`5 addresses\\. ${OWNER.email}: Is here twice`));
  await expectNoAxe(page);
  await field.fill("");
  for (const address of [OWNER.email, "dee@example.com", "NEW@example.com"]) {
    await page.getByRole("button", { name: `Remove ${address}`, exact: true }).press(address === OWNER.email ? "Enter" : "Delete");
    await expect(field).toBeFocused();
  }
  await expect(chips).toHaveText([/^new@example\.com\s*Remove/]);
  await choose(page, "Member");
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByRole("heading", { name: "1 person invited as Member" })).toBeVisible();
  await expect(chips).toHaveCount(0);
});

test("a new link ends the earlier one, and a revoked one opens nothing", async ({ page, newContext }) => {
  await signIn(page);
  const [first] = await invite(page, "Member", ["eve@example.com"]);
  const guest = await (await newContext()).newPage();
  await open(page, `${HOME}/team/invitations`);
  await fromMenu(page, "eve@example.com", "Copy a new link");
  await expectPage(page, "A new link for eve@example.com");
  await hydrated(page);
  await page.getByRole("button", { name: "Make a new link" }).click();
  const second = await page.getByRole("group", { name: "link for eve@example.com" }).innerText();
  expect(second).not.toBe(first);
  await guest.goto(first ?? "");
  await expect(guest.getByRole("button", { name: "Create account and join" })).toHaveCount(0);
  await guest.goto(second);
  await expectPage(guest, `Join ${ORGANISATION}`);

  await open(page, `${HOME}/team/invitations`);
  await fromMenu(page, "eve@example.com", "Revoke");
  await expectPage(page, "Revoke the invitation to eve@example.com");
  await hydrated(page);
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  const revoked = hasJavaScript() ? "The invitation to eve@example.com is revoked" : "The invitation was revoked. Its link opens nothing any more.";
  await expect(page.getByText(revoked).filter({ visible: true })).toHaveCount(1);
  await expect(row(page, "eve@example.com")).toHaveCount(0);
  await guest.goto(second);
  await expectPage(guest, `The invitation to ${ORGANISATION} is over`);
  await expect(guest.getByText("It was revoked.")).toBeVisible();
  await expectNoAxe(guest);
});

test("several invitations are revoked together", async ({ page }) => {
  await signIn(page);
  const addresses = ["fay@example.com", "gil@example.com"];
  await invite(page, "Member", addresses);
  await open(page, `${HOME}/team/invitations`);
  for (const address of addresses) await page.getByRole("checkbox", { name: `Select ${address}`, exact: true }).check();
  await expectNoAxe(page);
  const bar = page.getByRole("form", { name: "What to do with the selected rows" });
  await bar.getByRole("button", { name: "Revoke", exact: true }).click();
  await expectPage(page, "Revoke 2 invitations?");
  await hydrated(page);
  await expectNoAxe(page);
  await page.getByRole("button", { name: "Revoke 2 invitations" }).click();
  await expectPage(page, "2 invitations revoked");
  await page.getByRole("link", { name: "Back to the invitations" }).click();
  await expectPage(page, "Invitations");
  for (const address of addresses) await expect(row(page, address)).toHaveCount(0);
});

test("the page of roles says what the policy says", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/roles`);
  const cells = (feature: string) =>
    page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: new RegExp(`^${feature}( ?Differs)?$`) }) }).getByRole("cell");
  await expect(cells("Configs")).toHaveText([
    "list, view, create, update, delete",
    "list, view, create, update, delete",
    /^list, view, create\s*not update, delete$/,
  ]);
  await expect(page.getByRole("rowheader", { name: /^Configs ?Differs$/ })).toBeVisible();
  await expect(cells("Billing")).toHaveText(["manage", "–", "–"]);
  await expect(cells("Team").nth(2)).toHaveText("–");
  await expect(cells("API keys").nth(2)).toHaveText("–");
  await expectNoAxe(page);
});
