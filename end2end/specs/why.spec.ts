// Explain access: why somebody can or cannot do a thing, what would change it, and who can, with and without JavaScript.
import {
  CY,
  HOME,
  OWNER,
  createApiKey,
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

const WHY = `${HOME}/why`;

/** Chooses in a field of the question. */
async function pick(page: Page, field: string, label: string): Promise<void> {
  const select = page.getByRole("combobox", { name: field, exact: true });
  const name = (await select.getAttribute("name")) ?? "";
  const [value] = await select.selectOption({ label });
  if (!hasJavaScript()) await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL((url) => url.searchParams.get(name) === value);
  await hydrated(page);
}

/** The step of this title in the answer in view. */
function step(page: Page, title: string) {
  return page.getByRole("main").getByRole("listitem").filter({ hasText: title });
}

test("an Owner asks about themselves, a Member and a key", async ({ page, newContext }) => {
  await signIn(page);
  await createApiKey(page, "release bot", { Prompts: "read" });
  const [forCy] = await invite(page, "Member", [CY.email]);
  await join(await (await newContext()).newPage(), forCy ?? "", CY);

  await open(page, HOME);
  if (await page.getByRole("link", { name: "Explain access" }).isVisible()) {
    await page.getByRole("link", { name: "Explain access" }).click();
  } else {
    await open(page, WHY);
  }
  await expectPage(page, "Explain access");
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "Nothing asked yet" })).toBeVisible();
  await expectNoAxe(page);

  await pick(page, "Act", "publish prompts");
  await expect(page.getByRole("heading", { name: "Yes. You can publish prompts." })).toBeVisible();
  await expect(page).toHaveURL(/[?&]what=prompts\.publish/);

  await pick(page, "Who", `Can ${CY.name}, Member`);
  await expect(page.getByRole("heading", { name: `No. ${CY.name} cannot publish prompts.` })).toBeVisible();
  await expect(step(page, "The role does not hold it")).toContainText("decides");
  await expect(page.getByRole("main").getByRole("term").filter({ hasText: "Held by" })).toBeVisible();
  await expect(row(page, OWNER.name)).toContainText("Owner");
  await expect(row(page, CY.name)).toHaveCount(0);
  await expectNoAxe(page);
  await expectFits(page, "why-member");

  await pick(page, "If their role were", "if they were Admin");
  await expect(page.getByRole("heading", { name: `Then yes. ${CY.name} could publish prompts.` })).toBeVisible();
  await expect(page.getByText("What if: nothing is changed.")).toBeVisible();

  await pick(page, "Who", "Can the key release bot");
  await expect(page.getByRole("heading", { name: "No. release bot cannot publish prompts." })).toBeVisible();
  await expect(step(page, "Its own set does not hold it")).toContainText("The first level with it is Write.");
  await pick(page, "If its level were", "if Prompts were Write");
  await expect(page.getByRole("heading", { name: "Then yes. release bot could publish prompts." })).toBeVisible();
  await pick(page, "If the role of its person were", "if its person were Member");
  await expect(page.getByRole("heading", { name: "Then no. release bot could not publish prompts." })).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "why-key");
  // All of it stands in the address.
  const address = page.url();
  await open(page, address);
  await expect(page.getByRole("heading", { name: "Then no. release bot could not publish prompts." })).toBeVisible();
});

test("to whom it is done makes a difference for roles", async ({ page }) => {
  await signIn(page);
  await open(page, `${WHY}?what=team.assign_roles`);
  await pick(page, "Done to", `to ${CY.name}`);
  await pick(page, "Role that is given", "as Owner");
  await expect(page.getByRole("heading", { name: "Yes. You can assign roles." })).toBeVisible();
  await pick(page, "If their role were", "if they were Admin");
  await expect(page.getByRole("heading", { name: "Then no. You could not assign roles." })).toBeVisible();
  await expect(step(page, "Nobody gives what they do not hold")).toContainText("Ask an Owner.");
});

test("a Member asks about themselves, and is led there by a denial", async ({ page }) => {
  await signIn(page, CY);
  await open(page, `${HOME}/api-keys`);
  await expectPage(page, "Not for your role");
  await page.getByRole("link", { name: "Why?" }).click();
  await expectPage(page, "Explain access");
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "No. You cannot list API keys." })).toBeVisible();
  await expect(page.getByText("You can ask about yourself. Owners and Admins can ask about others.")).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Who", exact: true }).getByRole("option")).toHaveCount(1);
  await expect(page.getByRole("heading", { name: "Who can do this" })).toHaveCount(0);
  await pick(page, "If their role were", "if they were Admin");
  await expect(page.getByRole("heading", { name: "Then yes. You could list API keys." })).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "why-own");
});
