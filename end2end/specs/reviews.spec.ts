// Access reviews: begun, decided row by row, finished early or by the last decision, and kept as evidence.
import {
  BO,
  CY,
  HOME,
  OWNER,
  callModel,
  comeBack,
  createApiKey,
  errorOf,
  expect,
  expectClosed,
  expectFits,
  expectNoAxe,
  expectPage,
  expectSaid,
  exported,
  fromMenu,
  hasJavaScript,
  hydrated,
  invite,
  join,
  keepSession,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";
import { expectCleanMarkup } from "../support/markup.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial", timeout: 120_000 });

const REVIEWS = `${HOME}/team/reviews`;
const REASON = "The others are looked at in spring.";
const COMMENT = "Nobody knows what it was for";

/** The path of the Owner's review, and the secret of the key that is revoked in it. */
let review = "";
let secret = "";

const rows = (page: Page) => page.getByRole("table", { name: "Rows of the review" }).getByRole("row");
/** The row of a review that is about this, not one that merely names it. */
const about = (page: Page, name: string) => rows(page).filter({ has: page.getByRole("link", { name, exact: true }) });
const confirms = (page: Page) => page.getByRole("button", { name: /^Confirm / });

/** Begins a review from the list, and gives its path. */
async function start(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Start a review" }).click();
  await page.waitForURL(/\/team\/reviews\/[0-9a-f-]{36}$/);
  await expectPage(page, /^Review of \d+ \w+ \d{4}$/);
  await hydrated(page);
  return new URL(page.url()).pathname;
}

test("an Owner, an Admin, a Member and two keys are there", async ({ page, newContext }) => {
  await signIn(page);
  await keepSession(page.context(), OWNER);
  secret = await createApiKey(page, "ci-deploy");
  await createApiKey(page, "night-shift");
  for (const [role, person] of [["Admin", BO], ["Member", CY]] as const) {
    const [link] = await invite(page, role, [person.email]);
    const context = await newContext();
    await join(await context.newPage(), link ?? "", person);
    await keepSession(context, person);
  }
});

test("a review holds everybody and every key, and rows are confirmed in it", async ({ page }) => {
  await comeBack(page, OWNER);
  await open(page, `${HOME}/team`);
  await page.getByRole("main").getByRole("link", { name: "Access reviews" }).click();
  await expectPage(page, "Access reviews");
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "No access review yet" })).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "reviews-empty");

  review = await start(page);
  await expect(page.getByRole("main")).toContainText(`Begun by ${OWNER.name}`);
  await expect(page.getByRole("main")).toContainText("0 of 6 decided, 0 revoked.");
  await expect(rows(page)).toHaveCount(7);
  await expect(about(page, OWNER.name)).toContainText("Owner");
  await expect(about(page, BO.name)).toContainText(BO.email);
  await expect(about(page, "ci-deploy")).toContainText(`API key, acts for ${OWNER.name}`);
  await expect(about(page, "ci-deploy")).toContainText("Unused for 90 days: not known yet");
  await expect(about(page, "ci-deploy")).toContainText("never");
  await expect(about(page, CY.name)).toContainText("Undecided");
  await expectNoAxe(page);
  await expectFits(page, "review");

  const below = review.replace(HOME, "");
  await expectCleanMarkup(page, [below, `${below}/1`, `${below}/4?act=revoke`]);

  // One press, where there is nothing to say.
  await page.getByRole("button", { name: `Confirm ${CY.name}`, exact: true }).click();
  await expect(about(page, CY.name)).toContainText("Confirmed");
  await expect(about(page, CY.name)).toContainText(`by ${OWNER.name}`);
  await expect(page.getByRole("button", { name: `Confirm ${CY.name}`, exact: true })).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("1 of 6 decided, 0 revoked.");

  // With a comment on a page of its own.
  await open(page, review);
  await fromMenu(page, BO.name, "Confirm with a comment");
  await expectPage(page, BO.name);
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "When the review began" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("Admin");
  await expectNoAxe(page);
  await expectFits(page, "review-row");
  await page.getByLabel("Comment (optional)").fill("On call until May");
  await page.getByRole("button", { name: "Confirm", exact: true }).click();
  await expectSaid(page, hasJavaScript() ? `${BO.name} is confirmed` : "The row is decided.");
  // What is left to be decided is in view.
  await expect(page).toHaveURL(/[?&]decision=open\b/);
  await expect(about(page, BO.name)).toHaveCount(0);
  await expect(about(page, "ci-deploy")).toBeVisible();
  await page.getByRole("link", { name: "Remove Decision: Undecided" }).click();
  await expect(about(page, BO.name)).toContainText(`by ${OWNER.name}: On call until May`);
});

test("a key is revoked by its row, and opens nothing from then on", async ({ page, latchkey }) => {
  await comeBack(page, OWNER);
  await open(page, review);
  await fromMenu(page, "ci-deploy", "Revoke");
  await expectPage(page, "ci-deploy");
  await hydrated(page);
  await expect(page.getByText("It opens nothing until it is enabled again. Its secret stays the same.")).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("main").getByRole("link", { name: "Cancel" }).click();
  await expectPage(page, /^Review of /);
  await hydrated(page);
  await expect(about(page, "ci-deploy")).toContainText("Undecided");

  await fromMenu(page, "ci-deploy", "Revoke");
  await expectPage(page, "ci-deploy");
  await hydrated(page);
  await page.getByLabel("Comment (optional)").fill(COMMENT);
  await page.getByRole("button", { name: "Disable the key" }).click();
  await expectSaid(page, hasJavaScript() ? "ci-deploy is revoked" : "The row is decided.");
  await open(page, review);
  await expect(about(page, "ci-deploy")).toContainText("Revoked");
  await expect(about(page, "ci-deploy")).toContainText(`by ${OWNER.name}: ${COMMENT}`);
  await expect(page.getByRole("button", { name: "Actions for ci-deploy", exact: true })).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("3 of 6 decided, 1 revoked.");

  const refused = await callModel(latchkey.url, secret, { model: "@none/brass-large" });
  expect(refused.status).toBe(401);
  expect((await errorOf(refused)).code).toBe("api_key_disabled");
  await open(page, `${HOME}/api-keys`);
  await expect(row(page, "ci-deploy")).toContainText("Disabled");
});

test("what may not be revoked is refused, and stays undecided", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await comeBack(page, OWNER);
  await open(page, review);
  await fromMenu(page, OWNER.name, "Revoke");
  await expectPage(page, OWNER.name);
  await hydrated(page);
  await page.getByRole("button", { name: "Remove the person" }).click();
  const problem = page.getByRole("alert").filter({ hasText: "Nothing was revoked" });
  await expect(problem).toContainText("Nobody removes themselves. Leave the organisation instead.");
  await expectNoAxe(page);
  await open(page, review);
  await expect(about(page, OWNER.name)).toContainText("Undecided");
});

test("a review is finished early with a reason, and stays as it was", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await comeBack(page, OWNER);
  await open(page, review);
  await expect(page.getByRole("main")).toContainText("3 rows are undecided.");
  const reason = page.getByLabel("Reason", { exact: true });
  const finish = () => page.getByRole("button", { name: "Finish now" }).click();
  await finish();
  const problem = page.getByRole("alert").filter({ hasText: "The review is not finished" });
  await expect(problem).toContainText("The reason is needed.");
  await expect(reason).toHaveAttribute("aria-invalid", "true");
  await expect(reason).toHaveAccessibleDescription(/The reason is needed\./);
  await reason.fill(REASON);
  await finish();
  await expectSaid(page, /^The review is finished/);

  await open(page, review);
  const main = page.getByRole("main");
  await expect(main).toContainText("Finished early");
  await expect(main).toContainText(`Finished by ${OWNER.name}`);
  await expect(main).toContainText(`It does not change any more. 3 rows were left: ${REASON}`);
  await expect(confirms(page)).toHaveCount(0);
  await expect(page.getByRole("button", { name: /^Actions for / })).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "Finish early" })).toHaveCount(0);
  await expectNoAxe(page);
  await expectFits(page, "review-finished");
  await expectCleanMarkup(page, [review.replace(HOME, "")]);

  const [name, csv] = await exported(page, "Export as CSV");
  expect(name).toMatch(/^access-review-analytical-engines-\d{4}-\d\d-\d\d\.csv$/);
  const lines = csv.trimEnd().split("\r\n");
  expect(lines).toHaveLength(7);
  expect(lines[0]).toMatch(/^review,started_at,started_by,.*,decision,decided_by,decided_at,comment$/);
  for (const line of lines.slice(1)) expect(line).toContain(`"${REASON}"`);
  expect(lines.find((line) => line.includes('"ci-deploy"'))).toMatch(new RegExp(`"revoked","${OWNER.name}","[^"]+","${COMMENT}"$`));
  expect(lines.find((line) => line.includes(`"${CY.email}"`))).toContain('"confirmed"');
  expect(lines.filter((line) => line.includes('"undecided"'))).toHaveLength(3);

  // A row of it can be read, and no more.
  await open(page, review);
  await page.getByRole("link", { name: "night-shift", exact: true }).click();
  await expectPage(page, "night-shift");
  await hydrated(page);
  await expect(page.getByRole("button", { name: "Confirm", exact: true })).toHaveCount(0);
  await expect(main.getByRole("link", { name: "Revoke", exact: true })).toHaveCount(0);
  await main.getByRole("link", { name: "Back to the review" }).click();
  await expectPage(page, /^Review of /);

  await open(page, REVIEWS);
  const listed = page.getByRole("table", { name: "Access reviews" }).getByRole("row").filter({ hasText: "Review of" });
  await expect(listed).toHaveCount(1);
  await expect(listed).toContainText("3 people, 3 API keys");
  await expect(listed).toContainText("3 of 6 decided, 1 revoked");
  await expect(listed).toContainText("Finished early");
  await expect(listed.getByRole("link")).toHaveAttribute("href", review);
  await expectNoAxe(page);
  await expectFits(page, "reviews");
});

test("a Member is shown no review", async ({ page }) => {
  await comeBack(page, CY);
  for (const path of [REVIEWS, review, `${review}/1`]) {
    await expectClosed(page, path);
    await expect(page.getByRole("main")).not.toContainText(BO.email);
  }
});

test("an Admin reviews as well, and the last decision finishes the review", async ({ page }) => {
  await comeBack(page, BO);
  await open(page, review);
  await expect(about(page, "ci-deploy")).toContainText(COMMENT);
  await open(page, REVIEWS);
  const own = await start(page);
  expect(own).not.toBe(review);
  // What was revoked before is in it no more.
  await expect(rows(page)).toHaveCount(6);
  await expect(about(page, "ci-deploy")).toHaveCount(0);
  await open(page, REVIEWS);
  await expect(page.getByRole("button", { name: "Start a review" })).toHaveCount(0);
  await page.getByRole("link", { name: "Continue the open review" }).click();
  await expectPage(page, /^Review of /);
  await hydrated(page);

  await fromMenu(page, CY.name, "Revoke");
  await expectPage(page, CY.name);
  await hydrated(page);
  await expect(page.getByText("They lose access to this organisation at once, in every browser.")).toBeVisible();
  await page.getByRole("button", { name: "Remove the person" }).click();
  await expectSaid(page, hasJavaScript() ? `${CY.name} is revoked` : "The row is decided.");
  await expect(about(page, CY.name)).toHaveCount(0);
  await open(page, own);
  for (let left = 4; left > 0; left -= 1) {
    await expect(confirms(page)).toHaveCount(left);
    await expect(page.getByRole("main")).toContainText(`${5 - left} of 5 decided, 1 revoked.`);
    await confirms(page).first().click();
  }
  await expect(confirms(page)).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("5 of 5 decided, 1 revoked.");
  await expect(page.getByRole("main")).toContainText(`Finished by ${BO.name}`);
  await expect(page.getByRole("heading", { name: "Finish early" })).toHaveCount(0);
  await open(page, `${HOME}/team`);
  await expect(row(page, CY.name)).toHaveCount(0);
  await expect(row(page, BO.email)).toHaveCount(1);
});
